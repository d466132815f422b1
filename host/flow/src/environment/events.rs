//! Who may send events from outside.

use crate::diagnostic::Report;
use crate::surface::environment::{EventsFile, SenderFile};
use dowel_core::cloud_event::TypePattern;
use dowel_core::code::flow as code;

/// Who may send events to `POST /events`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EventAccess {
    /// Nobody.
    #[default]
    Nobody,
    /// Anybody: the environment says so in as many words.
    Anybody,
    /// These.
    Senders(Vec<EventSender>),
}

/// Somebody who may send events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSender {
    /// A name for people.
    pub name: String,
    /// The name of the secret with its token.
    pub secret: String,
    /// The types that it may send, as [`TypePattern`]s; all if there are none.
    pub types: Vec<String>,
}

impl EventAccess {
    /// Names of the secrets that senders prove themselves by.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let senders = match self {
            Self::Senders(senders) => senders.as_slice(),
            Self::Nobody | Self::Anybody => &[],
        };
        senders.iter().map(|sender| sender.secret.as_str())
    }
}

impl EventSender {
    /// Whether it may send events of this type.
    pub fn may_send(&self, event_type: &str) -> bool {
        let mut patterns = self.types.iter().filter_map(|t| TypePattern::parse(t));
        self.types.is_empty() || patterns.any(|pattern| pattern.matches(event_type))
    }
}

pub(super) fn access(file: Option<&EventsFile>, report: &mut Report) -> Option<EventAccess> {
    let Some(file) = file else {
        return Some(EventAccess::Nobody);
    };
    match (file.verify, &file.senders) {
        (Some(_), None) => Some(EventAccess::Anybody),
        (None, Some(senders)) if !senders.value.0.is_empty() => {
            let senders = senders.value.0.iter();
            let senders: Vec<Option<EventSender>> = senders
                .map(|(name, written)| sender(&name.value.0, written, report))
                .collect();
            Some(EventAccess::Senders(
                senders.into_iter().collect::<Option<_>>()?,
            ))
        }
        _ => {
            let message = "`events` has either `senders`, at least one, or `verify: none`";
            report.error(code::EVENTS_CHOICE, file.span, message);
            None
        }
    }
}

fn sender(name: &str, written: &SenderFile, report: &mut Report) -> Option<EventSender> {
    let mut types = Some(Vec::new());
    for event_type in written.types.iter().flatten() {
        if TypePattern::parse(&event_type.value.0).is_none() {
            let message = "this is not the type of an event, nor a name with `.*` behind it";
            report.error(code::BAD_FORM, event_type.span, message);
            types = None;
        } else if let Some(types) = &mut types {
            types.push(event_type.value.0.clone());
        }
    }
    Some(EventSender {
        name: name.to_owned(),
        secret: written.verify_secret.0.clone(),
        types: types?,
    })
}
