//! Giving a request to a receiver, and judging what it makes of it.

use super::{ConnectorHost, no_run, refused, step};
use crate::call::{Ask, Call};
use crate::proof::Proof;
use crate::scope::{CallScope, Granted};
use dowel_core::code::run as code;
use dowel_core::port::{
    HookAnswer, ReceiverRequest, Reception, RemoteSubscription, SourceEvent, SubscriptionRequest,
};
use dowel_core::{ErrorKind, StepError};
use std::sync::Arc;
use std::time::Duration;

/// Events of one request: as many runs begin in one transaction.
const MAX_EVENTS: usize = 1000;

/// The longest id, kind or subject of an event, in bytes: ids are keys of the store.
const MAX_NAME: usize = 512;

/// Headers of an answer.
const MAX_HEADERS: usize = 16;

/// Bytes of one header of an answer, name and value.
const MAX_HEADER: usize = 1024;

/// Bytes of the body of an answer: it repeats a challenge, or says that all is well.
const MAX_BODY: usize = 64 << 10;

/// What an answer may be. Nothing that a browser would run: the address may be that of the
/// desk.
const MEDIA_TYPES: [&str; 4] = [
    "text/plain",
    "application/json",
    "application/xml",
    "text/xml",
];

/// Gives a request to a receiver.
pub(super) async fn receive(
    host: &ConnectorHost,
    request: ReceiverRequest,
) -> Result<Reception, StepError> {
    let (call, answers_anybody) = prepare(host, request)?;
    let scope = Arc::clone(&call.scope);
    let text = call.run().await.result?;
    // Written by this host from the guest's own types.
    let reception: Reception = serde_json::from_str(text.as_str()).map_err(|error| {
        let (kind, code) = (ErrorKind::Internal, code::CALL_OUTPUT_NOT_JSON);
        StepError::host(kind, code, error.to_string())
    })?;
    let is_verified = scope.proof.as_ref().is_some_and(Proof::is_verified);
    let is_greeting = answers_anybody && reception.events.is_empty();
    if !is_verified && !is_greeting {
        let message = "the receiver believed a request without having verified it";
        return Err(defect(code::RECEIVER_UNVERIFIED, message.to_owned()));
    }
    check_events(&reception.events)?;
    reception.answer.as_ref().map_or(Ok(()), check_answer)?;
    Ok(reception)
}

/// Asks a service for a subscription.
pub(super) async fn subscription(
    host: &ConnectorHost,
    request: SubscriptionRequest,
) -> Result<Option<RemoteSubscription>, StepError> {
    let (bound, used) = host.used(&request.connection, &request.component)?;
    let manifest = &used.connector.manifest;
    let receiver = manifest.receiver(request.receiver.as_str());
    if !receiver.is_some_and(|receiver| receiver.subscription) {
        let (name, wanted) = (&manifest.name, &request.receiver);
        let message = format!("`{name}` has no receiver `{wanted}` with a subscription");
        return Err(refused(code::CALL_UNKNOWN_RECEIVER, message));
    }
    let scope = CallScope {
        idempotency_key: request.idempotency_key.clone(),
        keyed: true,
        ..CallScope::closed(no_run(), step("subscription"))
    };
    let limit = request.deadline;
    let ask = Ask::Subscription(Box::new(request));
    let call = host.ready(Granted { bound, used }, scope, ask, limit);
    let text = call.run().await.result?;
    // Written by this host from the guest's own types.
    serde_json::from_str(text.as_str()).map_err(|error| {
        let (kind, code) = (ErrorKind::Internal, code::CALL_OUTPUT_NOT_JSON);
        StepError::host(kind, code, error.to_string())
    })
}

