//! The status of a host as people read it, for `dowel top`.

use serde_json::Value;

/// How much a line wants to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// What it is about.
    Heading,
    /// Everything is as it should be.
    Plain,
    /// Something wants a person.
    Alert,
}

/// A line of the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// The view, line by line.
#[derive(Debug, Default)]
struct View(Vec<Line>);

impl View {
    fn add(&mut self, tone: Tone, mut text: String) {
        text.truncate(text.trim_end().len());
        self.0.push(Line { tone, text });
    }

    fn plain(&mut self, text: String) {
        self.add(Tone::Plain, text);
    }

    /// A line that is an alert if `wrong`.
    fn judged(&mut self, wrong: bool, text: String) {
        let tone = match wrong {
            true => Tone::Alert,
            false => Tone::Plain,
        };
        self.add(tone, text);
    }

    fn heading(&mut self, text: String) {
        self.plain(String::new());
        self.add(Tone::Heading, text);
    }
}

fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or("-")
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_default()
}

/// Runs for each second of a minute.
fn rate(per_minute: u64) -> String {
    let tenths = per_minute / 6;
    match (per_minute, tenths) {
        (1.., 0) => "<0.1/s".to_owned(),
        _ => format!("{}.{}/s", tenths / 10, tenths % 10),
    }
}

/// All that the status says.
pub(crate) fn lines(status: &Value, place: &str) -> Vec<Line> {
    let mut view = View::default();
    head(&mut view, status, place);
    flows(&mut view, status);
    causes(&mut view, status);
    connections(&mut view, status);
    sources(&mut view, status);
    late(&mut view, status);
    view.0
}

fn head(view: &mut View, status: &Value, place: &str) {
    let commit = status["commit"].as_str();
    let commit = commit.map_or_else(String::new, |commit| {
        format!(", commit {}", commit.get(..8).unwrap_or(commit))
    });
    let title = format!(
        "{} at {place}, dowel {}{commit}, {}",
        text(status, "environment"),
        text(status, "version"),
        text(status, "at")
    );
    view.add(Tone::Heading, title);
    if status["ready"] != true {
        view.add(Tone::Alert, "the host takes no events now".to_owned());
    }
    let minute = &status["throughput"]["last_minute"];
    let failed = number(minute, "failed");
    view.judged(
        failed > 0,
        format!(
            "runs        in {:<8}  succeeded {:<8}  otherwise {:<8}  in the last minute",
            rate(number(minute, "accepted")),
            rate(number(minute, "succeeded")),
            rate(failed)
        ),
    );
    let queues = &status["queues"];
    let (working, limit) = (number(queues, "working"), number(queues, "limit"));
    view.judged(
        // Close to where intake takes no more.
        limit > 0 && working * 10 >= limit * 8,
        format!(
            "queues      at work {working} of {limit}  waiting {}  behind their key {}  calls {}",
            number(queues, "waiting"),
            number(queues, "queued"),
            number(queues, "calls")
        ),
    );
    if number(queues, "held_by_disk") > 0 {
        let held = number(queues, "held_by_disk");
        view.add(Tone::Alert, format!("disk        full: {held} runs wait"));
    }
    let open = number(&status["exceptions"], "open");
    view.judged(
        open > 0,
        format!(
            "people      exceptions {open}  approvals {}",
            number(status, "approvals")
        ),
    );
    let stuck = number(status, "stuck");
    if stuck > 0 {
        let line = format!(
            "stuck       {stuck} runs could go on and do not: see the runbook `stuck-runs`"
        );
        view.add(Tone::Alert, line);
    }
}

fn flows(view: &mut View, status: &Value) {
    view.heading(format!(
        "{:<32}  {:<9}  {:>10}  {}",
        "FLOW", "STATE", "EXCEPTIONS", "UNFINISHED RUNS"
    ));
    if items(status, "flows").is_empty() {
        view.plain("no flow is active".to_owned());
    }
    for flow in items(status, "flows") {
        let enabled = flow["enabled"] == true;
        let state = match enabled {
            true => "enabled",
            false => "disabled",
        };
        let live = flow["live"].as_object().into_iter().flatten();
        let live: Vec<String> = live
            .map(|(version, count)| format!("{version}: {count}"))
            .collect();
        let name = format!("{}@{}", text(flow, "flow"), text(flow, "version"));
        let open = number(flow, "exceptions");
        view.judged(
            !enabled || open > 0,
            format!("{name:<32}  {state:<9}  {open:>10}  {}", live.join(", ")),
        );
    }
}

fn causes(view: &mut View, status: &Value) {
    let causes = items(&status["exceptions"], "causes");
    if causes.is_empty() {
        return;
    }
    view.heading(format!(
        "{:<32}  {:<9}  {:>10}  CAUSE",
        "EXCEPTIONS", "CODE", "OPEN"
    ));
    for cause in causes {
        let place = format!("{} {}", text(cause, "flow"), text(cause, "step"));
        view.judged(
            true,
            format!(
                "{place:<32}  {:<9}  {:>10}  {}",
                text(cause, "code"),
                number(cause, "open"),
                text(cause, "message")
            ),
        );
    }
}

