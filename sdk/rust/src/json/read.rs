//! Reading JSON into the author's types, with errors that name the place and never
//! show a value of the payload.

use crate::{Error, ErrorKind, Json, Result};
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

/// Reads an operation's input.
pub(crate) fn input<T: DeserializeOwned>(text: &str) -> Result<T> {
    read(text, ErrorKind::InvalidInput, "invalid-input", "the input")
}

/// Reads the parameters of a source or a receiver.
pub(crate) fn params<T: DeserializeOwned>(text: &str) -> Result<T> {
    let what = "the parameters";
    read(text, ErrorKind::InvalidInput, "invalid-params", what)
}

/// Reads the body of a request that came in.
pub(crate) fn body<T: DeserializeOwned>(text: &str) -> Result<T> {
    read(text, ErrorKind::InvalidInput, "invalid-body", "the body")
}

/// Reads the connection's configuration.
pub(crate) fn config<T: DeserializeOwned>(text: &str) -> Result<T> {
    let what = "the connection's configuration";
    read(text, ErrorKind::InvalidInput, "invalid-config", what)
}

/// Reads the body of an upstream's answer.
pub(crate) fn answer<T: DeserializeOwned>(text: &str) -> Result<T> {
    let what = "the upstream's answer";
    read(text, ErrorKind::Internal, "unexpected-answer", what)
}

fn read<T: DeserializeOwned>(
    text: &str,
    kind: ErrorKind,
    code: &'static str,
    what: &str,
) -> Result<T> {
    // The path costs time on every field, so it is looked for only after a failure.
    serde_json::from_str(text).map_err(|_| explain::<T>(text, kind, code, what))
}

#[cold]
fn explain<T: DeserializeOwned>(
    text: &str,
    kind: ErrorKind,
    code: &'static str,
    what: &str,
) -> Error {
    let mut reader = serde_json::Deserializer::from_str(text);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut reader) else {
        return Error::new(kind, code, format!("{what} has text after its end"));
    };
    let path = pointer(error.path());
    let error = error.into_inner();
    if !error.is_data() {
        let message = format!(
            "{what} is not JSON (column {} of line {})",
            error.column(),
            error.line()
        );
        return Error::new(kind, code, message);
    }
    let place = if path.is_empty() {
        "its top level"
    } else {
        &path
    };
    let message = format!(
        "{what} does not fit at {place}: {}",
        without_values(&error.to_string())
    );
    let error = Error::new(kind, code, message);
    match Json::of(&serde_json::json!({ "path": path })) {
        Ok(details) => error.with_details(details),
        Err(_) => error,
    }
}

/// The place as a JSON Pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let mut out = String::new();
    for segment in path.iter() {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        out.push('/');
        out.push_str(&part);
    }
    out
}

/// Serde's messages quote the value that they refuse. Keeps what is known to come from
/// the types: the names of fields, and what was expected.
fn without_values(message: &str) -> String {
    let message = message
        .rsplit_once(" at line ")
        .map_or(message, |(text, _)| text);
    if message.starts_with("missing field `") || message.starts_with("duplicate field `") {
        return message.to_owned();
    }
    if message.starts_with("unknown field `") || message.starts_with("unknown variant `") {
        let what = message.split(" `").next().unwrap_or_default();
        // From the end: the refused name itself could hold the same words.
        let expected = message
            .rsplit_once("`, expected ")
            .map_or("another", |(_, rest)| rest);
        return format!("{what}, expected {expected}");
    }
    for start in ["invalid type: ", "invalid value: ", "invalid length "] {
        if let Some(rest) = message.strip_prefix(start)
            && let Some((given, expected)) = rest.rsplit_once(", expected ")
        {
            let kind: String = given
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == ' ')
                .collect();
            let found = match kind.trim() {
                "" => "another value",
                kind => kind,
            };
            return format!("found {found}, expected {expected}");
        }
    }
    "the value is not acceptable".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decimal, Id};
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Order {
        order_id: Id,
        #[serde(default)]
        lines: Vec<Line>,
        #[serde(default)]
        color: Option<Color>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Line {
        qty: u32,
        amount: Decimal,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        Red,
        Green,
    }

    fn check(text: &str, message: &str, path: Option<&str>) {
        let error = input::<Order>(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.message(), message);
        let details = path.map(|path| format!("{{\"path\":\"{path}\"}}"));
        assert_eq!(error.details().map(Json::as_str), details.as_deref());
    }

    #[test]
    fn names_the_place_and_no_value() {
        check(
            r#"{"order_id":1,"lines":[{"qty":1,"amount":"1"},{"qty":"secret","amount":"1"}]}"#,
            "the input does not fit at /lines/1/qty: found string, expected u32",
            Some("/lines/1/qty"),
        );
        check(
            r#"{"order_id":1,"lines":[{"qty":1,"amount":"12,5 secret"}]}"#,
            "the input does not fit at /lines/0/amount: found another value, expected a decimal number \
             such as \"19.90\"",
            Some("/lines/0/amount"),
        );
        check(
            "{}",
            "the input does not fit at its top level: missing field `order_id`",
            Some(""),
        );
        check(
            r#"{"order_id":1,"lines":[{"qty":-5,"amount":"1"}]}"#,
            "the input does not fit at /lines/0/qty: found integer, expected u32",
            Some("/lines/0/qty"),
        );
        check(
            r#"{"order_id":1,"color":"secret, expected x"}"#,
            "the input does not fit at /color: unknown variant, expected `red` or `green`",
            Some("/color"),
        );
        let error = input::<Order>(r#"{"order_id":1,"ordr":2}"#).unwrap_err();
        assert!(
            error
                .message()
                .contains("unknown field, expected one of `order_id`"),
            "{error}"
        );
        check(
            "{\"order_id\":",
            "the input is not JSON (column 12 of line 1)",
            None,
        );
        check(
            "{\"order_id\":1} x",
            "the input has text after its end",
            None,
        );
    }
}
