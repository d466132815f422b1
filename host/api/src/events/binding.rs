//! The HTTP protocol binding (CloudEvents 1.0.2, "HTTP Protocol Binding").

use crate::problem::Problem;
use axum::http::{HeaderMap, HeaderValue, header};
use dowel_core::JsonText;
use dowel_core::cloud_event::{Attributes, CloudEvent, EventData, InvalidEvent};
use dowel_core::code::api::{EVENT_MEDIA_TYPE, NOT_AN_EVENT, NOT_JSON};
use percent_encoding::percent_decode_str;

/// How events stand in a request (section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One event in the JSON event format.
    Structured,
    /// Several in the JSON batch format.
    Batched,
    /// Attributes in headers, the data in the body.
    Binary,
}

impl Mode {
    /// A JSON pointer to an event of the request.
    pub(super) fn place(self, index: usize) -> String {
        match self {
            Self::Batched => format!("/{index}"),
            Self::Structured | Self::Binary => String::new(),
        }
    }
}

/// What all attributes begin with in binary mode (section 3.1.3.1).
const PREFIX: &str = "ce-";

/// The mode of a request, by its media type (section 3).
pub(super) fn mode(headers: &HeaderMap) -> Result<Mode, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE);
    let media_type = media_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default();
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/cloudevents+json" => Ok(Mode::Structured),
        "application/cloudevents-batch+json" => Ok(Mode::Batched),
        other if other.starts_with("application/cloudevents") => {
            let message = "events are taken in the JSON formats of CloudEvents only";
            Err(Problem::new(EVENT_MEDIA_TYPE, message))
        }
        _ if headers.keys().any(|name| name.as_str().starts_with(PREFIX)) => Ok(Mode::Binary),
        _ => {
            let message =
                "neither the content type nor `ce-` headers say that this is a CloudEvent";
            Err(Problem::new(EVENT_MEDIA_TYPE, message))
        }
    }
}

/// The events of a request.
pub(super) fn read(
    mode: Mode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Vec<CloudEvent>, Problem> {
    match mode {
        Mode::Binary => {
            let event = binary(headers, body).map_err(|error| invalid(&error, ""))?;
            Ok(vec![event])
        }
        Mode::Structured => {
            let event = CloudEvent::parse(&json(body)?).map_err(|error| invalid(&error, ""))?;
            Ok(vec![event])
        }
        Mode::Batched => {
            let not_list = || {
                let error = InvalidEvent::new("", "is not a JSON array of events");
                invalid(&error, "")
            };
            let items = json(body)?.items().ok_or_else(not_list)?;
            let events = items.iter().enumerate().map(|(index, item)| {
                CloudEvent::parse(item).map_err(|error| invalid(&error, &mode.place(index)))
            });
            events.collect()
        }
    }
}

fn json(body: &[u8]) -> Result<JsonText, Problem> {
    let text = std::str::from_utf8(body);
    let text = text.map_err(|_| Problem::new(NOT_JSON, "the body is not UTF-8"))?;
    JsonText::parse_strict(text)
        .map_err(|error| Problem::new(NOT_JSON, format!("the body is not JSON: {error}")))
}

fn invalid(error: &InvalidEvent, place: &str) -> Problem {
    let (message, pointer) = match error.attribute.as_str() {
        "" => (format!("the request {}", error.message), place.to_owned()),
        attribute => (error.to_string(), format!("{place}/{attribute}")),
    };
    Problem::new(NOT_AN_EVENT, message).with_violation(pointer, &error.message)
}

/// Section 3.1: each attribute is a header, the body is the data, its media type the
/// data's.
fn binary(headers: &HeaderMap, body: &[u8]) -> Result<CloudEvent, InvalidEvent> {
    let mut attributes = Attributes::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(PREFIX) else {
            continue;
        };
        if name == "datacontenttype" {
            let message = "is the header `Content-Type` in binary mode and no `ce-` header";
            return Err(InvalidEvent::new(name, message));
        }
        let text = decode(name, value)?;
        if attributes
            .insert(name.to_owned(), JsonText::string(&text))
            .is_some()
        {
            return Err(InvalidEvent::new(name, "is given twice"));
        }
    }
    let media_type = match headers.get(header::CONTENT_TYPE) {
        None => None,
        Some(value) => {
            let unreadable =
                |_| InvalidEvent::new("datacontenttype", "is not a media type (RFC 2046)");
            Some(value.to_str().map_err(unreadable)?)
        }
    };
    let data = EventData::from_bytes(body, media_type)?;
    if let Some(media_type) = media_type {
        attributes.insert("datacontenttype".to_owned(), JsonText::string(media_type));
    }
    CloudEvent::new(attributes, data)
}

