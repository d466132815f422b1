//! One request and its answer.

use super::body::{Incoming, Outgoing, outgoing};
use super::evidence::Ticket;
use super::failure::{Left, classify};
use super::refusal::Refusal;
use super::target::Target;
use super::{Gateway, headers, wired};
use crate::scope::{CallScope, Granted};
use dowel_core::port::Secret;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, LOCATION};
use std::sync::Arc;
use std::time::Instant;
use url::Host;
use wasmtime_wasi_http::{Error as WasiError, RequestOptions, WasiBody};

/// Headers of an answer that may repeat the URL with the key that was added to it.
const URL_HEADERS: [HeaderName; 3] = [LOCATION, http::header::CONTENT_LOCATION, http::header::LINK];

/// Sends a guest's request, or refuses it.
pub(crate) async fn exchange(
    scope: Arc<CallScope>,
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<http::Response<WasiBody>, WasiError> {
    let mut entry = Entry::begin(&scope, &request);
    let outcome = attempt(&scope, request, options, &mut entry).await;
    outcome.map_err(|refusal| {
        entry.failed(&refusal);
        wired::refused(&scope, &refusal);
        let error = refusal.for_guest();
        scope.evidence.refuse(refusal);
        error
    })
}

async fn attempt(
    scope: &Arc<CallScope>,
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
    entry: &mut Entry,
) -> Result<http::Response<WasiBody>, Refusal> {
    let mut ticket = Ticket::begin(scope)?;
    let (mut parts, body) = request.into_parts();
    let mut target = Target::parse(parts.method.clone(), &parts.uri.to_string())?;
    target.host().clone_into(&mut entry.host);
    let granted = scope.granted.as_ref().ok_or_else(|| not_granted(&target))?;
    if scope
        .proof
        .as_ref()
        .is_some_and(|proof| !proof.is_verified())
    {
        return Err(Refusal::Unverified);
    }
    let gateway = granted.gateway();
    check(gateway, granted, &target, &parts.headers)?;
    add_headers(scope, gateway, &mut target, &mut parts.headers).await?;

    let body = match gateway.credential.as_ref() {
        Some(credential) => {
            let headers = &mut parts.headers;
            credential.sign(gateway, &target, headers, body).await?
        }
        None => body,
    };
    let http = gateway.client.get(gateway.secrets.as_ref()).await?;
    if let Some(wire) = scope.wire.as_deref() {
        let request = (&target, parts, body);
        let behind = (wire, gateway, &http);
        let answer = wired::exchange(behind, request, options, &mut ticket).await?;
        return receive(gateway, answer, ticket, entry);
    }
    let client = http.request(target.method.clone(), target.url.clone());
    let client = match outgoing(body).await? {
        Outgoing::Complete(bytes) => {
            // The client counts for itself.
            parts.headers.remove(CONTENT_LENGTH);
            if bytes.is_empty() && !headers::is_unsafe(&target.method) {
                client
            } else {
                client.body(bytes)
            }
        }
        Outgoing::Streaming(body) => client.body(body),
    };
    let request = client.headers(parts.headers).build();
    let request = request.map_err(|_| Refusal::Url("it cannot be written as an HTTP request"))?;
    ticket.sent()?;
    let again = request.try_clone();
    let answer = send(&http, request, options, &target, &mut ticket).await?;
    if let Some(again) = renewed(gateway, &target, &answer, again).await? {
        let answer = send(&http, again, options, &target, &mut ticket).await?;
        return receive(gateway, answer, ticket, entry);
    }
    receive(gateway, answer, ticket, entry)
}

/// The same request with another access token, where the upstream has refused the one that
/// was sent: it may have been revoked before its end. Only once, and only where the body
/// can be sent again; what was refused had no effect (RFC 9110, section 15.5.2).
async fn renewed(
    gateway: &Gateway,
    target: &Target,
    answer: &reqwest::Response,
    again: Option<reqwest::Request>,
) -> Result<Option<reqwest::Request>, Refusal> {
    let credential = gateway.credential.as_ref();
    let is_ours = credential.is_some_and(|credential| credential.is_for(target));
    let Some(tokens) = gateway.tokens.as_ref().filter(|_| is_ours) else {
        return Ok(None);
    };
    if answer.status() != http::StatusCode::UNAUTHORIZED {
        return Ok(None);
    }
    let (Some(credential), Some(mut request)) = (credential, again) else {
        // The body has streamed through: the next request gets another token.
        tokens.refused(None).await;
        return Ok(None);
    };
    let sent = request.headers().get(http::header::AUTHORIZATION);
    let sent = sent.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    tokens.refused(sent.map(Secret::new).as_ref()).await;
    let mut target = Target {
        method: target.method.clone(),
        url: target.url.clone(),
    };
    credential
        .add(gateway, &mut target, request.headers_mut())
        .await?;
    Ok(Some(request))
}

/// Both allow-lists, the guest's headers, and the address if it stands in the URL.
fn check(
    gateway: &Gateway,
    granted: &Granted,
    target: &Target,
    guest: &http::HeaderMap,
) -> Result<(), Refusal> {
    if !gateway.grants.iter().any(|rule| rule.matches(target)) {
        return Err(not_granted(target));
    }
    if !granted.needs().iter().any(|rule| rule.matches(target)) {
        return Err(Refusal::NotNeeded {
            method: target.method.to_string(),
            origin: target.url.origin().ascii_serialization(),
        });
    }
    let credential = gateway.credential.as_ref();
    let own = credential.and_then(|c| c.header()).into_iter();
    headers::check(guest, &own.chain([&gateway.idempotency_header]))?;
    if let Some(credential) = credential {
        credential.check(target)?;
    }
    let address = match target.url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        // Names are checked when they are resolved.
        _ => None,
    };
    if address.is_some_and(|address| !gateway.addresses.permits(address)) {
        return Err(Refusal::PrivateAddress {
            host: target.host().to_owned(),
        });
    }
    Ok(())
}

