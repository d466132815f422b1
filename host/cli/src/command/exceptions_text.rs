//! Exceptions for people.

use serde_json::Value;
use std::fmt::Write;

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or("-")
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// The host names so many runs behind a parked one, and no more.
const MAX_BEHIND: usize = 100;

/// One line for each.
pub(super) fn table(page: &Value) -> String {
    let all = list(page, "exceptions");
    if all.is_empty() {
        return "nothing waits for a person".to_owned();
    }
    let mut out = format!(
        "{:<32}  {:<24}  {:<19}  {:<16}  {:<24}  {}\n",
        "EXCEPTION", "DUE", "CLASS", "KIND", "STEP", "FLOW"
    );
    for one in all {
        let due = if one["overdue"] == true {
            format!("{}!", text(one, "due_at"))
        } else {
            text(one, "due_at").to_owned()
        };
        let _ = writeln!(
            out,
            "{:<32}  {due:<24}  {:<19}  {:<16}  {:<24}  {}",
            text(one, "id"),
            text(one, "class"),
            text(one, "kind"),
            text(one, "step"),
            text(one, "flow"),
        );
    }
    if let Some(next) = page["next"].as_str() {
        let _ = writeln!(out, "more: --cursor {next}");
    }
    out
}

/// One line for each group.
pub(super) fn groups(page: &Value) -> String {
    let all = list(page, "groups");
    if all.is_empty() {
        return "nothing waits for a person".to_owned();
    }
    let mut out = format!(
        "{:>7}  {:<24}  {:<24}  {:<24}  {}\n",
        "COUNT", "OLDEST", "CODE", "STEP", "FLOW"
    );
    for one in all {
        let _ = writeln!(
            out,
            "{:>7}  {:<24}  {:<24}  {:<24}  {}",
            one["count"],
            text(&one["oldest"], "opened_at"),
            text(one, "code"),
            text(one, "step"),
            text(one, "flow"),
        );
    }
    out
}

/// What a person would usually do, in words.
fn advice(recommended: &str) -> &'static str {
    match recommended {
        "retry" => "retry: the cause usually passes by itself",
        "mend-access" => "mend the credential or the permission, then retry",
        "look-upstream" => {
            "look in the upstream whether the effect is there, then complete or retry"
        }
        "edit-input" => "correct the input with edit, or mend the upstream's data and retry",
        "mend-flow" => "mend the flow, then retry with --version, or rerun",
        "undo-by-hand" => "undo by hand what is not undone, then complete the step",
        "resubmit" => "mend the flow or the payload, then resubmit; or discard it",
        "rerun" => "look why the flow says so, then rerun or discard",
        _ => "look at the story of the run",
    }
}

/// All that a person needs to decide.
pub(super) fn one(one: &Value) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() && value != "-" {
            let _ = writeln!(out, "{name:<12} {value}");
        }
    };
    line("exception", text(one, "id"));
    line("class", text(one, "class"));
    let flow = match one["version"].as_str() {
        Some(version) => format!("{}@{version}", text(one, "flow")),
        None => text(one, "flow").to_owned(),
    };
    line("flow", &flow);
    line("run", text(one, "run"));
    line("step", text(one, "step"));
    line("key", text(one, "key"));
    let error = format!(
        "{} ({}): {}",
        text(one, "kind"),
        text(one, "code"),
        text(one, "message")
    );
    line("error", &error);
    line("attempts", &one["attempts"].to_string());
    line("recommended", advice(text(one, "recommended")));
    line("owner", text(one, "owner"));
    line("runbook", text(one, "runbook"));
    line("opened", text(one, "opened_at"));
    let late = if one["overdue"] == true {
        ", overdue"
    } else {
        ""
    };
    line("due", &format!("{}{late}", text(one, "due_at")));
    for (name, key) in [("undone", "undone"), ("not undone", "not_undone")] {
        let steps: Vec<&str> = list(one, key).iter().filter_map(Value::as_str).collect();
        line(name, &steps.join(", "));
    }
    let behind = list(one, "behind");
    if let Some(next) = behind.first().and_then(Value::as_str) {
        let count = match behind.len() {
            1 => "1 run waits".to_owned(),
            MAX_BEHIND => format!("{MAX_BEHIND} runs or more wait"),
            count => format!("{count} runs wait"),
        };
        line("behind it", &format!("{count}, the next one is {next}"));
    }
    line("trigger", text(one, "trigger"));
    if one["is_cut"] == true {
        let kept = format!("only the beginning of its {} bytes", one["bytes"]);
        line("kept", &kept);
    }
    for violation in list(one, "violations") {
        let place = text(violation, "pointer");
        line(
            "breaks",
            &format!("{place}: {}", text(violation, "message")),
        );
    }
    line("input", &one["input"].to_string());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_exception_says_what_to_do() {
        let value = json!({
            "id": "0195", "class": "parked", "flow": "orders", "version": "1.0.0",
            "run": "0195", "step": "invoice", "code": "DWL-2101", "kind": "timeout",
            "message": "no answer", "attempts": 5, "recommended": "retry",
            "owner": "ops@example.com", "opened_at": "2026-03-01T09:00:00.000Z",
            "due_at": "2026-03-02T09:00:00.000Z", "overdue": true, "behind": ["a"],
            "undone": ["b"], "not_undone": ["a"], "input": {"id": 1},
        });
        expect_test::expect![[r#"
            exception    0195
            class        parked
            flow         orders@1.0.0
            run          0195
            step         invoice
            error        timeout (DWL-2101): no answer
            attempts     5
            recommended  retry: the cause usually passes by itself
            owner        ops@example.com
            opened       2026-03-01T09:00:00.000Z
            due          2026-03-02T09:00:00.000Z, overdue
            undone       b
            not undone   a
            behind it    1 run waits, the next one is a
            input        {"id":1}
        "#]]
        .assert_eq(&one(&value));
    }
}
