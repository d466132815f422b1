//! The contract's `http` interface: one request in one call, through the same gateway as
//! `wasi:http`.

use super::GuestState;
use crate::bindings::sending::dowel::connector::http::{Failure, Host, Reason, Request, Response};
use crate::gateway::exchange;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http_body_util::{BodyExt, Full};
use std::time::Duration;
use wasmtime_wasi_http::{Error as WasiError, RequestOptions};

impl Host for GuestState {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, Failure>> {
        let Some(scope) = self.slot.get() else {
            return Ok(Err(failure(&WasiError::HttpRequestDenied)));
        };
        let limit = Duration::from_millis(request.timeout_ms);
        let options = RequestOptions {
            connect_timeout: Some(limit),
            first_byte_timeout: Some(limit),
            between_bytes_timeout: Some(limit),
        };
        let outgoing = match outgoing(request) {
            Ok(outgoing) => outgoing,
            Err(failure) => return Ok(Err(failure)),
        };
        let whole = async {
            let (head, body) = exchange(scope, outgoing, Some(options)).await?.into_parts();
            // Its size is the gateway's to limit.
            let body = body.collect().await?.to_bytes();
            let headers = head.headers.iter().filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            });
            Ok::<_, WasiError>(Response {
                status: head.status.as_u16(),
                headers: headers.collect(),
                body: body.into(),
            })
        };
        Ok(match tokio::time::timeout(limit, whole).await {
            Ok(answered) => answered.map_err(|error| failure(&error)),
            Err(_) => Err(failure(&WasiError::HttpResponseTimeout)),
        })
    }
}

type Outgoing = http::Request<wasmtime_wasi_http::WasiBody>;

fn outgoing(request: Request) -> Result<Outgoing, Failure> {
    let mut made = http::Request::builder()
        .method(request.method.as_str())
        .uri(request.url);
    for (name, value) in request.headers {
        made = made.header(name, value);
    }
    if let Some(body) = &request.body {
        made = made.header(CONTENT_LENGTH, body.len());
    }
    let body = Full::new(Bytes::from(request.body.unwrap_or_default()));
    let body = body.map_err(|never| match never {}).boxed_unsync();
    made.body(body)
        .map_err(|_| broken("http-request-uri-invalid"))
}

fn broken(code: &str) -> Failure {
    Failure {
        reason: Reason::Broken,
        code: code.to_owned(),
    }
}

/// What an error means for a flow. The codes are the names that `wasi:http` has.
fn failure(error: &WasiError) -> Failure {
    use Reason::{Broken, Denied, Timeout, Unavailable};
    let (reason, code) = match error {
        WasiError::DnsTimeout => (Timeout, "dns-timeout"),
        WasiError::ConnectionTimeout => (Timeout, "connection-timeout"),
        WasiError::ConnectionReadTimeout => (Timeout, "connection-read-timeout"),
        WasiError::ConnectionWriteTimeout => (Timeout, "connection-write-timeout"),
        WasiError::HttpResponseTimeout => (Timeout, "http-response-timeout"),
        WasiError::DnsError { .. } => (Unavailable, "dns-error"),
        WasiError::DestinationNotFound => (Unavailable, "destination-not-found"),
        WasiError::DestinationUnavailable => (Unavailable, "destination-unavailable"),
        WasiError::DestinationIpUnroutable => (Unavailable, "destination-ip-unroutable"),
        WasiError::ConnectionRefused => (Unavailable, "connection-refused"),
        WasiError::ConnectionTerminated => (Unavailable, "connection-terminated"),
        WasiError::ConnectionLimitReached => (Unavailable, "connection-limit-reached"),
        WasiError::TlsProtocolError => (Unavailable, "tls-protocol-error"),
        WasiError::TlsCertificateError => (Unavailable, "tls-certificate-error"),
        WasiError::TlsAlertReceived { .. } => (Unavailable, "tls-alert-received"),
        WasiError::HttpResponseIncomplete => (Unavailable, "http-response-incomplete"),
        WasiError::HttpProtocolError => (Unavailable, "http-protocol-error"),
        WasiError::DestinationIpProhibited => (Denied, "destination-ip-prohibited"),
        WasiError::HttpRequestDenied => (Denied, "http-request-denied"),
        WasiError::HttpRequestUriInvalid => (Broken, "http-request-uri-invalid"),
        WasiError::HttpRequestUriTooLong => (Broken, "http-request-uri-too-long"),
        WasiError::HttpRequestBodySize(_) => (Broken, "http-request-body-size"),
        WasiError::HttpResponseBodySize(_) => (Broken, "http-response-body-size"),
        WasiError::HttpResponseHeaderSectionSize(_) | WasiError::HttpResponseHeaderSize { .. } => {
            (Broken, "http-response-header-size")
        }
        WasiError::HttpResponseTransferCoding(_) | WasiError::HttpResponseContentCoding(_) => {
            (Broken, "http-response-coding")
        }
        WasiError::LoopDetected => (Broken, "loop-detected"),
        WasiError::ConfigurationError => (Broken, "configuration-error"),
        _ => (Unavailable, "http-error"),
    };
    Failure {
        reason,
        code: code.to_owned(),
    }
}
