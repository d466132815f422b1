//! [`Document`]: the tree, and the way of references through it.

use crate::{Problem, yaml};
use serde_json::Value;

/// References that lead to references, one after the other.
const MAX_HOPS: usize = 32;

/// Which rules schemas follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `nullable`, and `$ref` stands alone.
    V3_0,
    /// JSON Schema 2020-12.
    V3_1,
}

/// An OpenAPI document.
pub(crate) struct Document {
    root: Value,
    pub(crate) dialect: Dialect,
}

impl Document {
    /// Reads JSON or YAML.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim_start_matches('\u{feff}');
        let root: Value = match text.trim_start().starts_with('{') {
            true => match serde_json::from_str(text) {
                Ok(root) => root,
                // YAML may begin with a brace too.
                Err(error) => yaml::parse(text).map_err(|_| Problem::Syntax(error.to_string()))?,
            },
            false => yaml::parse(text).map_err(Problem::Syntax)?,
        };
        let version = match &root["openapi"] {
            Value::String(version) => version.clone(),
            // `openapi: 3.0` in YAML without quotes.
            Value::Number(version) => version.to_string(),
            _ if root.get("swagger").is_some() => {
                let what = "the document is Swagger 2.0: convert it to OpenAPI 3 first, for \
                            example with `swagger2openapi`";
                return Err(Problem::Version(what.to_owned()));
            }
            _ => {
                let what = "the document has no `openapi: 3.…`";
                return Err(Problem::Version(what.to_owned()));
            }
        };
        let dialect = match version.as_str() {
            v if v == "3.0" || v.starts_with("3.0.") => Dialect::V3_0,
            v if v == "3.1" || v.starts_with("3.1.") => Dialect::V3_1,
            other => {
                let what = format!("the document is OpenAPI {other}; 3.0 and 3.1 are read");
                return Err(Problem::Version(what));
            }
        };
        Ok(Self { root, dialect })
    }

    pub(crate) fn root(&self) -> &Value {
        &self.root
    }

    pub(crate) fn title(&self) -> &str {
        self.root["info"]["title"].as_str().unwrap_or("")
    }

    pub(crate) fn version(&self) -> &str {
        self.root["info"]["version"].as_str().unwrap_or("")
    }

    /// What stands at the end of the references that a value consists of.
    pub(crate) fn follow<'a>(&'a self, mut value: &'a Value) -> Result<&'a Value, Problem> {
        for _ in 0..MAX_HOPS {
            let Some(reference) = reference(value) else {
                return Ok(value);
            };
            value = self.at(reference)?;
        }
        let text = reference(value).unwrap_or_default().to_owned();
        Err(Problem::Reference(text, "leads round in a circle"))
    }

    /// What a reference points at.
    pub(crate) fn at(&self, reference: &str) -> Result<&Value, Problem> {
        let problem = |what| Problem::Reference(reference.to_owned(), what);
        let Some(pointer) = reference.strip_prefix('#') else {
            return Err(problem(
                "leads out of the document: bundle it into one file first, for example with \
                 `redocly bundle`",
            ));
        };
        let pointer = percent_decode(pointer);
        self.root
            .pointer(&pointer)
            .ok_or_else(|| problem("leads nowhere"))
    }
}

/// The reference that a value is.
pub(crate) fn reference(value: &Value) -> Option<&str> {
    value.get("$ref").and_then(Value::as_str)
}

/// The fields of an object in the order of their names, whatever order they are kept in.
pub(crate) fn entries(value: &Value) -> Vec<(&str, &Value)> {
    let fields = value.as_object().into_iter().flatten();
    let mut fields: Vec<(&str, &Value)> = fields.map(|(key, v)| (key.as_str(), v)).collect();
    fields.sort_by_key(|(key, _)| *key);
    fields
}

/// Fragments are percent-encoded (RFC 6901, section 6).
fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = &tail[2..];
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(
            Document::parse("openapi: 3.0.1").unwrap().dialect,
            Dialect::V3_0
        );
        assert_eq!(
            Document::parse(r#"{"openapi":"3.1.0"}"#).unwrap().dialect,
            Dialect::V3_1
        );
        for (bad, what) in [
            ("openapi: 2.9", "3.0 and 3.1 are read"),
            ("swagger: '2.0'", "Swagger 2.0"),
            ("a: 1", "no `openapi"),
            ("{", "not JSON or YAML"),
        ] {
            let error = Document::parse(bad).err().unwrap().to_string();
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn references() {
        let text = r##"{"openapi":"3.0.0","paths":{"/a/{b}":{"x":1}},
            "one":{"$ref":"#/two"},"two":{"$ref":"#/paths/~1a~1%7Bb%7D"},
            "loop":{"$ref":"#/loop"},"out":{"$ref":"other.yaml#/x"},"gone":{"$ref":"#/nope"}}"##;
        let document = Document::parse(text).unwrap();
        let follow = |name: &str| document.follow(&document.root()[name]);
        assert_eq!(follow("one").unwrap()["x"], 1);
        for (bad, what) in [("loop", "circle"), ("out", "bundle"), ("gone", "nowhere")] {
            assert!(follow(bad).unwrap_err().to_string().contains(what));
        }
    }
}
