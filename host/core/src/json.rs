//! Raw JSON text. Payloads travel as the bytes they arrived in; a parsed copy serves
//! validation only, so that `1.10` stays `1.10` and a 20-digit id stays itself.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// One JSON value as text (RFC 8259), whitespace around it removed. Cheap to clone.
#[derive(Clone)]
pub struct JsonText(Arc<RawValue>);

/// A text that is not one JSON value, or not an acceptable one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidJson(String);

impl JsonText {
    /// Checks the syntax and keeps the text.
    pub fn parse(text: &str) -> Result<Self, InvalidJson> {
        let raw: Box<RawValue> =
            serde_json::from_str(text).map_err(|e| InvalidJson(e.to_string()))?;
        Ok(Self(raw.into()))
    }

    /// As [`parse`](Self::parse), of a text that is not needed any more: saves a copy.
    pub fn parse_owned(text: String) -> Result<Self, InvalidJson> {
        let raw = RawValue::from_string(text).map_err(|e| InvalidJson(e.to_string()))?;
        Ok(Self(raw.into()))
    }

    /// As [`parse`](Self::parse), and refuses an object that names a key twice:
    /// two readers could see two different payloads in it (RFC 8259, section 4).
    pub fn parse_strict(text: &str) -> Result<Self, InvalidJson> {
        let mut reader = serde_json::Deserializer::from_str(text);
        UniqueKeys
            .deserialize(&mut reader)
            .map_err(|e| InvalidJson(e.to_string()))?;
        Self::parse(text)
    }

    /// The JSON text of anything that can be serialised.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, InvalidJson> {
        let raw = serde_json::value::to_raw_value(value).map_err(|e| InvalidJson(e.to_string()))?;
        Ok(Self(raw.into()))
    }

    /// A JSON string.
    pub fn string(text: &str) -> Self {
        Self::from_trusted(serde_json::Value::from(text).to_string())
    }

    /// `null`.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned().into())
    }

    /// An object of already checked values, in the given order.
    pub fn object<'a>(fields: impl IntoIterator<Item = (&'a str, &'a Self)>) -> Self {
        let mut text = String::from("{");
        for (key, value) in fields {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&serde_json::Value::from(key).to_string());
            text.push(':');
            text.push_str(value.as_str());
        }
        text.push('}');
        Self::from_trusted(text)
    }

    /// An array of already checked values.
    pub fn array<'a>(items: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut text = String::from("[");
        for item in items {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(item.as_str());
        }
        text.push(']');
        Self::from_trusted(text)
    }

    /// The items of an array, or `None` if this is something else.
    pub fn items(&self) -> Option<Vec<Self>> {
        let items: Vec<Box<RawValue>> = serde_json::from_str(self.as_str()).ok()?;
        Some(items.into_iter().map(|raw| Self(raw.into())).collect())
    }

    /// The fields of an object in their order, or `None` if this is something else.
    pub fn fields(&self) -> Option<Vec<(String, Self)>> {
        let mut reader = serde_json::Deserializer::from_str(self.as_str());
        let Fields(fields) = Fields::deserialize(&mut reader).ok()?;
        Some(fields)
    }

    /// The value of a JSON string, or `None` if this is something else.
    pub fn as_string(&self) -> Option<String> {
        serde_json::from_str(self.as_str()).ok()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// A parsed copy for validation and display. Numbers that do not fit a machine
    /// number lose digits in it: never send it on.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::from_str(self.as_str()).unwrap_or_default()
    }

    /// The type's name as JSON Schema calls it, for messages that must not show values.
    pub fn type_name(&self) -> &'static str {
        match self.as_str().as_bytes().first() {
            Some(b'{') => "object",
            Some(b'[') => "array",
            Some(b'"') => "string",
            Some(b't' | b'f') => "boolean",
            Some(b'n') => "null",
            _ => "number",
        }
    }

    fn from_trusted(text: String) -> Self {
        match RawValue::from_string(text) {
            Ok(raw) => Self(raw.into()),
            // Only reached if a caller breaks the promise of this private function.
            Err(_) => Self::null(),
        }
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for JsonText {}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|raw| Self(raw.into()))
    }
}

/// The fields of an object, its order kept.
struct Fields(Vec<(String, JsonText)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

/// Walks a document and fails on the first key that an object repeats.
#[derive(Clone, Copy)]
struct UniqueKeys;

impl<'de> DeserializeSeed<'de> for UniqueKeys {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! accept {
    ($($method:ident: $type:ty),*) => {
        $(fn $method<E>(self, _: $type) -> Result<(), E> { Ok(()) })*
    };
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    accept!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key) {
                return Err(A::Error::custom("an object names the same key twice"));
            }
            map.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_stay_as_they_were_written() {
        for text in ["1.10", "12345678901234567890", "1e5", "-0.0", "1E400"] {
            let json = JsonText::parse(text).unwrap();
            assert_eq!(json.as_str(), text);
            assert_eq!(serde_json::to_string(&json).unwrap(), text);
        }
        let object = JsonText::parse(r#" {"id": 12345678901234567890, "p": 1.10} "#).unwrap();
        assert_eq!(
            object.as_str(),
            r#"{"id": 12345678901234567890, "p": 1.10}"#
        );
        let owned = JsonText::parse_owned(format!("\n{object} ")).unwrap();
        assert_eq!(owned, object);
        assert!(JsonText::parse_owned("{} {}".to_owned()).is_err());
        let wrapped = JsonText::object([("a", &object)]);
        assert_eq!(
            wrapped.as_str(),
            r#"{"a":{"id": 12345678901234567890, "p": 1.10}}"#
        );
    }

    #[test]
    fn no_magic_key_can_forge_a_number() {
        let text = r#"{"$serde_json::private::Number":"1","$serde_json::private::RawValue":"{}"}"#;
        assert_eq!(JsonText::parse_strict(text).unwrap().as_str(), text);
    }

    #[test]
    fn a_repeated_key_is_refused_at_any_depth() {
        assert!(JsonText::parse_strict(r#"{"a":[{"b":1,"b":2}]}"#).is_err());
        assert!(JsonText::parse_strict(r#"{"a":1,"\u0061":2}"#).is_err());
        assert!(JsonText::parse_strict(r#"{"a":{"b":1},"c":{"b":1}}"#).is_ok());
        assert!(JsonText::parse_strict(&"[".repeat(100_000)).is_err());
        assert!(JsonText::parse_strict("{} {}").is_err());
    }

    #[test]
    fn items_and_types() {
        let list = JsonText::parse("[1.0, {}, \"x\"]").unwrap();
        let types: Vec<_> = list
            .items()
            .unwrap()
            .iter()
            .map(JsonText::type_name)
            .collect();
        assert_eq!(types, ["number", "object", "string"]);
        assert!(JsonText::null().items().is_none());
        let object = JsonText::parse(r#"{"b": 1.10, "a": {"x": 1}}"#).unwrap();
        let fields = object.fields().unwrap();
        let shown: Vec<_> = fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(shown, ["b=1.10", "a={\"x\": 1}"]);
        assert!(list.fields().is_none());
    }
}
