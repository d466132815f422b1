//! An exchange with somebody behind the gateway, see [`Wire`].

use super::body::{BodyError, whole};
use super::evidence::Ticket;
use super::failure::{Left, classify};
use super::refusal::Refusal;
use super::target::Target;
use super::{Gateway, headers};
use crate::scope::CallScope;
use crate::wire::{Refused, Wire, WireAnswer, WireRequest};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http_body::Frame;
use http_body_util::BodyExt;
use std::pin::Pin;
use std::task::{Context, Poll};
use wasmtime_wasi_http::{RequestOptions, WasiBody};

/// Tells whoever is behind the gateway that a request was not let out.
pub(crate) fn refused(scope: &CallScope, refusal: &Refusal) {
    if let Some(wire) = &scope.wire {
        wire.refused(Refused {
            code: refusal.code(),
            message: refusal.to_string(),
        });
    }
}

/// Sends a request that has been checked, with its credential.
pub(crate) async fn exchange(
    (wire, gateway, http): (&dyn Wire, &Gateway, &reqwest::Client),
    (target, mut parts, body): (&Target, http::request::Parts, WasiBody),
    options: Option<RequestOptions>,
    ticket: &mut Ticket,
) -> Result<reqwest::Response, Refusal> {
    let body = whole(body, gateway.response_bytes).await?;
    parts.headers.remove(CONTENT_LENGTH);
    let request = WireRequest {
        method: target.method.to_string(),
        url: target.url.to_string(),
        headers: lines(&parts.headers),
        body: body.to_vec(),
    };
    ticket.sent()?;
    let answering = wire.answer(&request);
    let answered = match options.as_ref().and_then(|o| o.first_byte_timeout) {
        Some(limit) => {
            tokio::time::timeout(limit, answering)
                .await
                .map_err(|_| Refusal::NoAnswer {
                    host: target.host().to_owned(),
                })?
        }
        None => answering.await,
    };
    match answered {
        Some(Ok(answer)) => response(answer),
        Some(Err(failure)) => {
            if !failure.left() {
                ticket.not_sent();
            }
            Err(failure.refusal(target.host()))
        }
        None => {
            let answer = network((gateway, http), &request, parts.headers, target, ticket).await;
            wire.saw(&request, answer.as_ref().ok());
            response(answer?)
        }
    }
}

async fn network(
    (gateway, http): (&Gateway, &reqwest::Client),
    request: &WireRequest,
    sent: http::HeaderMap,
    target: &Target,
    ticket: &mut Ticket,
) -> Result<WireAnswer, Refusal> {
    let url = target.url.clone();
    let mut client = http.request(target.method.clone(), url);
    if !request.body.is_empty() || headers::is_unsafe(&target.method) {
        client = client.body(request.body.clone());
    }
    let answer = client.headers(sent).send().await.map_err(|error| {
        let (refusal, left) = classify(&error, target);
        if left == Left::No {
            ticket.not_sent();
        }
        refusal
    })?;
    let mut collected = WireAnswer {
        status: answer.status().as_u16(),
        headers: lines(answer.headers()),
        ..WireAnswer::default()
    };
    let mut body = reqwest::Body::from(answer);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            collected.torn = true;
            break;
        };
        collected
            .body
            .extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
        if collected.body.len() as u64 > gateway.response_bytes {
            break;
        }
    }
    Ok(collected)
}

fn lines(headers: &http::HeaderMap) -> Vec<(String, String)> {
    let lines = headers.iter();
    lines
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

fn response(answer: WireAnswer) -> Result<reqwest::Response, Refusal> {
    let unwritable = |_| Refusal::Url("its answer cannot be written as HTTP");
    let mut builder = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    let body = if answer.torn {
        reqwest::Body::wrap(Torn(Some(answer.body.into())))
    } else {
        reqwest::Body::from(answer.body)
    };
    let response = builder.body(body).map_err(unwritable)?;
    Ok(response.into())
}

/// A body that breaks off after what came of it.
struct Torn(Option<Bytes>);

impl http_body::Body for Torn {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(Some(match self.0.take().filter(|head| !head.is_empty()) {
            Some(head) => Ok(Frame::data(head)),
            None => Err(BodyError),
        }))
    }
}
