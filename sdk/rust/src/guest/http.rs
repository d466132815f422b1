//! One exchange over `wasi:http/outgoing-handler` 0.2.

use crate::host::{Answer, OutgoingRequest, SendError, Streams, TransportClass, TransportError};
use crate::http::Method;
use fluent_uri::Uri;
use std::io::{self, Read, Write};
use std::time::Duration;
use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler::{RequestOptions, handle};
use wasip2::http::types::{
    ErrorCode, Fields, IncomingResponse, OutgoingBody, OutgoingRequest as WasiRequest, Scheme,
    http_error_code,
};
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{OutputStream, StreamError};

/// How much of an answer is asked for at once, in bytes.
const READ_SIZE: u64 = 64 * 1024;

/// The most that one `blocking-write-and-flush` takes, by wasi:io 0.2.
const WRITE_SIZE: usize = 4096;

/// Sends the request and reads the whole answer. Its size is the gateway's to limit.
pub(super) fn send(
    request: &OutgoingRequest,
    streams: &mut Streams<'_>,
) -> Result<Answer, SendError> {
    let clock = Clock::new(request.timeout);
    let upload = streams.upload.take();
    let length = match (&upload, &request.body) {
        (Some((_, length)), _) => Some(*length),
        (None, body) => body.as_ref().map(|body| body.len() as u64),
    };
    let outgoing = build(request, length)?;
    let body = match length {
        Some(_) => Some(outgoing.body().map_err(|()| broken("http-request-body"))?),
        None => None,
    };
    let future =
        handle(outgoing, Some(options(request.timeout))).map_err(|code| transport_error(&code))?;
    match (body, upload, &request.body) {
        (Some(body), Some((bytes, _)), _) => write(body, bytes)?,
        (Some(body), None, Some(bytes)) => write(body, &mut bytes.as_slice())?,
        _ => {}
    }
    let response = loop {
        if let Some(outcome) = future.get() {
            // The outer result only fails for an answer that was taken before.
            let outcome = outcome.map_err(|()| broken("response-taken"))?;
            break outcome.map_err(|code| transport_error(&code))?;
        }
        clock.wait(&future.subscribe())?;
    };
    read(&response, &clock, streams.download.as_deref_mut())
}

fn build(request: &OutgoingRequest, length: Option<u64>) -> Result<WasiRequest, TransportError> {
    let invalid = || broken("http-request-uri-invalid");
    let uri = Uri::parse(request.url.as_str()).map_err(|_| invalid())?;
    let scheme = match uri.scheme().as_str() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return Err(invalid()),
    };
    let authority = uri.authority().ok_or_else(invalid)?;
    let mut path = uri.path().as_str().to_owned();
    if path.is_empty() {
        path.push('/');
    }
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query.as_str());
    }

    let length = length.map(|length| length.to_string().into_bytes());
    let length = length.map(|length| ("content-length".to_owned(), length));
    let own = request
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into_bytes()));
    let headers: Vec<_> = own.chain(length).collect();
    let headers = Fields::from_list(&headers).map_err(|_| broken("invalid-header"))?;

    let outgoing = WasiRequest::new(headers);
    let set = outgoing
        .set_method(&method(request.method))
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(authority.as_str())))
        .and_then(|()| outgoing.set_path_with_query(Some(&path)));
    set.map_err(|()| invalid())?;
    Ok(outgoing)
}

fn method(method: Method) -> wasip2::http::types::Method {
    use wasip2::http::types::Method as Wasi;
    match method {
        Method::Get => Wasi::Get,
        Method::Head => Wasi::Head,
        Method::Post => Wasi::Post,
        Method::Put => Wasi::Put,
        Method::Patch => Wasi::Patch,
        Method::Delete => Wasi::Delete,
    }
}

fn options(timeout: Duration) -> RequestOptions {
    let options = RequestOptions::new();
    let nanos = Some(nanos(timeout));
    // A gateway may not know an option; the clock below holds in any case.
    let _ = options.set_connect_timeout(nanos);
    let _ = options.set_first_byte_timeout(nanos);
    let _ = options.set_between_bytes_timeout(nanos);
    options
}

fn write(body: OutgoingBody, bytes: &mut dyn Read) -> Result<(), SendError> {
    let stream = body.write().map_err(|()| broken("http-request-body"))?;
    let written = write_all(&stream, bytes).map_err(SendError::Stream)?;
    drop(stream);
    if written.is_ok() {
        OutgoingBody::finish(body, None).map_err(|code| transport_error(&code))?;
    }
    // An upstream that answers early closes the stream: its answer says why.
    Ok(())
}

/// The outer error is the source's, the inner one the stream's.
fn write_all(stream: &OutputStream, bytes: &mut dyn Read) -> io::Result<Result<(), StreamError>> {
    let mut chunk = [0; WRITE_SIZE];
    loop {
        let count = bytes.read(&mut chunk)?;
        if count == 0 {
            return Ok(Ok(()));
        }
        if let Err(error) = stream.blocking_write_and_flush(&chunk[..count]) {
            return Ok(Err(error));
        }
    }
}