fn connections(view: &mut View, status: &Value) {
    let connections = items(status, "connections");
    if connections.is_empty() {
        return;
    }
    view.heading(format!(
        "{:<32}  {:<9}  {:>10}  WAITING",
        "CONNECTION", "BREAKER", "CALLS"
    ));
    for one in connections {
        let breaker = match (one["enabled"] == true, one["breaker"].as_str()) {
            (false, _) => "disabled",
            (true, Some(breaker)) => breaker,
            (true, None) => "none",
        };
        let waiting = number(one, "waiting");
        let calls = format!(
            "{}/{}",
            number(one, "in_flight"),
            number(one, "concurrency")
        );
        let fine = matches!(breaker, "closed" | "none");
        view.judged(
            !fine || waiting > 0,
            format!(
                "{:<32}  {breaker:<9}  {calls:>10}  {waiting}",
                text(one, "connection")
            ),
        );
    }
}

fn sources(view: &mut View, status: &Value) {
    let sources = items(status, "sources");
    if sources.is_empty() {
        return;
    }
    view.heading(format!("{:<32}  {:<24}  FAILING", "SOURCE", "LAST READ"));
    for one in sources {
        let failing = one["failing_since"].as_str();
        let failing = failing.map_or_else(String::new, |since| {
            format!("since {since}: {}", text(one, "error"))
        });
        view.judged(
            !failing.is_empty(),
            format!(
                "{:<32}  {:<24}  {failing}",
                text(one, "source"),
                text(one, "read_at")
            ),
        );
    }
}

fn late(view: &mut View, status: &Value) {
    let late = items(status, "late_schedules");
    if late.is_empty() {
        return;
    }
    view.heading(format!("{:<32}  DUE", "LATE SCHEDULE"));
    for one in late {
        let place = format!("{} {}", text(one, "flow"), text(one, "trigger"));
        view.judged(true, format!("{place:<32}  {}", text(one, "due_at")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_wants_a_person_stands_out() {
        let status = json!({
            "at": "2026-03-01T09:00:00.000Z", "environment": "prod", "version": "1.0.0",
            "ready": true, "commit": "9f2c1b7d00", "approvals": 2, "stuck": 0,
            "throughput": { "last_minute": { "accepted": 745, "succeeded": 740, "failed": 3 } },
            "queues": { "working": 12, "limit": 10000, "waiting": 3, "queued": 1, "calls": 8, "held_by_disk": 0 },
            "exceptions": { "open": 4, "causes": [
                { "flow": "orders", "step": "invoice", "code": "DWL-2104", "message": "refused", "open": 4 },
            ] },
            "flows": [
                { "flow": "orders", "version": "1.2.0", "enabled": true, "exceptions": 4, "live": { "1.1.0": 2, "1.2.0": 10 } },
                { "flow": "stock", "version": "1.0.0", "enabled": true, "exceptions": 0, "live": {} },
            ],
            "connections": [
                { "connection": "crm", "enabled": true, "breaker": "open", "in_flight": 0, "concurrency": 8, "waiting": 5 },
                { "connection": "erp", "enabled": true, "breaker": "closed", "in_flight": 2, "concurrency": 8, "waiting": 0 },
            ],
            "sources": [], "late_schedules": [],
        });
        let marked = |line: &Line| match line.tone {
            Tone::Alert => format!("! {}", line.text),
            _ => format!("  {}", line.text),
        };
        let shown: Vec<String> = lines(&status, "http://h").iter().map(marked).collect();
        let shown: Vec<&str> = shown.iter().map(|line| line.trim_end()).collect();
        expect_test::expect![[r#"
              prod at http://h, dowel 1.0.0, commit 9f2c1b7d, 2026-03-01T09:00:00.000Z
            ! runs        in 12.4/s    succeeded 12.3/s    otherwise <0.1/s    in the last minute
              queues      at work 12 of 10000  waiting 3  behind their key 1  calls 8
            ! people      exceptions 4  approvals 2

              FLOW                              STATE      EXCEPTIONS  UNFINISHED RUNS
            ! orders@1.2.0                      enabled             4  1.1.0: 2, 1.2.0: 10
              stock@1.0.0                       enabled             0

              EXCEPTIONS                        CODE             OPEN  CAUSE
            ! orders invoice                    DWL-2104            4  refused

              CONNECTION                        BREAKER         CALLS  WAITING
            ! crm                               open              0/8  5
              erp                               closed            2/8  0"#]]
        .assert_eq(&shown.join("\n"));
    }

    #[test]
    fn rates_are_for_seconds() {
        assert_eq!(rate(0), "0.0/s");
        assert_eq!(rate(1), "<0.1/s");
        assert_eq!(rate(6), "0.1/s");
        assert_eq!(rate(745), "12.4/s");
    }
}
