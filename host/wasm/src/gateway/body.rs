//! Bodies on their way through. Both directions stream; a small request body is
//! collected first, so that it leaves with a `Content-Length` and only when complete.

use super::evidence::Ticket;
use super::exchange::Entry;
use super::refusal::Refusal;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use parking_lot::Mutex;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use wasmtime_wasi_http::{Error as WasiError, WasiBody};

/// The largest request body that is collected. Covers what APIs are usually sent.
const COLLECTED_BYTES: usize = 64 * 1024;

/// Makes the client's body of the guest's.
pub(crate) async fn outgoing(mut body: WasiBody) -> Result<Outgoing, Refusal> {
    let mut collected = BytesMut::new();
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else {
            break;
        };
        let frame = frame.map_err(|_| Refusal::Incomplete)?;
        let Ok(data) = frame.into_data() else {
            // Trailers end a body, and no header announced them: left out.
            break;
        };
        let full = collected.len() + data.len() > COLLECTED_BYTES;
        collected.extend_from_slice(&data);
        if full {
            let head = Some(collected.freeze());
            return Ok(Outgoing::Streaming(reqwest::Body::wrap(Remaining {
                head,
                rest: Mutex::new(body),
            })));
        }
    }
    Ok(Outgoing::Complete(collected.freeze()))
}

/// Collects a guest's body, `limit` bytes at most.
pub(crate) async fn whole(body: WasiBody, limit: u64) -> Result<Bytes, Refusal> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let collected = http_body_util::Limited::new(body, limit).collect().await;
    let collected = collected.map_err(|_| Refusal::Incomplete)?;
    Ok(collected.to_bytes())
}

/// A request's body.
pub(crate) enum Outgoing {
    Complete(Bytes),
    Streaming(reqwest::Body),
}

/// What was collected, then the rest. The mutex is never locked: it makes the guest's
/// body shareable between threads in name, as the client asks for.
struct Remaining {
    head: Option<Bytes>,
    rest: Mutex<WasiBody>,
}

impl Body for Remaining {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Some(head) = this.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        let frame = ready!(Pin::new(this.rest.get_mut()).poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map_err(|_| BodyError)))
    }
}

/// The guest broke its body off. Its own text is not passed on.
#[derive(Debug, thiserror::Error)]
#[error("the request's body broke off")]
pub(crate) struct BodyError;

/// An answer's body: counted, capped, and on record.
pub(crate) struct Incoming {
    body: Option<reqwest::Body>,
    left: u64,
    ticket: Ticket,
    entry: Entry,
}

impl Incoming {
    pub(crate) fn wrap(
        body: reqwest::Body,
        limit: u64,
        mut ticket: Ticket,
        entry: Entry,
    ) -> WasiBody {
        if body.is_end_stream() {
            ticket.answered();
        }
        UnsyncBoxBody::new(Self {
            body: Some(body),
            left: limit,
            ticket,
            entry,
        })
    }

    fn fail(&mut self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, WasiError>>> {
        self.body = None;
        self.entry.failed(&refusal);
        let error = refusal.for_guest();
        self.ticket.refuse(refusal);
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = WasiError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, WasiError>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        match ready!(Pin::new(body).poll_frame(cx)) {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                this.entry.received(bytes);
                let Some(left) = this.left.checked_sub(bytes) else {
                    // The upstream did answer: it is this side that does not listen on.
                    this.ticket.answered();
                    let refusal = this.entry.body_too_large();
                    return this.fail(refusal);
                };
                this.left = left;
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(_)) => {
                this.ticket.broken();
                let refusal = this.entry.broken();
                this.fail(refusal)
            }
            None => {
                this.body = None;
                this.ticket.answered();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}
