//! Bulk operations for people.

use super::exceptions_text::table as items;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or("-")
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_default()
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// What an operation would be about.
pub(super) fn preview(found: &Value) -> String {
    let command = text(found, "command");
    let mut out = format!(
        "{command} would be about {} exceptions; nothing was changed\n",
        number(found, "total")
    );
    let left_out = number(found, "left_out");
    if left_out > 0 {
        let _ = writeln!(out, "{left_out} more were found that {command} is not for");
    }
    let groups = list(found, "groups");
    if groups.is_empty() {
        return out;
    }
    let _ = writeln!(
        out,
        "\n{:>7}  {:<24}  {:<24}  FLOW",
        "COUNT", "CODE", "STEP"
    );
    for one in groups {
        let _ = writeln!(
            out,
            "{:>7}  {:<24}  {:<24}  {}",
            number(one, "count"),
            text(one, "code"),
            text(one, "step"),
            text(one, "flow")
        );
    }
    let sample = list(found, "sample");
    let _ = write!(
        out,
        "\nthe first {} in the order of arrival:\n{}",
        sample.len(),
        items(&json!({ "exceptions": sample }))
    );
    out
}

/// One that goes on in the host.
pub(super) fn begun(bulk: &Value) -> String {
    let id = text(bulk, "id");
    if bulk["state"] == "proposed" {
        return format!(
            "bulk operation {id}: {} of {} exceptions is proposed and waits for a second person\nthey confirm it with: dowel exceptions confirm {id}\n",
            text(bulk, "command"),
            number(bulk, "total")
        );
    }
    format!(
        "bulk operation {id}: {} of {} exceptions is {}\nfollow it with: dowel exceptions bulk watch {id}\n",
        text(bulk, "command"),
        number(bulk, "total"),
        text(bulk, "state")
    )
}

/// One line for each.
pub(super) fn table(found: &Value) -> String {
    let all = list(found, "bulk");
    if all.is_empty() {
        return "no bulk operations".to_owned();
    }
    let mut out = format!(
        "{:<32}  {:<9}  {:<10}  {:>15}  {:>6}  {:<24}  ACTOR\n",
        "BULK", "STATE", "COMMAND", "POSITION", "FAILED", "BEGUN"
    );
    for one in all {
        let position = format!("{}/{}", number(one, "position"), number(one, "total"));
        let _ = writeln!(
            out,
            "{:<32}  {:<9}  {:<10}  {position:>15}  {:>6}  {:<24}  {}",
            text(one, "id"),
            text(one, "state"),
            text(one, "command"),
            number(one, "failed"),
            text(one, "created_at"),
            text(one, "actor")
        );
    }
    out
}

/// Where one stands, with what did not allow it.
pub(super) fn one(bulk: &Value) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() && value != "-" {
            let _ = writeln!(out, "{name:<12} {value}");
        }
    };
    line("bulk", text(bulk, "id"));
    line("command", text(bulk, "command"));
    line("state", text(bulk, "state"));
    line("query", &query(bulk));
    line("rate", text(bulk, "rate"));
    let position = format!(
        "{} of {}: {} done, {} failed",
        number(bulk, "position"),
        number(bulk, "total"),
        number(bulk, "done"),
        number(bulk, "failed")
    );
    line("progress", &position);
    line("actor", text(bulk, "actor"));
    line("confirmed by", text(bulk, "confirmed_by"));
    line("reason", text(bulk, "reason"));
    line("begun", text(bulk, "created_at"));
    line("moved", text(bulk, "updated_at"));
    for failure in list(bulk, "failures") {
        let why = format!("{} {}", text(failure, "code"), text(failure, "reason"));
        line(text(failure, "id"), &why);
    }
    if bulk["state"] == "paused" {
        let _ = writeln!(out, "\n{}", resume(bulk));
    }
    out
}

/// What it looked for, as it was written.
fn query(bulk: &Value) -> String {
    let fields = bulk["query"].as_object().into_iter().flatten();
    let fields = fields.map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    });
    let fields: Vec<String> = fields.collect();
    match fields.is_empty() {
        true => "everything".to_owned(),
        false => fields.join(" "),
    }
}

/// The command that lets it go on.
fn resume(bulk: &Value) -> String {
    format!(
        "go on with: dowel exceptions bulk resume {}",
        text(bulk, "id")
    )
}

