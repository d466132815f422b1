//! One function per misdeed.

use crate::fetch;
use crate::guest::contract::{CallContext, Error, ErrorKind};
use crate::guest::host;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::hint::black_box;

type Answer = Result<String, Error>;

thread_local! {
    static INSIDE: Cell<u32> = const { Cell::new(0) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static HELD: RefCell<Vec<wasip2::http::types::Fields>> = const { RefCell::new(Vec::new()) };
    static KEPT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn call(operation: &str, text: &str, context: &CallContext) -> Answer {
    let input: Value = serde_json::from_str(text).unwrap_or_default();
    match operation {
        "echo" => Ok(text.to_owned()),
        "context" => Ok(show(context)),
        "trap" => core::arch::wasm32::unreachable(),
        "spin" => spin(),
        "memory" => eat(usize::MAX),
        "overflow" => Ok(overflow(1).to_string()),
        "junk" => Ok("{\"half\":".to_owned()),
        "large" => Ok(json!("x".repeat(number(&input, "bytes"))).to_string()),
        "exit" => std::process::exit(3),
        "flood" => flood(number(&input, "lines")),
        "print" => print(&input),
        "hold" => hold(number(&input, "count")),
        "fail" => Err(fail(&input)),
        "sleep" => {
            std::thread::sleep(std::time::Duration::from_secs(3600));
            Ok("null".to_owned())
        }
        "grow" => eat(number(&input, "bytes")),
        "count" => Ok(CALLS.replace(CALLS.get() + 1).to_string()),
        "ambient" => Ok(ambient()),
        "random" => {
            let count = u32::try_from(number(&input, "bytes")).unwrap_or(u32::MAX);
            Ok(host::random_bytes(count).len().to_string())
        }
        "fetch" | "fetch-keyed" => Ok(fetch::report(&input)),
        "fetch-fail" => fetch::or_fail(&input),
        "fetch-trap" => fetch::then(&input, || core::arch::wasm32::unreachable()),
        "fetch-spin" => fetch::then(&input, || spin()),
        "fetch-keep" => fetch::and_keep(&input),
        "fetch-leave" => fetch::and_leave(&input),
        "many" => Ok(fetch::many(&input)),
        "relay" => fetch::relay(&input),
        "dribble" => fetch::dribble(&input),
        "giant-headers" => fetch::giant_headers(&input),
        "inside" => inside(&input),
        "mojibake" => Ok(mojibake()),
        other => Err(error("no-such-operation", other)),
    }
}

pub(crate) fn check(context: &CallContext) -> Result<(), Error> {
    let config: Value = serde_json::from_str(&context.connection).unwrap_or_default();
    match config.get("check_fails") {
        Some(why) => Err(error("check-failed", &why.to_string())),
        None => Ok(()),
    }
}

pub(crate) fn error(code: &str, message: &str) -> Error {
    Error {
        kind: ErrorKind::Rejected,
        code: code.to_owned(),
        message: message.to_owned(),
        details: None,
        retry_after_ms: None,
    }
}

fn show(context: &CallContext) -> String {
    json!({
        "run": context.run_id,
        "step": context.step,
        "key": context.idempotency_key,
        "deadline_ms": context.deadline_ms,
        "connection": context.connection,
        "now": host::now(),
    })
    .to_string()
}

fn spin() -> Answer {
    let mut number = 0_u64;
    loop {
        number = black_box(number.wrapping_add(1));
    }
}

/// Takes memory piece by piece and keeps it.
fn eat(bytes: usize) -> Answer {
    const PIECE: usize = 1 << 20;
    let mut eaten = 0;
    while eaten < bytes {
        KEPT.with_borrow_mut(|kept| kept.push(vec![1; PIECE]));
        eaten += PIECE;
    }
    Ok(eaten.to_string())
}

#[allow(unconditional_recursion)]
fn overflow(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    overflow(depth + 1) + frame[1]
}

fn flood(lines: usize) -> Answer {
    for line in 0..lines {
        host::log(host::Level::Info, &format!("line {line}"), "{}");
    }
    host::log(host::Level::Info, &"x".repeat(1 << 20), "{}");
    Ok("null".to_owned())
}

fn print(input: &Value) -> Answer {
    println!("{}", input["text"].as_str().unwrap_or_default());
    host::log(
        host::Level::Warn,
        input["text"].as_str().unwrap_or_default(),
        "{\"a\":1}",
    );
    Ok("null".to_owned())
}

fn hold(count: usize) -> Answer {
    for _ in 0..count {
        HELD.with_borrow_mut(|held| held.push(wasip2::http::types::Fields::new()));
    }
    Ok(CALLS.replace(CALLS.get() + 1).to_string())
}

fn fail(input: &Value) -> Error {
    let repeat = number(input, "repeat").max(1);
    Error {
        details: input["details"].as_str().map(str::to_owned),
        ..error(
            input["code"].as_str().unwrap_or("failed"),
            &input["message"].as_str().unwrap_or_default().repeat(repeat),
        )
    }
}

/// How many calls are in this instance at the same time, while each waits for an answer.
fn inside(input: &Value) -> Answer {
    INSIDE.set(INSIDE.get() + 1);
    let seen = INSIDE.get();
    let answer = fetch::or_fail(input);
    INSIDE.set(INSIDE.get() - 1);
    answer.map(|_| seen.max(INSIDE.get() + 1).to_string())
}

/// A text that is not UTF-8, whatever its type says.
fn mojibake() -> String {
    let bytes = vec![b'"', 0xff, 0xfe, 0xc0, b'"'];
    // SAFETY: it is not sound, and that is the misdeed: nothing here looks at the text, and
    // the host has to.
    unsafe { String::from_utf8_unchecked(bytes) }
}

/// What the guest can see of the machine it runs on.
fn ambient() -> String {
    json!({
        "environment": std::env::vars().count(),
        "arguments": std::env::args().count(),
        "root": std::fs::read_dir("/").is_ok(),
        "here": std::fs::read_dir(".").is_ok(),
        "hosts": std::fs::read("/etc/hosts").is_ok(),
        "socket": std::net::TcpStream::connect("127.0.0.1:9").map_err(|e| e.kind().to_string()).err(),
        "name": std::net::ToSocketAddrs::to_socket_addrs(&("localhost", 80)).is_ok(),
    })
    .to_string()
}

fn number(input: &Value, name: &str) -> usize {
    input[name]
        .as_u64()
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or_default()
}
