//! Values of any shape as names and texts: `filter[state]=open`, `lines[0][sku]=A`.

use serde::Serialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The pairs of a value, in its order. `None` if it cannot be written as JSON.
pub(super) fn pairs(
    name: &str,
    value: &(impl Serialize + ?Sized),
) -> Option<Vec<(String, String)>> {
    let json = serde_json::to_string(value).ok()?;
    let mut out = Vec::new();
    add(name, &json, &mut out)?;
    Some(out)
}

fn add(name: &str, json: &str, out: &mut Vec<(String, String)>) -> Option<()> {
    match json.as_bytes().first()? {
        b'n' => {}
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            for (index, item) in items.iter().enumerate() {
                add(&format!("{name}[{index}]"), item.get(), out)?;
            }
        }
        b'{' => {
            let mut reader = serde_json::Deserializer::from_str(json);
            for (key, value) in reader.deserialize_map(Fields).ok()? {
                let inner = match name {
                    "" => key.into_owned(),
                    outer => format!("{outer}[{key}]"),
                };
                add(&inner, value.get(), out)?;
            }
        }
        b'"' => out.push((name.to_owned(), serde_json::from_str(json).ok()?)),
        _ => out.push((name.to_owned(), json.to_owned())),
    }
    Some(())
}

/// Reads an object in its own order, with the text of its values.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut out = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            out.push((Cow::Owned(key), value));
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, json: &str, expected: &str) {
        let value: Box<RawValue> = serde_json::from_str(json).unwrap();
        let pairs = pairs(name, &value).unwrap();
        let shown: Vec<String> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(shown.join("&"), expected, "{json}");
    }

    #[test]
    fn shapes() {
        check("a", "1.10", "a=1.10");
        check("a", "null", "");
        check("a", r#""x\ny""#, "a=x\ny");
        check(
            "a",
            r#"{"z":{"gt":12345678901234567890},"b":[true,null,"x"]}"#,
            "a[z][gt]=12345678901234567890&a[b][0]=true&a[b][2]=x",
        );
        check(
            "",
            r#"{"amount":1.10,"lines":[{"sku":"A"}]}"#,
            "amount=1.10&lines[0][sku]=A",
        );
    }
}
