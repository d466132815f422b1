//! What an error of the HTTP client means. Its own text is never shown: it may contain
//! the URL with its query.

use super::refusal::Refusal;
use super::resolve::ResolveError;
use super::target::Target;
use std::error::Error;
use std::io;

/// Whether the request had left the host when its exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// No connection was made, or nothing could be built.
    No,
    /// It may have.
    Perhaps,
}

/// Classifies an error of the exchange before the headers of an answer.
pub(crate) fn classify(error: &reqwest::Error, target: &Target) -> (Refusal, Left) {
    let host = target.host().to_owned();
    if let Some(resolution) = find::<ResolveError>(error) {
        let refusal = match resolution {
            ResolveError::Unknown => Refusal::Dns { host },
            ResolveError::NotPermitted => Refusal::PrivateAddress { host },
        };
        return (refusal, Left::No);
    }
    if error.is_builder() {
        return (
            Refusal::Url("it cannot be written as an HTTP request"),
            Left::No,
        );
    }
    if error.is_connect() {
        return (connecting(error, target), Left::No);
    }
    (Refusal::Broken { host }, Left::Perhaps)
}

fn connecting(error: &reqwest::Error, target: &Target) -> Refusal {
    let host = target.host().to_owned();
    if error.is_timeout() {
        return Refusal::ConnectTimeout { host };
    }
    let unreachable = [
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::HostUnreachable,
        io::ErrorKind::NetworkUnreachable,
        io::ErrorKind::AddrNotAvailable,
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::TimedOut,
    ];
    let kind = find::<io::Error>(error).map(io::Error::kind);
    let refused = kind.is_some_and(|kind| unreachable.contains(&kind));
    if target.url.scheme() == "https" && !refused {
        Refusal::Tls { host }
    } else {
        Refusal::Connect { host }
    }
}

/// The first error of type `E` in the chain.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An `io::Error` around a custom one shows only the latter's source.
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref()) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// An error of building the client, whose text has no URL in it.
pub(crate) fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}
