//! Who may send which events.

use crate::problem::Problem;
use crate::state::ApiState;
use axum::http::{HeaderMap, header};
use dowel_core::Digest;
use dowel_core::cloud_event::{CloudEvent, FLOW_SOURCE};
use dowel_core::code::api::{EVENT_NOT_GRANTED, EVENT_UNVERIFIED};
use dowel_flow::environment::{EventAccess, EventSender};

/// Who sends: one of the environment's senders, or anybody where that is allowed.
pub(super) enum Sender {
    Anybody,
    Known(EventSender),
}

/// Finds the sender by its token. Every sender's token is looked at, whichever is right.
pub(super) async fn identify(state: &ApiState, headers: &HeaderMap) -> Result<Sender, Problem> {
    let now = state.senders();
    let senders = match &now.events {
        EventAccess::Anybody => return Ok(Sender::Anybody),
        EventAccess::Nobody => {
            let message = "the environment takes no events from outside";
            return Err(Problem::new(EVENT_UNVERIFIED, message));
        }
        EventAccess::Senders(senders) => senders,
    };
    let given = headers.get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.strip_prefix("Bearer "));
    // Digests are compared instead of texts, so the time tells nothing about how much of
    // a guess was right.
    let token = token.filter(|token| !token.is_empty()).map(Digest::of);
    let mut found = None;
    for sender in senders {
        let mut valid = state
            .secrets
            .valid(&sender.secret)
            .await
            .unwrap_or_default();
        valid.retain(|secret| !secret.expose().is_empty());
        if valid.is_empty() {
            tracing::warn!(
                sender = sender.name,
                secret = sender.secret,
                "the secret of a sender of events cannot be read"
            );
        }
        for secret in &valid {
            if token == Some(Digest::of(secret.expose())) {
                found = Some(sender.clone());
            }
        }
    }
    let unknown = || {
        let message = "the request does not carry the token of a sender of events";
        Problem::new(EVENT_UNVERIFIED, message)
    };
    found.map(Sender::Known).ok_or_else(unknown)
}

/// Whether the sender may send this event.
pub(super) fn check(sender: &Sender, event: &CloudEvent, place: &str) -> Result<(), Problem> {
    if let Sender::Known(sender) = sender
        && !sender.may_send(&event.event_type)
    {
        let message = format!("`{}` may not send events of this type", sender.name);
        let problem = Problem::new(EVENT_NOT_GRANTED, message);
        return Err(problem.with_violation(format!("{place}/type"), "is not granted"));
    }
    if event.source.starts_with(FLOW_SOURCE) {
        let message = "the source belongs to the flows of this host";
        let problem = Problem::new(EVENT_NOT_GRANTED, message);
        return Err(problem.with_violation(format!("{place}/source"), "is not granted"));
    }
    Ok(())
}
