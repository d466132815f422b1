//! Events as CloudEvents 1.0.2: what `emit` sends, what `POST /events` takes and what
//! `event` triggers and `receive` steps are given.

mod attribute;
mod format;

pub use attribute::{is_event_type, is_uri_reference};
pub use format::Attributes;

use crate::id::FlowName;
use crate::json::JsonText;
use std::collections::BTreeMap;

/// The only version of the specification that there is events of.
pub const SPEC_VERSION: &str = "1.0";

/// What the `source` of an event begins with that a flow has emitted. Nobody else may
/// use it.
pub const FLOW_SOURCE: &str = "urn:dowel:flow:";

/// The extension attribute that counts how many flows an event has gone through.
pub const HOPS: &str = "dowelhops";

/// The extension attribute that names the run that emitted the event.
pub const RUN: &str = "dowelrun";

/// The extension attribute with the W3C trace context (Distributed Tracing extension).
pub const TRACEPARENT: &str = "traceparent";

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent {
    /// Unique together with `source`.
    pub id: String,
    /// In which context it happened, a URI reference.
    pub source: String,
    /// CloudEvents `type`.
    pub event_type: String,
    /// What it is about, within the source.
    pub subject: Option<String>,
    /// When it happened (RFC 3339), as it was written.
    pub time: Option<String>,
    /// The media type of the data (RFC 2046).
    pub data_content_type: Option<String>,
    /// The schema that the data follows, a URI.
    pub data_schema: Option<String>,
    /// Extension attributes: texts, integers and truth values.
    pub extensions: BTreeMap<String, JsonText>,
    /// What happened.
    pub data: EventData,
}

/// The data of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EventData {
    /// There is none.
    #[default]
    None,
    /// A JSON value; for data in another textual format a JSON string with the text.
    Json(JsonText),
    /// Bytes, in base64 (RFC 4648, section 4).
    Base64(String),
}

/// What breaks the specification, by attribute. Never shows a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{attribute}` {message}")]
pub struct InvalidEvent {
    /// The attribute, `data`, or empty for the event as a whole.
    pub attribute: String,
    /// What is wrong, as the end of a sentence that begins with the attribute.
    pub message: String,
}

impl InvalidEvent {
    /// Something is wrong with an attribute.
    pub fn new(attribute: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            attribute: attribute.into(),
            message: message.into(),
        }
    }
}

impl EventData {
    /// The data as flows see it: bytes are a text in base64, missing data is `null`.
    pub fn payload(&self) -> JsonText {
        match self {
            Self::None => JsonText::null(),
            Self::Json(json) => json.clone(),
            Self::Base64(text) => JsonText::string(text),
        }
    }

    /// How the payload is to be read: `json`, or `base64` for bytes.
    pub const fn encoding(&self) -> &'static str {
        match self {
            Self::None | Self::Json(_) => "json",
            Self::Base64(_) => "base64",
        }
    }
}

impl CloudEvent {
    /// An event that a flow emits.
    pub fn emitted(flow: &FlowName, id: &str, event_type: &str, data: JsonText) -> Self {
        Self {
            id: id.to_owned(),
            source: format!("{FLOW_SOURCE}{flow}"),
            event_type: event_type.to_owned(),
            subject: None,
            time: None,
            data_content_type: Some("application/json".to_owned()),
            data_schema: None,
            extensions: BTreeMap::new(),
            data: EventData::Json(data),
        }
    }

    /// The fields that expressions see of an event, without its data. Attributes that it
    /// does not have are `null`.
    pub fn fields(&self) -> Vec<(&'static str, JsonText)> {
        let optional = |text: &Option<String>| {
            text.as_deref()
                .map_or_else(JsonText::null, JsonText::string)
        };
        let extensions = self.extensions.iter();
        let extensions = JsonText::object(extensions.map(|(name, value)| (name.as_str(), value)));
        vec![
            ("id", JsonText::string(&self.id)),
            ("type", JsonText::string(&self.event_type)),
            ("source", JsonText::string(&self.source)),
            ("subject", optional(&self.subject)),
            ("time", optional(&self.time)),
            ("datacontenttype", optional(&self.data_content_type)),
            ("dataschema", optional(&self.data_schema)),
            ("extensions", extensions),
            ("encoding", JsonText::string(self.data.encoding())),
        ]
    }
}

/// Which types of events are meant: one, or all that begin alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypePattern<'a> {
    /// Exactly this one.
    Exact(&'a str),
    /// All that begin with this, which ends in a dot: `com.example.*` means what begins
    /// with `com.example.`, at any depth.
    Prefix(&'a str),
}

impl<'a> TypePattern<'a> {
    /// Reads `com.example.order.created` or `com.example.order.*`.
    pub fn parse(text: &'a str) -> Option<Self> {
        match text.strip_suffix('*') {
            None => is_event_type(text).then_some(Self::Exact(text)),
            Some(prefix) => {
                let is_good = prefix.ends_with('.') && prefix.len() > 1 && is_event_type(prefix);
                is_good.then_some(Self::Prefix(prefix))
            }
        }
    }

    /// Whether a type is meant.
    pub fn matches(&self, event_type: &str) -> bool {
        match self {
            Self::Exact(text) => *text == event_type,
            Self::Prefix(prefix) => {
                event_type.len() > prefix.len() && event_type.starts_with(prefix)
            }
        }
    }
}

#[cfg(test)]
mod tests;
