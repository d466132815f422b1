//! The JSON event format (CloudEvents 1.0.2, "JSON Event Format"), and the making of an
//! event from attributes wherever they stood.

use super::attribute::{self, MAX_EXTENSIONS};
use super::{CloudEvent, EventData, InvalidEvent, SPEC_VERSION};
use crate::json::JsonText;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// Attributes by name.
pub type Attributes = BTreeMap<String, JsonText>;

/// Whether data of this media type is JSON: the subtype is `json` or ends in `+json`.
/// Without a type it is (JSON event format, section 3.1.1).
pub(super) fn is_json(media_type: Option<&str>) -> bool {
    let Some(media_type) = media_type else {
        return true;
    };
    let essence = media_type.split(';').next().unwrap_or_default();
    let subtype = essence.trim().rsplit('/').next().unwrap_or_default();
    let subtype = subtype.to_ascii_lowercase();
    subtype == "json" || subtype.ends_with("+json")
}

impl CloudEvent {
    /// Makes an event from its attributes and its data.
    ///
    /// # Errors
    /// Names the first attribute that breaks the specification.
    pub fn new(mut attributes: Attributes, data: EventData) -> Result<Self, InvalidEvent> {
        attributes.retain(|_, value| !value.is_null());
        let version = required(&mut attributes, "specversion")?;
        if version != SPEC_VERSION {
            let message = format!("is not {SPEC_VERSION}, the version that this host takes");
            return Err(InvalidEvent::new("specversion", message));
        }
        let event = Self {
            id: required(&mut attributes, "id")?,
            source: required(&mut attributes, "source")?,
            event_type: required(&mut attributes, "type")?,
            subject: optional(&mut attributes, "subject")?,
            time: optional(&mut attributes, "time")?,
            data_content_type: optional(&mut attributes, "datacontenttype")?,
            data_schema: optional(&mut attributes, "dataschema")?,
            extensions: extensions(attributes)?,
            data,
        };
        if !attribute::is_event_type(&event.event_type) {
            let message =
                "has characters other than printable ASCII without spaces, quotes and `*`";
            return Err(InvalidEvent::new("type", message));
        }
        Ok(event)
    }

    /// Reads the JSON event format. The text has been checked for repeated keys.
    ///
    /// # Errors
    /// Names the first attribute that breaks the specification.
    pub fn parse(json: &JsonText) -> Result<Self, InvalidEvent> {
        let fields = serde_json::from_str::<Attributes>(json.as_str());
        let not_object = |_| InvalidEvent::new("", "is not a JSON object");
        let mut fields = fields.map_err(not_object)?;
        let data = fields.remove("data");
        let bytes = fields.remove("data_base64").filter(|text| !text.is_null());
        let media_type = fields.get("datacontenttype").and_then(JsonText::as_string);
        let data = match (data, bytes) {
            (Some(data), Some(_)) if !data.is_null() => {
                let message = "stands beside `data`; an event has one of them";
                return Err(InvalidEvent::new("data_base64", message));
            }
            (_, Some(text)) => from_base64(&text, media_type.as_deref())?,
            (Some(data), None) => EventData::Json(data),
            (None, None) => EventData::None,
        };
        Self::new(fields, data)
    }

    /// Writes the JSON event format.
    pub fn to_json(&self) -> JsonText {
        let version = JsonText::string(SPEC_VERSION);
        let mut fields = vec![("specversion", version)];
        let own = self.fields().into_iter();
        fields.extend(own.filter(|(name, value)| {
            !value.is_null() && !matches!(*name, "extensions" | "encoding")
        }));
        match &self.data {
            EventData::None => {}
            EventData::Json(json) => fields.push(("data", json.clone())),
            EventData::Base64(text) => fields.push(("data_base64", JsonText::string(text))),
        }
        let extensions = self.extensions.iter();
        let extensions = extensions.map(|(name, value)| (name.as_str(), value));
        let fields = fields.iter().map(|(name, value)| (*name, value));
        JsonText::object(fields.chain(extensions))
    }
}

impl EventData {
    /// Data as it came in bytes beside its media type (binary content mode).
    ///
    /// # Errors
    /// JSON that is none.
    pub fn from_bytes(bytes: &[u8], media_type: Option<&str>) -> Result<Self, InvalidEvent> {
        if bytes.is_empty() {
            return Ok(Self::None);
        }
        let text = std::str::from_utf8(bytes).ok();
        if is_json(media_type) {
            let not_json =
                |message: String| InvalidEvent::new("data", format!("is not JSON: {message}"));
            let text = text.ok_or_else(|| not_json("it is not UTF-8".to_owned()))?;
            let json = JsonText::parse_strict(text).map_err(|e| not_json(e.to_string()))?;
            return Ok(Self::Json(json));
        }
        let is_text = media_type.is_some_and(|media_type| {
            media_type
                .get(..5)
                .is_some_and(|start| start.eq_ignore_ascii_case("text/"))
        });
        Ok(match text {
            Some(text) if is_text => Self::Json(JsonText::string(text)),
            _ => Self::Base64(STANDARD.encode(bytes)),
        })
    }
}

/// Bytes of a JSON type are JSON all the same; others stay as they are.
fn from_base64(text: &JsonText, media_type: Option<&str>) -> Result<EventData, InvalidEvent> {
    let bad = |message| InvalidEvent::new("data_base64", message);
    let text = text.as_string().ok_or_else(|| bad("is not a text"))?;
    let bytes = STANDARD
        .decode(&text)
        .map_err(|_| bad("is not base64 (RFC 4648, section 4)"))?;
    if media_type.is_some() && is_json(media_type) {
        return EventData::from_bytes(&bytes, media_type);
    }
    Ok(EventData::Base64(text))
}

fn required(attributes: &mut Attributes, name: &str) -> Result<String, InvalidEvent> {
    let found = optional(attributes, name)?;
    found.ok_or_else(|| InvalidEvent::new(name, "is missing"))
}

fn optional(attributes: &mut Attributes, name: &str) -> Result<Option<String>, InvalidEvent> {
    let Some(value) = attributes.remove(name) else {
        return Ok(None);
    };
    let text = attribute::text(name, &value)?;
    attribute::form(name, &text)?;
    Ok(Some(text))
}

fn extensions(attributes: Attributes) -> Result<Attributes, InvalidEvent> {
    if attributes.len() > MAX_EXTENSIONS {
        let message = format!("has more than {MAX_EXTENSIONS} extension attributes");
        return Err(InvalidEvent::new("", message));
    }
    let checked = attributes.into_iter().map(|(name, value)| {
        if name == "data" {
            return Err(InvalidEvent::new(name, "is not the name of an attribute"));
        }
        let value = attribute::extension(&name, &value)?;
        Ok((name, value))
    });
    checked.collect()
}
