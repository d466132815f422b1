//! A run as the host's API tells it, and as the demo prints it.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Deserialize;
use std::fmt::Write as _;

/// A run. Payloads are left out: the demo checks what reached the ERP instead.
#[derive(Debug, Deserialize)]
pub(crate) struct Story {
    pub(crate) status: String,
    created_at: String,
    ended_at: Option<String>,
    error: Option<Failure>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) path: String,
    kind: String,
    connection: Option<String>,
    operation: Option<String>,
    status: String,
    pub(crate) idempotency_key: Option<String>,
    #[serde(default)]
    pub(crate) attempts: Vec<Attempt>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Attempt {
    number: u32,
    started_at: String,
    ended_at: Option<String>,
    pub(crate) error: Option<Failure>,
    retry_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Failure {
    pub(crate) kind: String,
    code: String,
    message: String,
}

/// Where a run comes to rest.
const AT_REST: [&str; 6] = [
    "cancelled",
    "compensated",
    "failed",
    "parked",
    "succeeded",
    "succeeded_with_failures",
];

impl Story {
    pub(crate) fn read(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("the run cannot be read")
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        AT_REST.contains(&self.status.as_str())
    }

    pub(crate) fn step(&self, path: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.path == path)
    }

    /// The story as indented lines.
    pub(crate) fn text(&self) -> String {
        let took = took(Some(&self.created_at), self.ended_at.as_deref());
        let mut text = format!("  {}{took}\n", self.status);
        if let Some(error) = &self.error {
            push(&mut text, format_args!("    {}\n", error.line()));
        }
        for step in &self.steps {
            step.write(&mut text);
        }
        text
    }
}

impl Step {
    fn what(&self) -> String {
        match (&self.connection, &self.operation) {
            (Some(connection), Some(operation)) => format!("{connection}.{operation}"),
            _ => self.kind.clone(),
        }
    }

    fn write(&self, text: &mut String) {
        let (path, what, status) = (&self.path, self.what(), &self.status);
        push(text, format_args!("    {path:<10} {what:<20} {status}"));
        if let Some(key) = &self.idempotency_key {
            push(text, format_args!("   key {key}"));
        }
        text.push('\n');
        for attempt in &self.attempts {
            attempt.write(text);
        }
    }
}

impl Attempt {
    fn write(&self, text: &mut String) {
        let took = took(Some(&self.started_at), self.ended_at.as_deref());
        let (number, begin) = (self.number, clock(&self.started_at));
        push(
            text,
            format_args!("      attempt {number} at {begin}{took}"),
        );
        match &self.error {
            Some(error) => push(text, format_args!(": {}", error.line())),
            None => text.push_str(": ok"),
        }
        if let Some(at) = &self.retry_at {
            push(text, format_args!("; again at {}", clock(at)));
        }
        text.push('\n');
    }
}

impl Failure {
    fn line(&self) -> String {
        format!("{} {}: {}", self.kind, self.code, self.message)
    }
}

/// The time of day of an RFC 3339 text.
fn clock(at: &str) -> &str {
    let time = at.split_once('T').map_or(at, |(_, time)| time);
    time.trim_end_matches('Z')
}

fn took(from: Option<&str>, to: Option<&str>) -> String {
    let at = |text: Option<&str>| text?.parse::<Timestamp>().ok();
    match (at(from), at(to)) {
        (Some(from), Some(to)) => {
            format!(", {} ms", to.as_millisecond() - from.as_millisecond())
        }
        _ => String::new(),
    }
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const RUN: &str = r#"{
        "id":"r1","flow":"order-to-invoice","version":"1.0.0","status":"succeeded","trigger":"webhook",
        "dedupe_key":"A-1002","created_at":"2026-03-01T09:00:00.000Z","ended_at":"2026-03-01T09:00:01.250Z",
        "payload":{"order_id":1e400},"output":{"invoice_id":"INV-1"},"error":null,
        "steps":[
          {"path":"customer","kind":"call","connection":"crm","operation":"get-contact","status":"succeeded",
           "idempotency_key":"k0","input":{},"output":{},"attempts":[
             {"number":1,"started_at":"2026-03-01T09:00:00.010Z","ended_at":"2026-03-01T09:00:00.020Z","sent":"answered",
              "error":{"kind":"rate-limited","code":"http-429","message":"busy","retry_after_ms":1000},
              "retry_at":"2026-03-01T09:00:01.020Z"},
             {"number":2,"started_at":"2026-03-01T09:00:01.020Z","ended_at":"2026-03-01T09:00:01.025Z","sent":"answered",
              "error":{"kind":"rate-limited","code":"http-429","message":"busy","retry_after_ms":0},
              "retry_at":"2026-03-01T09:00:01.026Z"},
             {"number":3,"started_at":"2026-03-01T09:00:01.026Z","ended_at":"2026-03-01T09:00:01.029Z","sent":"answered","error":null,"retry_at":null}]},
          {"path":"totals","kind":"set","connection":null,"operation":null,"status":"succeeded","idempotency_key":null,"attempts":[]},
          {"path":"invoice","kind":"call","connection":"erp","operation":"create-invoice","status":"succeeded","idempotency_key":"inv-A-1002-1",
           "attempts":[{"number":1,"started_at":"2026-03-01T09:00:01.030Z","ended_at":"2026-03-01T09:00:01.040Z","sent":"answered"}]}]}"#;

    #[test]
    fn a_story_reads_like_one() {
        let story = Story::read(RUN).unwrap();
        assert!(story.is_at_rest());
        let expected = "  succeeded, 1250 ms
    customer   crm.get-contact      succeeded   key k0
      attempt 1 at 09:00:00.010, 10 ms: rate-limited http-429: busy; again at 09:00:01.020
      attempt 2 at 09:00:01.020, 5 ms: rate-limited http-429: busy; again at 09:00:01.026
      attempt 3 at 09:00:01.026, 3 ms: ok
    totals     set                  succeeded
    invoice    erp.create-invoice   succeeded   key inv-A-1002-1
      attempt 1 at 09:00:01.030, 10 ms: ok
";
        assert_eq!(story.text(), expected);
    }
}