fn read(
    response: &IncomingResponse,
    clock: &Clock,
    download: Option<&mut (dyn Write + '_)>,
) -> Result<Answer, SendError> {
    let mut answer = Answer {
        status: response.status(),
        headers: response.headers().entries(),
        body: Vec::new(),
    };
    let mut sink = download.filter(|_| (200..300).contains(&answer.status));
    let body = response.consume().map_err(|()| broken("response-taken"))?;
    let stream = body.stream().map_err(|()| broken("response-taken"))?;
    loop {
        match stream.read(READ_SIZE) {
            Ok(bytes) if bytes.is_empty() => clock.wait(&stream.subscribe())?,
            Ok(bytes) => match &mut sink {
                Some(sink) => sink.write_all(&bytes).map_err(SendError::Stream)?,
                None if answer.body.is_empty() => answer.body = bytes,
                None => answer.body.extend_from_slice(&bytes),
            },
            Err(StreamError::Closed) => return Ok(answer),
            Err(StreamError::LastOperationFailed(error)) => {
                let code = http_error_code(&error);
                let error = code.map_or(
                    TransportError {
                        class: TransportClass::Unavailable,
                        code: "http-response-incomplete",
                    },
                    |code| transport_error(&code),
                );
                return Err(error.into());
            }
        }
    }
}

/// The end of the time for one exchange.
struct Clock {
    ends: u64,
}

impl Clock {
    fn new(timeout: Duration) -> Self {
        Self {
            ends: monotonic_clock::now().saturating_add(nanos(timeout)),
        }
    }

    /// Waits until something is ready or the time is over.
    fn wait(&self, ready: &Pollable) -> Result<(), TransportError> {
        let over = monotonic_clock::subscribe_instant(self.ends);
        if poll(&[ready, &over]).contains(&0) {
            return Ok(());
        }
        Err(TransportError {
            class: TransportClass::Timeout,
            code: "http-response-timeout",
        })
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn broken(code: &'static str) -> TransportError {
    TransportError {
        class: TransportClass::Broken,
        code,
    }
}

/// What an `error-code` of wasi:http 0.2 means for a flow.
fn transport_error(code: &ErrorCode) -> TransportError {
    use TransportClass::{Broken, Denied, Timeout, Unavailable};
    let (class, code) = match code {
        ErrorCode::DnsTimeout => (Timeout, "dns-timeout"),
        ErrorCode::ConnectionTimeout => (Timeout, "connection-timeout"),
        ErrorCode::ConnectionReadTimeout => (Timeout, "connection-read-timeout"),
        ErrorCode::ConnectionWriteTimeout => (Timeout, "connection-write-timeout"),
        ErrorCode::HttpResponseTimeout => (Timeout, "http-response-timeout"),
        ErrorCode::DnsError(_) => (Unavailable, "dns-error"),
        ErrorCode::DestinationNotFound => (Unavailable, "destination-not-found"),
        ErrorCode::DestinationUnavailable => (Unavailable, "destination-unavailable"),
        ErrorCode::DestinationIpUnroutable => (Unavailable, "destination-ip-unroutable"),
        ErrorCode::ConnectionRefused => (Unavailable, "connection-refused"),
        ErrorCode::ConnectionTerminated => (Unavailable, "connection-terminated"),
        ErrorCode::ConnectionLimitReached => (Unavailable, "connection-limit-reached"),
        ErrorCode::TlsProtocolError => (Unavailable, "tls-protocol-error"),
        ErrorCode::TlsCertificateError => (Unavailable, "tls-certificate-error"),
        ErrorCode::TlsAlertReceived(_) => (Unavailable, "tls-alert-received"),
        ErrorCode::HttpResponseIncomplete => (Unavailable, "http-response-incomplete"),
        ErrorCode::HttpProtocolError => (Unavailable, "http-protocol-error"),
        ErrorCode::DestinationIpProhibited => (Denied, "destination-ip-prohibited"),
        ErrorCode::HttpRequestDenied => (Denied, "http-request-denied"),
        ErrorCode::HttpRequestUriInvalid => (Broken, "http-request-uri-invalid"),
        ErrorCode::HttpRequestUriTooLong => (Broken, "http-request-uri-too-long"),
        ErrorCode::HttpRequestBodySize(_) => (Broken, "http-request-body-size"),
        ErrorCode::HttpResponseBodySize(_) => (Broken, "http-response-body-size"),
        ErrorCode::HttpResponseHeaderSectionSize(_) | ErrorCode::HttpResponseHeaderSize(_) => {
            (Broken, "http-response-header-size")
        }
        ErrorCode::HttpResponseTransferCoding(_) | ErrorCode::HttpResponseContentCoding(_) => {
            (Broken, "http-response-coding")
        }
        ErrorCode::LoopDetected => (Broken, "loop-detected"),
        ErrorCode::ConfigurationError => (Broken, "configuration-error"),
        _ => (Unavailable, "http-error"),
    };
    TransportError { class, code }
}
