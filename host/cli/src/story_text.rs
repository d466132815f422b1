//! A run's story as text.

use dowel_core::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt::Write;

/// How much of an input or output one line shows, in characters.
const SHOWN: usize = 160;

/// The parts of a story that the text shows.
#[derive(Debug, Deserialize)]
pub(crate) struct Story {
    id: String,
    flow: String,
    version: String,
    status: String,
    trigger: String,
    dedupe_key: Option<String>,
    created_at: String,
    ended_at: Option<String>,
    payload: Box<RawValue>,
    output: Option<Box<RawValue>>,
    error: Option<Failure>,
    waits_behind: Option<String>,
    parent: Option<Parent>,
    state: Option<State>,
    steps: Vec<Step>,
    #[serde(default)]
    decisions: Vec<Decision>,
}

#[derive(Debug, Deserialize)]
struct Parent {
    run: String,
    step: String,
    detached: bool,
}

#[derive(Debug, Deserialize)]
struct Child {
    run: String,
    flow: String,
    version: String,
    status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Decision {
    at: String,
    actor: String,
    reason: Option<String>,
    command: String,
}

#[derive(Debug, Deserialize)]
struct State {
    read: Box<RawValue>,
    written: Option<Box<RawValue>>,
    over: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Step {
    path: String,
    kind: String,
    status: String,
    connection: Option<String>,
    operation: Option<String>,
    idempotency_key: Option<String>,
    input: Option<Box<RawValue>>,
    output: Option<Box<RawValue>>,
    error: Option<Failure>,
    started_at: String,
    ended_at: Option<String>,
    attempts: Vec<Attempt>,
    #[serde(default)]
    held: Vec<Held>,
    approval: Option<Approval>,
    child: Option<Child>,
    receive: Option<Receive>,
}

#[derive(Debug, Deserialize)]
struct Approval {
    title: String,
    show: Box<RawValue>,
    groups: Vec<String>,
    until: Option<String>,
    next_escalation: Option<String>,
    escalated: usize,
    decision: Option<String>,
    by: Option<String>,
    comment: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Receive {
    #[serde(rename = "type")]
    event_type: String,
    value: String,
    until: Option<String>,
    id: Option<String>,
    source: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Held {
    reason: String,
    since: String,
    until: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Attempt {
    number: u32,
    started_at: String,
    ended_at: Option<String>,
    sent: Option<String>,
    error: Option<Failure>,
    retry_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    kind: String,
    code: String,
    message: String,
    place: Option<String>,
}

/// The story, a few lines per step.
pub(crate) fn render(story: &Story) -> String {
    let mut text = String::new();
    let key = story
        .dedupe_key
        .as_ref()
        .map(|key| format!(", key {key}"))
        .unwrap_or_default();
    let took = took(&story.created_at, story.ended_at.as_deref());
    let _ = writeln!(text, "run {} is {}{took}", story.id, story.status);
    let _ = writeln!(
        text,
        "  flow {}@{}, trigger {}{key}",
        story.flow, story.version, story.trigger
    );
    let _ = writeln!(text, "  accepted {}", story.created_at);
    if let Some(run) = &story.waits_behind {
        let _ = writeln!(
            text,
            "  waits    behind run {run} of the same concurrency key"
        );
    }
    if let Some(parent) = &story.parent {
        let waits = if parent.detached {
            ", which does not wait"
        } else {
            ""
        };
        let (run, step) = (&parent.run, &parent.step);
        let _ = writeln!(text, "  parent   run {run}, step {step}{waits}");
    }
    let _ = writeln!(text, "  payload  {}", shorten(story.payload.get()));
    if let Some(state) = &story.state {
        write_state(&mut text, state);
    }
    for step in &story.steps {
        write_step(&mut text, step);
    }
    for decision in &story.decisions {
        let reason = decision.reason.as_deref().unwrap_or("no reason given");
        let _ = writeln!(
            text,
            "  {} by {} at {}: {reason}",
            decision.command, decision.actor, decision.at
        );
    }
    if let Some(output) = &story.output {
        let _ = writeln!(text, "  output   {}", shorten(output.get()));
    }
    if let Some(error) = &story.error {
        write_failure(&mut text, "  ", error);
    }
    text
}

fn write_state(text: &mut String, state: &State) {
    let _ = writeln!(text, "  state    {}", shorten(state.read.get()));
    if let Some(written) = &state.written {
        let _ = writeln!(text, "  left     {}", shorten(written.get()));
    }
    if let Some(over) = &state.over {
        let _ = writeln!(text, "           replaces unseen what run {over} left");
    }
}

fn write_step(text: &mut String, step: &Step) {
    let call = match (&step.connection, &step.operation) {
        (Some(connection), Some(operation)) => format!("{connection}.{operation}"),
        _ => step.kind.clone(),
    };
    let took = took(&step.started_at, step.ended_at.as_deref());
    let _ = writeln!(text, "  - {:<20} {call}  {}{took}", step.path, step.status);
    if let Some(key) = &step.idempotency_key {
        let _ = writeln!(text, "      key    {key}");
    }
    if let Some(input) = &step.input {
        let _ = writeln!(text, "      input  {}", shorten(input.get()));
    }
    if let Some(child) = &step.child {
        let status = child.status.as_deref().unwrap_or("begun");
        let _ = writeln!(
            text,
            "      child  run {} of {}@{}, {status}",
            child.run, child.flow, child.version
        );
    }
    if let Some(approval) = &step.approval {
        write_approval(text, approval);
    }
    if let Some(receive) = &step.receive {
        write_receive(text, receive);
    }
    if let Some(held) = step.held.last() {
        write_held(text, held, step.held.len());
    }
    let is_interesting =
        step.attempts.len() > 1 || step.attempts.iter().any(|attempt| attempt.error.is_some());
    for attempt in step.attempts.iter().filter(|_| is_interesting) {
        write_attempt(text, attempt);
    }
    if let Some(output) = &step.output {
        let _ = writeln!(text, "      output {}", shorten(output.get()));
    }
    if let (Some(error), true) = (&step.error, step.attempts.is_empty()) {
        write_failure(text, "      ", error);
    }
}

/// What people were asked, and what came of it.
fn write_approval(text: &mut String, approval: &Approval) {
    let _ = writeln!(text, "      asked  {}", approval.title);
    let _ = writeln!(text, "      shown  {}", shorten(approval.show.get()));
    let until = approval.until.as_ref();
    let until = until.map(|at| format!(", until {at}")).unwrap_or_default();
    let escalated = match approval.escalated {
        0 => String::new(),
        times => format!(", escalated {times} time(s)"),
    };
    let groups = approval.groups.join(", ");
    let _ = writeln!(text, "      groups {groups}{until}{escalated}");
    if let Some(at) = &approval.next_escalation {
        let _ = writeln!(text, "      more groups from {at}");
    }
    if let (Some(decision), Some(by)) = (&approval.decision, &approval.by) {
        let comment = approval.comment.as_ref();
        let comment = comment.map(|text| format!(": {text}")).unwrap_or_default();
        let _ = writeln!(text, "      {decision} by {by}{comment}");
    }
}

/// What was waited for, and what came.
fn write_receive(text: &mut String, receive: &Receive) {
    let (event_type, value) = (&receive.event_type, &receive.value);
    let until = receive.until.as_ref();
    let until = until.map(|at| format!(", until {at}")).unwrap_or_default();
    let _ = writeln!(text, "      awaits {event_type} for {value}{until}");
    if let (Some(id), Some(source)) = (&receive.id, &receive.source) {
        let _ = writeln!(text, "      came   {id} of {source}");
    }
}

/// The last wait for the turn at the connection.
fn write_held(text: &mut String, held: &Held, times: usize) {
    let what = match held.reason.as_str() {
        "breaker" => "the circuit breaker was open",
        "rate" => "the rate limit of the connection",
        _ => "other calls of the connection",
    };
    let until = held.until.as_ref();
    let until = until.map(|at| format!(", until {at} at least"));
    let times = if times > 1 {
        format!(", {times} times in all")
    } else {
        String::new()
    };
    let _ = writeln!(
        text,
        "      waited since {} for its turn: {what}{}{times}",
        held.since,
        until.unwrap_or_default()
    );
}

fn write_attempt(text: &mut String, attempt: &Attempt) {
    let took = took(&attempt.started_at, attempt.ended_at.as_deref());
    let sent = attempt.sent.as_deref().unwrap_or("no answer yet");
    let outcome = match &attempt.error {
        Some(error) => format!("{} ({}): {}", error.kind, error.code, error.message),
        None => "ok".to_owned(),
    };
    let next = attempt
        .retry_at
        .as_ref()
        .map(|at| format!(", next at {at}"))
        .unwrap_or_default();
    let _ = writeln!(
        text,
        "      attempt {}: {sent}, {outcome}{took}{next}",
        attempt.number
    );
}

fn write_failure(text: &mut String, indent: &str, error: &Failure) {
    let _ = writeln!(
        text,
        "{indent}error  {} ({}): {}",
        error.kind, error.code, error.message
    );
    if let Some(place) = &error.place {
        let _ = writeln!(text, "{indent}at     {place}");
    }
    if error.code.starts_with("DWL-") {
        let _ = writeln!(text, "{indent}help   dowel explain {}", error.code);
    }
}

fn took(from: &str, to: Option<&str>) -> String {
    let (Some(from), Some(to)) = (Timestamp::parse(from), to.and_then(Timestamp::parse)) else {
        return String::new();
    };
    format!(", {} ms", to.since(from).as_millis())
}

/// JSON text on one line, not too long.
pub(crate) fn shorten(json: &str) -> String {
    let line: String = json.split('\n').map(str::trim).collect();
    if line.chars().count() <= SHOWN {
        return line;
    }
    let start: String = line.chars().take(SHOWN).collect();
    format!("{start}…")
}