/// The line of a follower: so many items were dealt with since it came.
pub(super) fn progress(bulk: &Value, since: u64, time: Duration) -> String {
    let (position, total) = (number(bulk, "position"), number(bulk, "total"));
    let percent = (position * 100).checked_div(total).unwrap_or(100);
    let mut line = format!(
        "{position} of {total} ({percent}%), {} failed",
        number(bulk, "failed")
    );
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if since > 0 && millis > 0 {
        let left = (total - position.min(total)).saturating_mul(millis) / since / 1_000;
        let rate = since.saturating_mul(1_000) / millis;
        let _ = write!(line, ", {rate}/s, {left} s left");
    }
    line
}

/// How it ended.
pub(super) fn ended(bulk: &Value) -> String {
    let id = text(bulk, "id");
    let (total, failed) = (number(bulk, "total"), number(bulk, "failed"));
    let mut out = match text(bulk, "state") {
        "paused" => format!(
            "paused after {} of {total}, {} done, {failed} failed\n{}\n",
            number(bulk, "position"),
            number(bulk, "done"),
            resume(bulk)
        ),
        state => format!(
            "{}: {state}, {} of {total} done, {failed} failed\n",
            text(bulk, "command"),
            number(bulk, "done")
        ),
    };
    let left_out = number(bulk, "left_out");
    if left_out > 0 {
        let command = text(bulk, "command");
        let _ = writeln!(out, "{left_out} more were found that {command} is not for");
    }
    if failed > 0 {
        let _ = writeln!(out, "see why with: dowel exceptions bulk show {id}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(state: &str, position: u64, failed: u64) -> Value {
        json!({
            "id": "0195", "command": "retry", "state": state, "total": 10_000,
            "position": position, "done": position - failed, "failed": failed, "left_out": 0,
            "actor": "ana", "reason": "the CRM is back", "created_at": "2026-03-01T09:00:00.000Z",
            "query": { "flow": "orders", "overdue": true }, "rate": "50/s",
            "failures": [{ "id": "0196", "code": "DWL-2322", "reason": "the run is running" }],
        })
    }

    #[test]
    fn a_paused_operation_says_how_it_goes_on() {
        expect_test::expect![[r#"
            paused after 1234 of 10000, 1230 done, 4 failed
            go on with: dowel exceptions bulk resume 0195
            see why with: dowel exceptions bulk show 0195
        "#]]
        .assert_eq(&ended(&bulk("paused", 1_234, 4)));
        expect_test::expect![[r#"
            bulk         0195
            command      retry
            state        done
            query        flow=orders overdue=true
            rate         50/s
            progress     10000 of 10000: 9999 done, 1 failed
            actor        ana
            reason       the CRM is back
            begun        2026-03-01T09:00:00.000Z
            0196         DWL-2322 the run is running
        "#]]
        .assert_eq(&one(&bulk("done", 10_000, 1)));
    }

    #[test]
    fn progress_tells_the_rate_and_the_time_that_is_left() {
        let line = progress(&bulk("running", 2_000, 0), 1_000, Duration::from_secs(20));
        assert_eq!(line, "2000 of 10000 (20%), 0 failed, 50/s, 160 s left");
        let line = progress(&bulk("running", 0, 0), 0, Duration::ZERO);
        assert_eq!(line, "0 of 10000 (0%), 0 failed");
    }

    #[test]
    fn a_preview_counts_by_group_and_shows_some() {
        let found = json!({
            "command": "retry", "total": 2, "left_out": 1,
            "groups": [{ "flow": "orders", "step": "pay", "code": "DWL-2101", "count": 2 }],
            "sample": [{ "id": "0195", "class": "parked", "flow": "orders", "step": "pay",
                "kind": "timeout", "due_at": "2026-03-02T09:00:00.000Z", "overdue": false }],
        });
        expect_test::expect![[r#"
            retry would be about 2 exceptions; nothing was changed
            1 more were found that retry is not for

              COUNT  CODE                      STEP                      FLOW
                  2  DWL-2101                  pay                       orders

            the first 1 in the order of arrival:
            EXCEPTION                         DUE                       CLASS                KIND              STEP                      FLOW
            0195                              2026-03-02T09:00:00.000Z  parked               timeout           pay                       orders
        "#]].assert_eq(&preview(&found));
    }
}