/// The call, and whether the receiver answers requests that prove nothing.
fn prepare(host: &ConnectorHost, request: ReceiverRequest) -> Result<(Call<'_>, bool), StepError> {
    let (bound, used) = host.used(&request.connection, &request.component)?;
    let manifest = &used.connector.manifest;
    let receiver = manifest
        .receiver(request.receiver.as_str())
        .ok_or_else(|| {
            let (name, wanted) = (&manifest.name, &request.receiver);
            let message = format!("`{name}` has no receiver `{wanted}`");
            refused(code::CALL_UNKNOWN_RECEIVER, message)
        })?;
    let own_limit = receiver.deadline_ms.map(Duration::from_millis);
    let handshake = receiver.handshake;
    let at = Duration::from_millis(request.at.as_millis());
    let proof = Proof::new(request.keys.clone(), request.http.headers.clone(), at);
    let scope = CallScope {
        proof: Some(proof),
        ..CallScope::closed(no_run(), step("webhook"))
    };
    let limit = own_limit.map_or(request.deadline, |own| own.min(request.deadline));
    let ask = Ask::Receive(Box::new(request));
    let call = host.ready(Granted { bound, used }, scope, ask, limit);
    Ok((call, handshake))
}

fn check_events(events: &[SourceEvent]) -> Result<(), StepError> {
    let bad = |what: String| Err(defect(code::RECEIVER_BAD_EVENTS, what));
    if events.len() > MAX_EVENTS {
        let count = events.len();
        return bad(format!(
            "the receiver gave {count} events, {MAX_EVENTS} at most are taken"
        ));
    }
    for (number, event) in events.iter().enumerate() {
        let subject = event.subject.as_deref().unwrap_or("-");
        for (name, text) in [
            ("id", &*event.id),
            ("kind", &*event.kind),
            ("subject", subject),
        ] {
            if text.is_empty() || text.len() > MAX_NAME {
                let bytes = text.len();
                return bad(format!(
                    "the {name} of event {number} has {bytes} bytes: 1 to {MAX_NAME} are taken"
                ));
            }
        }
    }
    Ok(())
}

fn check_answer(answer: &HookAnswer) -> Result<(), StepError> {
    let bad = |what: String| Err(defect(code::RECEIVER_BAD_ANSWER, what));
    if !(200..300).contains(&answer.status) {
        return bad(format!(
            "the receiver answers with status {}",
            answer.status
        ));
    }
    if answer.body.len() > MAX_BODY {
        let bytes = answer.body.len();
        return bad(format!(
            "the receiver answers with {bytes} bytes, {MAX_BODY} at most are sent"
        ));
    }
    if answer.headers.len() > MAX_HEADERS {
        let count = answer.headers.len();
        return bad(format!(
            "the receiver answers with {count} headers, {MAX_HEADERS} at most are sent"
        ));
    }
    for (name, value) in &answer.headers {
        if !is_passed_on(name, value) {
            // The name is the guest's: it may be anything.
            let name = crate::text::plain(crate::text::cut(name, 64)).into_owned();
            return bad(format!(
                "the header `{name}` of the receiver's answer is not passed on"
            ));
        }
    }
    Ok(())
}

fn is_passed_on(name: &str, value: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_text = value.bytes().all(|b| (b' '..0x7f).contains(&b));
    if !name.bytes().all(plain) || !is_text || name.len() + value.len() > MAX_HEADER {
        return false;
    }
    if name == "content-type" {
        let media_type = value.split(';').next().unwrap_or_default();
        return MEDIA_TYPES.contains(&media_type.trim());
    }
    // Those that proxies believe are not for a guest to say.
    name.starts_with("x-") && !name.starts_with("x-forwarded") && !name.starts_with("x-accel")
}

/// What a receiver must not do.
fn defect(code: dowel_core::code::Code, message: String) -> StepError {
    StepError::host(ErrorKind::Internal, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_headers_of_an_answer_are_passed_on() {
        for (name, value) in [
            ("content-type", "text/plain"),
            ("content-type", "application/json; charset=utf-8"),
            ("x-hook-secret", "abc"),
        ] {
            assert!(is_passed_on(name, value), "{name}");
        }
        let long = "x".repeat(MAX_HEADER);
        for (name, value) in [
            ("content-type", "text/html"),
            ("content-type", "image/svg+xml"),
            ("content-type", "application/json\r\nset-cookie: a=b"),
            ("set-cookie", "a=b"),
            ("location", "https://example.com"),
            ("X-Upper", "a"),
            ("x-accel-redirect", "/etc"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-a b", "a"),
            ("x-long", &*long),
        ] {
            assert!(!is_passed_on(name, value), "{name}: {value}");
        }
    }
}
