//! The type system of context attributes (CloudEvents 1.0.2, section "Type System").

use super::InvalidEvent;
use crate::json::JsonText;
use crate::time::Timestamp;

/// The longest value of an attribute, in bytes. The specification names no limit but
/// asks that whole events of 64 KiB pass; attributes are kept in indexes and lists.
const MAX_VALUE: usize = 1024;

/// The longest name. The specification recommends 20; more harms nobody up to here.
const MAX_NAME: usize = 64;

/// The most extension attributes of one event.
pub(super) const MAX_EXTENSIONS: usize = 64;

/// Whether a text can be the type of an event, or the beginning of one: printable
/// characters of ASCII without spaces, quotes, backslashes and `*`, which is the mark
/// of a pattern.
pub fn is_event_type(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'*' | b'"' | b'\\' | b'\'' | b'`');
    !text.is_empty() && text.len() <= MAX_VALUE && text.bytes().all(plain)
}

/// Whether a text has only what a URI reference may have (RFC 3986, section 2).
pub fn is_uri_reference(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    let escapes = text.split('%').skip(1);
    let is_escape = |rest: &str| {
        rest.get(..2)
            .is_some_and(|two| two.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    !text.is_empty() && text.bytes().all(allowed) && { escapes }.all(is_escape)
}

/// Whether a text is an absolute URI: it has a scheme (RFC 3986, section 3.1).
fn is_uri(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let in_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    is_uri_reference(text)
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(in_scheme)
}

/// Whether a text has the form `type/subtype`, with or without parameters (RFC 2045,
/// section 5.1).
fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        let in_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        !part.is_empty() && part.bytes().all(in_token)
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    let parts = essence.split_once('/');
    parts.is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

/// Whether a character may stand in an attribute of type String.
fn is_allowed(c: char) -> bool {
    let number = u32::from(c);
    let is_noncharacter = number & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&number);
    !c.is_control() && !is_noncharacter
}

/// Checks the name of an attribute.
pub(super) fn name(name: &str) -> Result<(), InvalidEvent> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(plain) {
        let message = "is not the name of an attribute: lower-case letters and digits, 64 at most";
        return Err(InvalidEvent::new(name, message));
    }
    Ok(())
}

/// A text, as it is for `String`.
pub(super) fn text(name: &str, value: &JsonText) -> Result<String, InvalidEvent> {
    let not_text = || {
        InvalidEvent::new(
            name,
            format!("is {}, a text is required", value.type_name()),
        )
    };
    let text = value.as_string().ok_or_else(not_text)?;
    if text.is_empty() {
        return Err(InvalidEvent::new(name, "is empty"));
    }
    if text.len() > MAX_VALUE {
        let message = format!("is longer than {MAX_VALUE} bytes");
        return Err(InvalidEvent::new(name, message));
    }
    if !text.chars().all(is_allowed) {
        let message = "has a control character or another that no attribute may have";
        return Err(InvalidEvent::new(name, message));
    }
    Ok(text)
}

/// Checks the form of an attribute that the specification names.
pub(super) fn form(name: &str, text: &str) -> Result<(), InvalidEvent> {
    let (is_good, what) = match name {
        "source" => (is_uri_reference(text), "a URI reference (RFC 3986)"),
        "dataschema" => (is_uri(text), "an absolute URI (RFC 3986)"),
        "datacontenttype" => (is_media_type(text), "a media type (RFC 2046)"),
        "time" => (is_time(text), "a time of RFC 3339"),
        _ => return Ok(()),
    };
    if is_good {
        return Ok(());
    }
    Err(InvalidEvent::new(name, format!("is not {what}")))
}

/// RFC 3339 has an offset and seconds; no other form of ISO 8601 is meant.
fn is_time(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_digit() || b"-:.+TtZz ".contains(&b);
    text.len() >= "2000-01-01T00:00:00Z".len()
        && text.bytes().all(plain)
        && Timestamp::is_rfc_3339(text)
}

/// Checks the value of an extension attribute: a text, an integer or a truth value.
pub(super) fn extension(attribute: &str, value: &JsonText) -> Result<JsonText, InvalidEvent> {
    name(attribute)?;
    match value.type_name() {
        "string" => text(attribute, value).map(|_| value.clone()),
        "boolean" => Ok(value.clone()),
        "number" if value.as_str().parse::<i32>().is_ok() => Ok(value.clone()),
        "number" => {
            let message = "is not a whole number of 32 bits, which is the only kind of number that an attribute may be";
            Err(InvalidEvent::new(attribute, message))
        }
        other => {
            let message =
                format!("is {other}; attributes are texts, whole numbers or truth values");
            Err(InvalidEvent::new(attribute, message))
        }
    }
}
