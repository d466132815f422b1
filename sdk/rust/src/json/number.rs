//! [`NumberText`].

use super::{Unsuitable, is_number};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A JSON number as it was written: `1.10` stays `1.10`, and twenty digits stay twenty.
///
/// ```
/// use dowel_sdk::NumberText;
/// let number: NumberText = serde_json::from_str("12345678901234567890123").unwrap();
/// assert_eq!(serde_json::to_string(&number).unwrap(), "12345678901234567890123");
/// ```
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct NumberText(Box<RawValue>);

impl NumberText {
    /// Checks that this is a JSON number (RFC 8259, section 6).
    pub fn parse(text: &str) -> Result<Self, Unsuitable> {
        const WHAT: Unsuitable = Unsuitable("a JSON number");
        let raw = RawValue::from_string(text.to_owned()).map_err(|_| WHAT)?;
        Self::check(raw).ok_or(WHAT)
    }

    /// The digits as they were written.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The value if it is written as an integer that fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.as_str().parse().ok()
    }

    fn check(raw: Box<RawValue>) -> Option<Self> {
        is_number(raw.get()).then_some(Self(raw))
    }
}

impl<'de> Deserialize<'de> for NumberText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::check(raw).ok_or_else(|| Unsuitable("a JSON number").for_serde())
    }
}

impl PartialEq for NumberText {
    /// Compares the texts: `1.0` and `1.00` differ.
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for NumberText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for NumberText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl JsonSchema for NumberText {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "NumberText".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}