/// Section 3.1.3.2: quoted strings are unescaped, then one round of percent-decoding.
fn decode(name: &str, value: &HeaderValue) -> Result<String, InvalidEvent> {
    let unreadable = |_| {
        InvalidEvent::new(
            name,
            "has bytes that a header cannot carry; percent-encode them",
        )
    };
    let text = value.to_str().map_err(unreadable)?.trim();
    let unquoted = unquote(text);
    let text = unquoted.as_deref().unwrap_or(text);
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded =
        decoded.map_err(|_| InvalidEvent::new(name, "is not UTF-8 after percent-decoding"))?;
    Ok(decoded.into_owned())
}

/// The text of a quoted string (RFC 9110, section 5.6.4), if it is one.
fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next()? } else { c });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    const REQUIRED: [(&str, &str); 4] = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/s"),
        ("ce-type", "com.example.a"),
    ];

    #[test]
    fn the_media_type_says_the_mode() {
        for (pairs, expected) in [
            (
                vec![(
                    "content-type",
                    "application/cloudevents+json; charset=utf-8",
                )],
                Some(Mode::Structured),
            ),
            (
                vec![("content-type", "Application/CloudEvents-Batch+JSON")],
                Some(Mode::Batched),
            ),
            (
                vec![
                    ("content-type", "application/cloudevents+avro"),
                    ("ce-id", "1"),
                ],
                None,
            ),
            (
                vec![("content-type", "application/json"), ("ce-id", "1")],
                Some(Mode::Binary),
            ),
            (vec![("content-type", "application/json")], None),
            (vec![], None),
        ] {
            assert_eq!(mode(&headers(&pairs)).ok(), expected, "{pairs:?}");
        }
    }

    #[test]
    fn headers_are_unquoted_and_percent_decoded() {
        for (value, expected) in [
            ("plain", Some("plain")),
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", Some("Euro € 😀")),
            ("\"a \\\"b\\\" %22\"", Some("a \"b\" \"")),
            ("100%", Some("100%")),
            ("%E2%82", None),
        ] {
            let decoded = decode("subject", &HeaderValue::from_static(value)).ok();
            assert_eq!(decoded.as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_binary_event_has_its_attributes_in_headers() {
        let mut pairs = REQUIRED.to_vec();
        pairs.extend([
            ("content-type", "application/json"),
            ("ce-region", "eu"),
            ("other", "x"),
        ]);
        let event = binary(&headers(&pairs), br#"{"n":1.10}"#).unwrap();
        assert_eq!(event.data.payload().as_str(), r#"{"n":1.10}"#);
        assert_eq!(event.data_content_type.as_deref(), Some("application/json"));
        assert_eq!(event.extensions.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let with = |extra: (&'static str, &'static str)| {
            let mut pairs = REQUIRED.to_vec();
            pairs.push(extra);
            binary(&headers(&pairs), b"").unwrap_err().attribute
        };
        assert_eq!(with(("ce-id", "2")), "id");
        assert_eq!(with(("ce-my_ext", "2")), "my_ext");
        assert_eq!(with(("ce-time", "noon")), "time");
        assert_eq!(
            with(("ce-datacontenttype", "text/plain")),
            "datacontenttype"
        );
        let missing = binary(&headers(&REQUIRED[..3]), b"").unwrap_err();
        assert_eq!(missing.to_string(), "`type` is missing");
        let not_json = binary(&headers(&REQUIRED), b"{").unwrap_err();
        assert_eq!(not_json.attribute, "data");
    }
}
