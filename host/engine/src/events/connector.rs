//! Events that connectors tell of: read by a source, or sent to a receiver.

use dowel_core::Timestamp;
use dowel_core::cloud_event::{CloudEvent, EventData};
use dowel_core::id::{ConnectionName, OperationName};
use dowel_core::port::SourceEvent;
use std::collections::BTreeMap;

/// An event of a connector as flows see events. Its `source` is made of the prefix, which
/// nobody outside may use, the connection, and the name of the source or receiver.
pub(crate) fn of_connector(
    prefix: &str,
    (connection, name): (&ConnectionName, &OperationName),
    event: &SourceEvent,
) -> CloudEvent {
    // A time that is none would make an event that nobody accepts.
    let time = event.time.clone();
    let time = time.filter(|time| Timestamp::parse(time).is_some());
    CloudEvent {
        id: event.id.clone(),
        source: format!("{prefix}{connection}:{name}"),
        event_type: event.kind.clone(),
        subject: event.subject.clone(),
        time,
        data_content_type: None,
        data_schema: None,
        extensions: BTreeMap::new(),
        data: EventData::Json(event.data.clone()),
    }
}
