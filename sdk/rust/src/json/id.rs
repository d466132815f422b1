//! [`Id`].

use super::{Unsuitable, is_number};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// An identifier that is a JSON string or an integer of any length, written back as it
/// was read: a number stays a number with all its digits, a string stays a string.
///
/// ```
/// use dowel_sdk::Id;
/// for json in ["12345678901234567890", r#""A-7""#] {
///     let id: Id = serde_json::from_str(json).unwrap();
///     assert_eq!(serde_json::to_string(&id).unwrap(), json);
/// }
/// ```
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct Id(Box<RawValue>);

const WHAT: Unsuitable = Unsuitable("a string or an integer");

impl Id {
    /// The id without the quotes of a string: what stands in a path or a query.
    pub fn text(&self) -> Cow<'_, str> {
        let json = self.0.get();
        if is_number(json) {
            return json.into();
        }
        // Checked on reading to be a string: the raw text is only seen if that was wrong.
        serde_json::from_str::<String>(json).map_or(json.into(), Cow::Owned)
    }

    /// An id that is a string.
    pub fn string(text: &str) -> Result<Self, Unsuitable> {
        let raw = serde_json::value::to_raw_value(text).map_err(|_| WHAT)?;
        Ok(Self(raw))
    }

    fn check(raw: Box<RawValue>) -> Option<Self> {
        let text = raw.get();
        let integer = || {
            let digits = text.strip_prefix('-').unwrap_or(text);
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        };
        (text.starts_with('"') || integer()).then_some(Self(raw))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::check(raw).ok_or_else(|| WHAT.for_serde())
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl JsonSchema for Id {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_no_quotes() {
        let id: Id = serde_json::from_str(r#""a\"b""#).unwrap();
        assert_eq!(id.text(), "a\"b");
        let id: Id = serde_json::from_str("12345678901234567890").unwrap();
        assert_eq!(id.to_string(), "12345678901234567890");
        for bad in ["1.5", "1e3", "null", "true", "{}", "[]"] {
            assert!(serde_json::from_str::<Id>(bad).is_err(), "{bad}");
        }
    }
}
