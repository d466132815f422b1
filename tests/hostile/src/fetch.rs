//! Requests through `wasi:http`.

use crate::behaviour::error;
use crate::guest::contract::Error;
use serde_json::{Value, json};
use std::cell::RefCell;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

/// What came back, as JSON; errors too.
pub(crate) fn report(input: &Value) -> String {
    match fetch(input) {
        Ok(answer) => answer.to_string(),
        Err(error) => json!({"error": error}).to_string(),
    }
}

/// Fails as connectors do when their request fails.
pub(crate) fn or_fail(input: &Value) -> Result<String, Error> {
    fetch(input)
        .map(|answer| answer.to_string())
        .map_err(|why| error("fetch-failed", &why))
}

/// Gets the headers of an answer, then does something else with the body unread.
pub(crate) fn then(
    input: &Value,
    next: impl FnOnce() -> Result<String, Error>,
) -> Result<String, Error> {
    let _answer = wait(&start(input).map_err(|why| error("fetch-failed", &why))?);
    next()
}

thread_local! {
    static KEPT: RefCell<Vec<FutureIncomingResponse>> = const { RefCell::new(Vec::new()) };
}

/// Sends a request and keeps its answer for a later call.
pub(crate) fn and_keep(input: &Value) -> Result<String, Error> {
    let future = start(input).map_err(|why| error("fetch-failed", &why))?;
    KEPT.with_borrow_mut(|kept| kept.push(future));
    Ok("null".to_owned())
}

/// Sends a request and does not wait for its answer.
pub(crate) fn and_leave(input: &Value) -> Result<String, Error> {
    let future = start(input).map_err(|why| error("fetch-failed", &why))?;
    std::thread::sleep(std::time::Duration::from_millis(
        input["ms"].as_u64().unwrap_or(0),
    ));
    drop(future);
    Ok("null".to_owned())
}

/// Starts many requests without waiting for any; tells how they ended.
pub(crate) fn many(input: &Value) -> String {
    let count = input["count"].as_u64().unwrap_or(0);
    let started: Vec<_> = (0..count).map(|_| start(input)).collect();
    let errors: Vec<String> = started
        .iter()
        .filter_map(|future| {
            future
                .as_ref()
                .err()
                .cloned()
                .or_else(|| wait(future.as_ref().ok()?).err())
        })
        .collect();
    json!({"errors": errors}).to_string()
}

/// Copies what one URL gives to another one, piece by piece; tells how much that was.
pub(crate) fn relay(input: &Value) -> Result<String, Error> {
    copy(input)
        .map(|bytes| bytes.to_string())
        .map_err(|why| error("relay-failed", &why))
}

fn copy(input: &Value) -> Result<u64, String> {
    let from = wait(&start(&json!({"url": input["from"]}))?)?;
    let body = from.consume().map_err(|()| "consumed twice")?;
    let source = body.stream().map_err(|()| "streamed twice")?;
    let request = build(&json!({"url": input["to"], "method": "POST"}))?;
    let out = request.body().map_err(|()| "no body")?;
    let target = out.write().map_err(|()| "written twice")?;
    let future = handle(request, None).map_err(|e| format!("{e:?}"))?;
    let mut bytes = 0;
    loop {
        match source.blocking_read(64 * 1024) {
            Ok(chunk) => {
                bytes += chunk.len() as u64;
                for piece in chunk.chunks(4096) {
                    target
                        .blocking_write_and_flush(piece)
                        .map_err(|e| format!("{e:?}"))?;
                }
            }
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => return Err("it broke off".to_owned()),
        }
    }
    drop((source, target));
    OutgoingBody::finish(out, None).map_err(|e| format!("{e:?}"))?;
    let status = wait(&future)?.status();
    if status == 200 {
        Ok(bytes)
    } else {
        Err(format!("answered with {status}"))
    }
}

/// Sends a body that never ends, byte by byte.
pub(crate) fn dribble(input: &Value) -> Result<String, Error> {
    let failed = |why: String| error("dribble-failed", &why);
    let request = build(input).map_err(failed)?;
    let body = request.body().map_err(|()| failed("no body".to_owned()))?;
    let stream = body
        .write()
        .map_err(|()| failed("written twice".to_owned()))?;
    let _future = handle(request, None).map_err(|e| failed(format!("{e:?}")))?;
    loop {
        stream
            .blocking_write_and_flush(b"x")
            .map_err(|e| failed(format!("{e:?}")))?;
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Sends more headers than anybody takes.
pub(crate) fn giant_headers(input: &Value) -> Result<String, Error> {
    let mut input = input.clone();
    let headers = 0..input["count"].as_u64().unwrap_or(0);
    let headers = headers.map(|n| (format!("x-{n}"), Value::from("x".repeat(8000))));
    input["headers"] = Value::Object(headers.collect());
    or_fail(&input)
}

fn fetch(input: &Value) -> Result<Value, String> {
    let response = wait(&start(input)?)?;
    let status = response.status();
    let headers: serde_json::Map<String, Value> = response
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| (name, String::from_utf8_lossy(&value).into()))
        .collect();
    let body = read(&response)?;
    Ok(json!({"status": status, "headers": headers, "body": body}))
}

fn build(input: &Value) -> Result<OutgoingRequest, String> {
    let headers = Fields::new();
    for (name, value) in input["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default().as_bytes();
        headers.append(name, value).map_err(|e| format!("{e:?}"))?;
    }
    let request = OutgoingRequest::new(headers);
    let url = input["url"].as_str().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").ok_or("no scheme")?;
    let cut = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(cut);
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let failed = |()| "refused by the request".to_owned();
    request.set_method(&method(input)).map_err(failed)?;
    request.set_scheme(Some(&scheme)).map_err(failed)?;
    request.set_authority(Some(authority)).map_err(failed)?;
    request.set_path_with_query(Some(path)).map_err(failed)?;
    Ok(request)
}

fn start(input: &Value) -> Result<FutureIncomingResponse, String> {
    let failed = |()| "refused by the request".to_owned();
    let request = build(input)?;
    let body = request.body().map_err(failed)?;
    let options = RequestOptions::new();
    let limit = input["first_byte_ms"].as_u64().map(|ms| ms * 1_000_000);
    options.set_first_byte_timeout(limit).map_err(failed)?;
    let future = handle(request, Some(options)).map_err(|e| format!("{e:?}"))?;
    let text = input["body"].as_str().unwrap_or_default();
    let stream = body.write().map_err(failed)?;
    for chunk in text.as_bytes().chunks(4096) {
        if stream.blocking_write_and_flush(chunk).is_err() {
            break;
        }
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|e| format!("{e:?}"))?;
    Ok(future)
}

fn method(input: &Value) -> Method {
    match input["method"].as_str().unwrap_or("GET") {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "DELETE" => Method::Delete,
        other => Method::Other(other.to_owned()),
    }
}

fn wait(future: &FutureIncomingResponse) -> Result<IncomingResponse, String> {
    loop {
        match future.get() {
            Some(Ok(result)) => return result.map_err(|e| format!("{e:?}")),
            Some(Err(())) => return Err("taken twice".to_owned()),
            None => future.subscribe().block(),
        }
    }
}

fn read(response: &IncomingResponse) -> Result<String, String> {
    let body = response.consume().map_err(|()| "consumed twice")?;
    let stream = body.stream().map_err(|()| "streamed twice")?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                let code: Option<ErrorCode> = wasip2::http::types::http_error_code(&error);
                return Err(format!("{code:?}"));
            }
        }
    }
    drop(stream);
    drop(IncomingBody::finish(body));
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
