//! What stands in the place of the network.

use crate::case::{Exchange, Failure, Reply, Request, body};
use crate::json;
use dowel_core::JsonText;
use dowel_core::port::BoxFuture;
use dowel_wasm::{Refused, Wire, WireAnswer, WireFailure, WireRequest};
use parking_lot::Mutex;
use std::collections::VecDeque;

/// What comes back for a request.
#[derive(Clone, Debug)]
pub(crate) enum Back {
    Answer(WireAnswer),
    Fail(WireFailure),
}

impl Back {
    /// An answer with a body.
    pub(crate) fn answer(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer(WireAnswer {
            status,
            headers: vec![("content-type".to_owned(), media_type.to_owned())],
            body: body.into(),
            torn: false,
        })
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer(answer) = &mut self {
            answer.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// What an exchange of a case brings back.
    pub(crate) fn of(exchange: &Exchange) -> Self {
        match (&exchange.answer, exchange.fail) {
            (Some(reply), _) => Self::Answer(answer(reply)),
            (None, Some(Failure::Connect)) => Self::Fail(WireFailure::Connect),
            (None, Some(Failure::Broken) | None) => Self::Fail(WireFailure::Broken),
            (None, Some(Failure::Timeout)) => Self::Fail(WireFailure::NoAnswer),
        }
    }
}

fn answer(reply: &Reply) -> WireAnswer {
    let lines = reply.headers.iter();
    let mut headers: Vec<(String, String)> = lines
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .collect();
    let is_text = reply
        .body
        .as_ref()
        .is_none_or(|b| b.type_name() == "string");
    if !is_text && !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    WireAnswer {
        status: reply.status,
        headers,
        body: reply.bytes(),
        torn: false,
    }
}

/// How requests are answered.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    /// Each of these once, for the request that it belongs to.
    Exactly(Vec<Exchange>),
    /// In this order, whatever is asked.
    InOrder(VecDeque<Back>),
    /// Always the same.
    Always(Back),
    /// Each for the request that it belongs to, as often as it comes.
    Site(Vec<Exchange>),
}

/// What happened since the last look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Requests, in order.
    pub(crate) requests: Vec<WireRequest>,
    /// Requests that the gateway did not let out.
    pub(crate) refused: Vec<Refused>,
    /// Lines of the guest's log.
    pub(crate) lines: Vec<String>,
    /// Requests that no exchange belongs to.
    pub(crate) strange: Vec<String>,
}

#[derive(Debug)]
struct State {
    script: Script,
    seen: Seen,
}

/// The upstream of one kit.
#[derive(Debug)]
pub(crate) struct Upstream(Mutex<State>);

impl Upstream {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            script: Script::Always(Back::Fail(WireFailure::Connect)),
            seen: Seen::default(),
        }))
    }

    /// Answers by this script from now on.
    pub(crate) fn play(&self, script: Script) {
        self.0.lock().script = script;
    }

    /// Takes what was seen.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut self.0.lock().seen)
    }

    /// Exchanges that were not asked for.
    pub(crate) fn unused(&self) -> Vec<String> {
        match &self.0.lock().script {
            Script::Exactly(left) => left.iter().map(|one| name(&one.request)).collect(),
            _ => Vec::new(),
        }
    }

    fn back(&self, request: &WireRequest) -> Back {
        let mut state = self.0.lock();
        state.seen.requests.push(request.clone());
        let found = match &mut state.script {
            Script::Always(back) => Ok(back.clone()),
            Script::InOrder(backs) => {
                Ok(backs.pop_front().unwrap_or(Back::Fail(WireFailure::Broken)))
            }
            Script::Exactly(left) => choose(left, request).map(|at| Back::of(&left.remove(at))),
            Script::Site(all) => choose(all, request).map(|at| Back::of(&all[at])),
        };
        found.unwrap_or_else(|why| {
            state.seen.strange.push(why);
            Back::Fail(WireFailure::Broken)
        })
    }
}

impl Wire for Upstream {
    fn answer<'a>(
        &'a self,
        request: &'a WireRequest,
    ) -> BoxFuture<'a, Option<Result<WireAnswer, WireFailure>>> {
        let back = match self.back(request) {
            Back::Answer(answer) => Ok(answer),
            Back::Fail(failure) => Err(failure),
        };
        Box::pin(std::future::ready(Some(back)))
    }

    fn refused(&self, refused: Refused) {
        self.0.lock().seen.refused.push(refused);
    }

    fn logged(&self, line: &str) {
        self.0.lock().seen.lines.push(line.to_owned());
    }
}

/// The exchange that a request belongs to, or why none does.
fn choose(exchanges: &[Exchange], request: &WireRequest) -> Result<usize, String> {
    let mut first = None;
    for (index, exchange) in exchanges.iter().enumerate() {
        match differs(&exchange.request, request) {
            None => return Ok(index),
            Some(why) => first = first.or(Some(why)),
        }
    }
    let sent = format!("{} {}", request.method, request.url);
    Err(match first {
        Some(why) => format!("{sent} was sent: {why}"),
        None => format!("{sent} was sent, and the case has no exchange for it"),
    })
}

/// Why a request is not the one that was recorded.
fn differs(recorded: &Request, sent: &WireRequest) -> Option<String> {
    let url = url::Url::parse(&recorded.url).ok();
    if url.is_none_or(|url| url.as_str() != sent.url) || recorded.method != sent.method {
        return Some(format!("{} is expected", name(recorded)));
    }
    for (header, value) in &recorded.headers {
        let found = sent.header(&header.to_ascii_lowercase());
        if found != Some(value) {
            return Some(format!("its header `{header}` is not the recorded one"));
        }
    }
    let recorded = recorded.body.as_ref()?;
    let same_json = std::str::from_utf8(&sent.body)
        .ok()
        .and_then(|text| JsonText::parse(text).ok())
        .is_some_and(|sent| json::same(recorded, &sent));
    if same_json || body(recorded) == sent.body {
        return None;
    }
    Some("its body is not the recorded one".to_owned())
}

fn name(request: &Request) -> String {
    format!("{} {}", request.method, request.url)
}
