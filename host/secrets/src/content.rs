//! What an encrypted file holds: for each secret its values, the newest first.

use crate::Error;
use dowel_core::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::time::Duration;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The largest value, in bytes: keys and certificates are far smaller.
pub const MAX_VALUE_BYTES: usize = 64 << 10;

/// Values of one secret that are valid at the same time. More than two are a rotation
/// that began before the one before it was over.
const MAX_VALUES: usize = 4;

/// How long the value before stays valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// It ends at once.
    None,
    /// It stays valid for so long.
    For(Duration),
}

/// The plain text of an encrypted file.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    dowel: Version,
    secrets: BTreeMap<String, Vec<Value>>,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize)]
enum Version {
    #[default]
    #[serde(rename = "secrets/v1")]
    V1,
}

/// One value; wiped when dropped.
#[derive(Deserialize, Serialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub(crate) struct Value {
    value: String,
    #[zeroize(skip)]
    #[serde(with = "time")]
    pub(crate) since: Timestamp,
    /// When it ends; the newest has no end.
    #[zeroize(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none", with = "end")]
    pub(crate) until: Option<Timestamp>,
}

impl Value {
    pub(crate) fn expose(&self) -> &str {
        &self.value
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Content {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, &'static str> {
        // What the parser says might quote the text.
        serde_json::from_slice(text).map_err(|_| "what it holds is not in the form secrets/v1")
    }

    /// Readable, for who opens the file with the program `age`.
    pub(crate) fn text(&self) -> Zeroizing<Vec<u8>> {
        // Maps of texts cannot fail to be written.
        Zeroizing::new(serde_json::to_vec_pretty(self).unwrap_or_default())
    }

    /// The values of a secret that are valid, the newest first.
    pub(crate) fn valid(&self, name: &str, now: Timestamp) -> impl Iterator<Item = &Value> {
        let values = self.secrets.get(name).into_iter().flatten();
        values.filter(move |value| value.is_valid(now))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }

    /// Gives a secret another value.
    pub(crate) fn put(
        &mut self,
        name: &str,
        value: &str,
        overlap: Overlap,
        now: Timestamp,
    ) -> Result<(), Error> {
        check(name, value)?;
        let values = self.secrets.entry(name.to_owned()).or_default();
        values.retain(|value| value.is_valid(now));
        match overlap {
            Overlap::None => values.clear(),
            Overlap::For(time) => {
                for value in values.iter_mut() {
                    let end = now.plus(time);
                    value.until = Some(value.until.map_or(end, |until| until.min(end)));
                }
            }
        }
        let value = Value {
            value: value.to_owned(),
            since: now,
            until: None,
        };
        values.insert(0, value);
        values.truncate(MAX_VALUES);
        Ok(())
    }

    /// Whether there was one.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        self.secrets.remove(name).is_some()
    }
}

fn check(name: &str, value: &str) -> Result<(), Error> {
    let in_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(in_name) {
        return Err(Error::Value(
            "the name of a secret has letters, digits, `_`, `-` and `.` only",
        ));
    }
    if value.is_empty() {
        return Err(Error::Value("the value is empty"));
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err(Error::Value("the value is larger than 64 KiB"));
    }
    Ok(())
}

/// Times as people read them.
mod time {
    use super::{Serializer, Timestamp};
    use serde::{Deserialize, Deserializer, de};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        Timestamp::parse(&text).ok_or_else(|| de::Error::custom("not a time of RFC 3339"))
    }
}

mod end {
    use super::{Serializer, Timestamp};
    use serde::{Deserialize, Deserializer, de};

    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => to.collect_str(at),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let read = |text: String| {
            Timestamp::parse(&text).ok_or_else(|| de::Error::custom("not a time of RFC 3339"))
        };
        text.map(read).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_millis(hours * 3_600_000)
    }

    fn valid(content: &Content, now: Timestamp) -> Vec<&str> {
        content.valid("a", now).map(Value::expose).collect()
    }

    #[test]
    fn two_values_are_valid_while_one_is_exchanged() {
        let mut content = Content::default();
        content.put("a", "one", Overlap::None, at(0)).unwrap();
        content.put("a", "two", Overlap::For(HOUR), at(10)).unwrap();
        assert_eq!(valid(&content, at(10)), ["two", "one"]);
        assert_eq!(valid(&content, at(11)), ["two"]);
        let mut content = Content::parse(&content.text()).unwrap();
        assert_eq!(valid(&content, at(10)), ["two", "one"]);
        content
            .put("a", "three", Overlap::For(HOUR), at(10))
            .unwrap();
        assert_eq!(valid(&content, at(10)), ["three", "two", "one"]);
        content.put("a", "four", Overlap::None, at(10)).unwrap();
        assert_eq!(valid(&content, at(10)), ["four"]);
    }

    #[test]
    fn an_end_is_never_moved_away() {
        let mut content = Content::default();
        content.put("a", "one", Overlap::None, at(0)).unwrap();
        content.put("a", "two", Overlap::For(HOUR), at(1)).unwrap();
        content
            .put("a", "three", Overlap::For(5 * HOUR), at(1))
            .unwrap();
        assert_eq!(valid(&content, at(2)), ["three", "two"]);
    }

    #[test]
    fn what_is_no_value_or_no_name() {
        let mut content = Content::default();
        let large = "x".repeat(MAX_VALUE_BYTES + 1);
        for (name, value) in [
            ("a", ""),
            ("a", &large),
            ("", "x"),
            ("../a", "x"),
            (".a", "x"),
        ] {
            assert!(content.put(name, value, Overlap::None, at(0)).is_err());
        }
        assert_eq!(content.names().count(), 0);
    }

    #[test]
    fn errors_do_not_quote_what_they_read() {
        let error = Content::parse(br#"{"dowel":"secrets/v1","secrets":{"a":"canary"}}"#);
        assert!(!error.err().unwrap_or_default().contains("canary"));
    }
}
