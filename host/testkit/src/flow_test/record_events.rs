//! The events that a recorded run received, as mocks.

use dowel_core::journal::{Entry, Event};
use dowel_core::units::format_duration;
use dowel_core::{JsonText, StepPath, Timestamp};
use std::collections::BTreeMap;

/// The answers by step, in the order in which the events came. A step that none came for
/// has an answer without one.
pub(super) fn events(entries: &[Entry]) -> BTreeMap<String, Vec<JsonText>> {
    let mut since: BTreeMap<&StepPath, Timestamp> = BTreeMap::new();
    let mut out: BTreeMap<String, Vec<JsonText>> = BTreeMap::new();
    for entry in entries {
        let (path, event) = match &entry.event {
            Event::EventAwaited(awaited) => {
                since.insert(&awaited.path, entry.at);
                continue;
            }
            Event::EventReceived(received) => (&received.path, Some(&received.event)),
            Event::ReceiveExpired { path } => (path, None),
            _ => continue,
        };
        let waited = since.get(path).map(|since| entry.at.since(*since));
        let waited = waited.filter(|waited| !waited.is_zero());
        let after = waited.map(|waited| JsonText::string(&format_duration(waited)));
        let item = super::mocks::item(path.as_str());
        let item = item.and_then(|item| JsonText::of(&item).ok());
        let event = event.map(attributes);
        let fields = [
            ("after", after.filter(|_| event.is_some())),
            ("event", event),
            ("item", item),
        ];
        let fields = fields.iter();
        let fields = fields.filter_map(|(name, value)| Some((*name, value.as_ref()?)));
        let answers = out.entry(path.id().to_owned()).or_default();
        answers.push(JsonText::object(fields));
    }
    out
}

/// An event as it is written: extensions stand beside the other attributes, and those
/// that it does not have are left out.
fn attributes(event: &JsonText) -> JsonText {
    const WRITTEN: [&str; 6] = ["id", "type", "source", "subject", "time", "data"];
    let fields = event.fields().unwrap_or_default();
    let extensions = fields.iter().find(|(name, _)| name == "extensions");
    let extensions = extensions.and_then(|(_, extensions)| extensions.fields());
    let own = fields
        .into_iter()
        .filter(|(name, value)| WRITTEN.contains(&name.as_str()) && !value.is_null());
    let all: Vec<(String, JsonText)> = own.chain(extensions.unwrap_or_default()).collect();
    JsonText::object(all.iter().map(|(name, value)| (name.as_str(), value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_as_it_came() {
        let seen = r#"{"id":"1","type":"t","source":"/s","subject":null,"extensions":{"a":"b"},"encoding":"json","data":{"x":1.10}}"#;
        let written = attributes(&JsonText::parse(seen).unwrap());
        assert_eq!(
            written.as_str(),
            r#"{"id":"1","type":"t","source":"/s","data":{"x":1.10},"a":"b"}"#
        );
    }
}