fn not_granted(target: &Target) -> Refusal {
    Refusal::NotGranted {
        method: target.method.to_string(),
        origin: target.url.origin().ascii_serialization(),
    }
}

async fn add_headers(
    scope: &CallScope,
    gateway: &Gateway,
    target: &mut Target,
    headers: &mut http::HeaderMap,
) -> Result<(), Refusal> {
    if scope.keyed && headers::is_unsafe(&target.method) {
        let key = headers::key(&scope.idempotency_key)?;
        headers.insert(gateway.idempotency_header.clone(), key);
    }
    let trace = scope.traceparent.as_deref().map(HeaderValue::from_str);
    if let Some(Ok(trace)) = trace {
        headers.insert("traceparent", trace);
    }
    if let Some(credential) = &gateway.credential {
        credential.add(gateway, target, headers).await?;
    }
    Ok(())
}

async fn send(
    http: &reqwest::Client,
    request: reqwest::Request,
    options: Option<RequestOptions>,
    target: &Target,
    ticket: &mut Ticket,
) -> Result<reqwest::Response, Refusal> {
    let exchange = http.execute(request);
    // Connecting is bounded by the connection's own limit, the whole by the call's
    // deadline; a guest may ask for less.
    let outcome = match options.and_then(|options| options.first_byte_timeout) {
        Some(limit) => {
            tokio::time::timeout(limit, exchange)
                .await
                .map_err(|_| Refusal::NoAnswer {
                    host: target.host().to_owned(),
                })?
        }
        None => exchange.await,
    };
    outcome.map_err(|error| {
        let (refusal, left) = classify(&error, target);
        if left == Left::No {
            ticket.not_sent();
        }
        refusal
    })
}

fn receive(
    gateway: &Gateway,
    answer: reqwest::Response,
    mut ticket: Ticket,
    entry: &mut Entry,
) -> Result<http::Response<WasiBody>, Refusal> {
    ticket.headers();
    entry.status = Some(answer.status().as_u16());
    if headers::size(answer.headers()) > headers::MAX_RESPONSE_HEADER_BYTES {
        return Err(Refusal::HeadersTooLarge {
            host: entry.host.clone(),
            limit: headers::MAX_RESPONSE_HEADER_BYTES,
        });
    }
    entry.limit = gateway.response_bytes;
    if answer.content_length().unwrap_or_default() > gateway.response_bytes {
        return Err(entry.body_too_large());
    }
    let (mut parts, body) = http::Response::<reqwest::Body>::from(answer).into_parts();
    for name in URL_HEADERS {
        if let Some(value) = parts.headers.get_mut(&name) {
            mask(gateway, value);
        }
    }
    let body = Incoming::wrap(body, gateway.response_bytes, ticket, entry.take());
    Ok(http::Response::from_parts(parts, body))
}

fn mask(gateway: &Gateway, value: &mut HeaderValue) {
    let Ok(text) = value.to_str() else {
        return;
    };
    if let std::borrow::Cow::Owned(clean) = gateway.redactor.clean(text) {
        *value = HeaderValue::from_str(&clean).unwrap_or(HeaderValue::from_static("[redacted]"));
    }
}

/// The line that the log gets about a request: no path, no query, no headers.
#[derive(Default)]
pub(crate) struct Entry {
    scope: Option<Arc<CallScope>>,
    method: String,
    host: String,
    status: Option<u16>,
    bytes: u64,
    limit: u64,
    begun: Option<Instant>,
    failure: Option<String>,
}

impl Entry {
    fn begin(scope: &Arc<CallScope>, request: &http::Request<WasiBody>) -> Self {
        let mut entry = Self::default();
        entry.scope = Some(Arc::clone(scope));
        entry.method = request.method().to_string();
        entry.begun = Some(Instant::now());
        entry
    }

    /// Hands the entry on to the answer's body, which writes it at its end.
    fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    pub(crate) fn received(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    pub(crate) fn failed(&mut self, refusal: &Refusal) {
        self.failure = Some(refusal.code().to_string());
    }

    pub(crate) fn body_too_large(&self) -> Refusal {
        Refusal::BodyTooLarge {
            host: self.host.clone(),
            limit: self.limit,
        }
    }

    pub(crate) fn broken(&self) -> Refusal {
        Refusal::Broken {
            host: self.host.clone(),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let (Some(scope), Some(begun)) = (&self.scope, self.begun) else {
            return;
        };
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            target: "dowel::egress",
            connection = scope.connection(),
            run = %scope.run,
            step = %scope.step,
            method = self.method,
            host = self.host,
            status = self.status,
            bytes = self.bytes,
            ms,
            code = self.failure,
            "request"
        );
    }
}
