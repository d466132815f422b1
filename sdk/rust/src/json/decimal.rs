//! [`Decimal`].

use super::{Unsuitable, is_number};
use schemars::generate::Contract;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A decimal number, such as an amount of money, digit by digit.
///
/// Reads a JSON string (`"19.90"`) or a JSON number without exponent (`19.90`), and
/// always writes a string, so that no reader in between can round it.
///
/// ```
/// use dowel_sdk::Decimal;
/// let amount: Decimal = serde_json::from_str("60.270").unwrap();
/// assert_eq!(serde_json::to_string(&amount).unwrap(), r#""60.270""#);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Decimal(String);

const WHAT: Unsuitable = Unsuitable("a decimal number such as \"19.90\"");

/// The same rule as a pattern of JSON Schema.
const PATTERN: &str = r"^-?[0-9]+(\.[0-9]+)?$";

impl Decimal {
    /// Checks the digits: an optional minus, digits, and an optional fraction.
    pub fn parse(text: &str) -> Result<Self, Unsuitable> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let well_formed = match unsigned.split_once('.') {
            Some((whole, fraction)) => digits(whole) && digits(fraction),
            None => digits(unsigned),
        };
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(WHAT)
        }
    }

    /// The digits as they were written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let read = if is_number(raw.get()) {
            Self::parse(raw.get())
        } else {
            let text: Option<Cow<'_, str>> = serde_json::from_str(raw.get()).ok();
            text.ok_or(WHAT).and_then(|text| Self::parse(&text))
        };
        read.map_err(Unsuitable::for_serde)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Decimal {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Decimal".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        match generator.contract() {
            Contract::Serialize => {
                json_schema!({ "type": "string", "format": "decimal", "pattern": PATTERN })
            }
            _ => json_schema!({
                "type": ["string", "number"], "format": "decimal", "pattern": PATTERN
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_text_and_numbers_and_nothing_else() {
        for (json, digits) in [
            ("\"19.90\"", "19.90"),
            ("19.90", "19.90"),
            ("-0", "-0"),
            (
                "\"123456789012345678901234567890.10\"",
                "123456789012345678901234567890.10",
            ),
        ] {
            let decimal: Decimal = serde_json::from_str(json).unwrap();
            assert_eq!(decimal.as_str(), digits);
            assert_eq!(
                serde_json::to_string(&decimal).unwrap(),
                format!("\"{digits}\"")
            );
        }
        for bad in [
            "1e5", "\"\"", "\".5\"", "\"5.\"", "\"1,5\"", "true", "null", "\"+1\"", "[]",
        ] {
            assert!(serde_json::from_str::<Decimal>(bad).is_err(), "{bad}");
        }
    }
}
