//! `dowel connector call`.

use crate::args::{ConnectorCall, Format};
use crate::one_call::{OneCall, Wanted, make};
use crate::{exit, output};
use anyhow::Result;
use dowel_wasm::{WireAnswer, WireRequest};
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

/// What a masked value is shown as.
const MASK: &str = "[redacted]";

/// Headers that carry credentials whatever the connection's method is.
const MASKED_HEADERS: [&str; 5] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
];

/// Bytes of a body that are shown.
const SHOWN_BODY_BYTES: usize = 4 * 1024;

pub(crate) async fn run(call: &ConnectorCall, format: Format) -> Result<ExitCode> {
    let made = make(&Wanted {
        name: &call.operation,
        with: &call.with,
        key: call.key.as_deref(),
        repository: &call.repository,
    })
    .await?;
    let failed = made.outcome.result.is_err();
    let mut value = match &made.outcome.result {
        Ok(found) => json!({ "output": found }),
        Err(error) => json!({ "error": error }),
    };
    value["sent"] = json!(made.outcome.sent);
    let mut human = String::new();
    if call.wire {
        let exchanges = made.exchanges.iter();
        value["wire"] = exchanges.map(|one| wire_json(&made, one)).collect();
        for exchange in &made.exchanges {
            wire_text(&made, exchange, &mut human);
        }
    }
    match &made.outcome.result {
        Ok(found) => human.push_str(found.as_str()),
        Err(error) => {
            let _ = write!(human, "{error}");
            if let Some(details) = &error.details {
                let _ = write!(human, "\n{details}");
            }
        }
    }
    output::print(format, &value, &human)?;
    Ok(exit::found(failed))
}

/// A text without the connection's secrets.
fn masked(made: &OneCall, text: &str) -> String {
    let secrets = made.secrets.iter().filter(|secret| !secret.is_empty());
    secrets.fold(text.to_owned(), |text, secret| {
        text.replace(secret.as_str(), MASK)
    })
}

fn headers(made: &OneCall, lines: &[(String, String)]) -> Vec<(String, String)> {
    let own = made.connection.auth.as_ref();
    let own = own.and_then(|auth| match &auth.method {
        dowel_core::connection::AuthMethod::ApiKey {
            place: dowel_core::connection::ApiKeyPlace::Header(name),
            ..
        } => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    let shown = lines.iter().map(|(name, value)| {
        let is_secret = MASKED_HEADERS.contains(&name.as_str()) || own.as_ref() == Some(name);
        let value = if is_secret {
            MASK.to_owned()
        } else {
            masked(made, value)
        };
        (name.clone(), value)
    });
    shown.collect()
}

fn body(made: &OneCall, bytes: &[u8]) -> String {
    let text = masked(made, &String::from_utf8_lossy(bytes));
    if text.len() <= SHOWN_BODY_BYTES {
        return text;
    }
    let cut = text.floor_char_boundary(SHOWN_BODY_BYTES);
    format!("{}… ({} bytes)", &text[..cut], bytes.len())
}

fn url(made: &OneCall, request: &WireRequest) -> String {
    // A key in the query may be encoded: the parameter is masked by its name.
    let text = masked(made, &request.url);
    let (Some(name), Some((before, query))) = (made.key_parameter(), text.split_once('?')) else {
        return text;
    };
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((key, _)) if key == name => format!("{key}={MASK}"),
        _ => part.to_owned(),
    });
    format!("{before}?{}", parts.collect::<Vec<_>>().join("&"))
}

fn wire_text(made: &OneCall, exchange: &(WireRequest, Option<WireAnswer>), text: &mut String) {
    let (request, answer) = exchange;
    let _ = writeln!(text, "> {} {}", request.method, url(made, request));
    lines(
        text,
        '>',
        &headers(made, &request.headers),
        &body(made, &request.body),
    );
    match answer {
        Some(answer) => {
            let _ = writeln!(text, "< {}", answer.status);
            lines(
                text,
                '<',
                &headers(made, &answer.headers),
                &body(made, &answer.body),
            );
            if answer.torn {
                text.push_str("< (the connection broke here)\n");
            }
        }
        None => text.push_str("< no answer\n"),
    }
    text.push('\n');
}

fn lines(text: &mut String, mark: char, headers: &[(String, String)], body: &str) {
    for (name, value) in headers {
        let _ = writeln!(text, "{mark} {name}: {value}");
    }
    if !body.is_empty() {
        let _ = writeln!(text, "{mark}");
    }
    for line in body.lines() {
        let _ = writeln!(text, "{mark} {line}");
    }
}

fn wire_json(made: &OneCall, exchange: &(WireRequest, Option<WireAnswer>)) -> Value {
    let (request, answer) = exchange;
    json!({
        "request": {
            "method": request.method,
            "url": url(made, request),
            "headers": headers(made, &request.headers),
            "body": body(made, &request.body),
        },
        "answer": answer.as_ref().map(|answer| json!({
            "status": answer.status,
            "headers": headers(made, &answer.headers),
            "body": body(made, &answer.body),
            "torn": answer.torn,
        })),
    })
}
