//! [`Json`].

use super::Unsuitable;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Any JSON value, as the text that came in.
///
/// ```
/// use dowel_sdk::Json;
/// let json = Json::parse(r#"{"total": 1.10}"#).unwrap();
/// assert_eq!(json.as_str(), r#"{"total": 1.10}"#);
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// Checks the syntax and keeps the text.
    pub fn parse(text: &str) -> Result<Self, Unsuitable> {
        let raw = RawValue::from_string(text.trim().to_owned());
        raw.map(Self).map_err(|_| Unsuitable("a JSON value"))
    }

    /// The JSON of a value. Fails for maps whose keys are no texts.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, Unsuitable> {
        let raw = serde_json::value::to_raw_value(value);
        raw.map(Self)
            .map_err(|_| Unsuitable("a value that JSON can hold"))
    }

    /// `null`.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    /// A JSON string.
    pub fn string(text: &str) -> Self {
        Self::of(text).unwrap_or_else(|_| Self::null())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// Reads it as a type. The error is `invalid-input` and names the place.
    pub fn to<T: DeserializeOwned>(&self) -> crate::Result<T> {
        super::read::input(self.as_str())
    }
}

impl PartialEq for Json {
    /// Compares the texts: `1.0` and `1.00` differ.
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}
