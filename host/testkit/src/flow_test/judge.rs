//! Expectations against what happened.

use super::compare::{Mismatch, compare, holds};
use super::observe::{MadeCall, Observed, ObservedRun};
use dowel_core::JsonText;
use dowel_flow::flow_test::{Path, Segment};
use std::collections::BTreeMap;

/// Every place where what happened is not what was expected.
pub(super) fn judge(expect: &JsonText, observed: &Observed) -> Vec<Mismatch> {
    let mut out = Vec::new();
    let root = Path(vec![Segment::from("expect")]);
    let fields: BTreeMap<String, JsonText> =
        expect.fields().unwrap_or_default().into_iter().collect();
    if fields.is_empty() {
        let actual = summary(observed);
        out.push(Mismatch {
            path: root.clone(),
            expected: expect.clone(),
            actual: Some(actual.clone()),
            mend: (root, actual),
        });
        return out;
    }
    if let Some(run) = observed.runs.last() {
        judge_run(&fields, run, &root, &mut out);
    }
    for (index, expected) in items(fields.get("runs")).iter().enumerate() {
        let path = root.then("runs").item(index);
        let fields = expected.fields().unwrap_or_default().into_iter().collect();
        if let Some(run) = observed.runs.get(index) {
            judge_run(&fields, run, &path, &mut out);
        }
    }
    if let Some(calls) = fields.get("calls") {
        let any = fields
            .get("call_order")
            .is_some_and(|order| order.as_str() == "\"any\"");
        judge_calls(calls, &observed.calls, any, &root.then("calls"), &mut out);
    }
    if let Some(counts) = fields.get("counts") {
        judge_counts(counts, &observed.calls, &root.then("counts"), &mut out);
    }
    if let Some(emitted) = fields.get("emitted") {
        judge_emitted(emitted, observed, &root.then("emitted"), &mut out);
    }
    out
}

fn items(list: Option<&JsonText>) -> Vec<JsonText> {
    list.and_then(JsonText::items).unwrap_or_default()
}

/// The keys that speak of one run.
const OF_RUN: [&str; 6] = ["intake", "status", "error", "output", "decisions", "steps"];

fn judge_run(
    expected: &BTreeMap<String, JsonText>,
    run: &ObservedRun,
    path: &Path,
    out: &mut Vec<Mismatch>,
) {
    let document: BTreeMap<String, JsonText> = run.document().into_iter().collect();
    for key in OF_RUN {
        let Some(expected) = expected.get(key) else {
            continue;
        };
        let path = path.then(key);
        match document.get(key) {
            Some(actual) => compare(expected, actual, &path, out),
            None if expected.is_null() => {}
            None => out.push(Mismatch {
                path: path.clone(),
                expected: expected.clone(),
                actual: None,
                mend: (path, JsonText::null()),
            }),
        }
    }
    if let (Some(expected), Some(actual)) = (expected.get("skipped"), document.get("skipped")) {
        let sorted = |list: &JsonText| {
            let mut all = items(Some(list));
            all.sort_by(|a, b| a.as_str().cmp(b.as_str()));
            JsonText::array(&all)
        };
        let (expected, actual) = (sorted(expected), sorted(actual));
        whole(&expected, &actual, &path.then("skipped"), out);
    }
}

/// A list that is right or wrong as a whole.
fn whole(expected: &JsonText, actual: &JsonText, path: &Path, out: &mut Vec<Mismatch>) {
    if !holds(expected, actual) {
        out.push(Mismatch {
            path: path.clone(),
            expected: expected.clone(),
            actual: Some(actual.clone()),
            mend: (path.clone(), actual.clone()),
        });
    }
}

fn number(count: u32) -> JsonText {
    JsonText::of(&count).unwrap_or_else(|_| JsonText::null())
}

/// A call as expectations speak of it.
fn call_document(call: &MadeCall) -> Vec<(&'static str, JsonText)> {
    vec![
        ("call", JsonText::string(&call.name)),
        ("step", JsonText::string(&call.step)),
        ("attempts", number(call.attempts)),
        ("idempotency_key", JsonText::string(&call.key)),
        ("with", call.input.clone()),
    ]
}

fn object(fields: &[(&'static str, JsonText)]) -> JsonText {
    JsonText::object(fields.iter().map(|(name, value)| (*name, value)))
}

/// An entry of `calls`: how many calls it stands for, and what each has to be like.
fn entry(expected: &JsonText) -> (usize, JsonText) {
    let fields = expected.fields().unwrap_or_default();
    let times = fields.iter().find(|(name, _)| name == "times");
    let times = times.and_then(|(_, times)| times.as_str().parse().ok());
    let rest = fields
        .iter()
        .filter(|(name, _)| name != "times" && !name.starts_with("x-"));
    let rest = JsonText::object(rest.map(|(name, value)| (name.as_str(), value)));
    (times.unwrap_or(1), rest)
}

fn judge_calls(
    expected: &JsonText,
    calls: &[MadeCall],
    any_order: bool,
    path: &Path,
    out: &mut Vec<Mismatch>,
) {
    let entries: Vec<(usize, JsonText)> = items(Some(expected)).iter().map(entry).collect();
    let wanted: Vec<(usize, &JsonText)> = entries
        .iter()
        .enumerate()
        .flat_map(|(index, (times, entry))| std::iter::repeat_n((index, entry), *times))
        .collect();
    let actual: Vec<JsonText> = calls.iter().map(|c| object(&call_document(c))).collect();
    let order = if any_order {
        paired(&wanted, &actual)
    } else {
        (0..actual.len()).collect()
    };
    let name = |json: &JsonText| {
        json.fields()
            .and_then(|f| f.into_iter().find(|(n, _)| n == "call"))
    };
    let same_names = wanted.len() == actual.len()
        && wanted
            .iter()
            .zip(&order)
            .all(|((_, wanted), index)| name(wanted) == name(&actual[*index]));
    if same_names {
        for ((index, wanted), at) in wanted.iter().zip(&order) {
            compare(wanted, &actual[*at], &path.item(*index), out);
        }
        return;
    }
    let listed = listed(&entries, calls);
    out.push(Mismatch {
        path: path.clone(),
        expected: expected.clone(),
        actual: Some(listed.clone()),
        mend: (path.clone(), listed),
    });
}

/// For each expected call the index of the one that it is compared with: one that fits,
/// else one of the same operation, else any.
fn paired(wanted: &[(usize, &JsonText)], actual: &[JsonText]) -> Vec<usize> {
    let mut free: Vec<usize> = (0..actual.len()).collect();
    let mut pairs: Vec<Option<usize>> = vec![None; wanted.len()];
    let of_call = |wanted: &JsonText| {
        let fields = wanted.fields().unwrap_or_default();
        let call = fields.into_iter().find(|(name, _)| name == "call");
        call.map_or_else(
            || JsonText::object([]),
            |(_, call)| JsonText::object([("call", &call)]),
        )
    };
    let exact = |wanted: &JsonText| wanted.clone();
    let anything = |_: &JsonText| JsonText::object([]);
    let rounds: [&dyn Fn(&JsonText) -> JsonText; 3] = [&exact, &of_call, &anything];
    for pattern in rounds {
        for (pair, (_, wanted)) in pairs.iter_mut().zip(wanted) {
            if pair.is_none()
                && let Some(at) = free
                    .iter()
                    .position(|i| holds(&pattern(wanted), &actual[*i]))
            {
                *pair = Some(free.remove(at));
            }
        }
    }
    pairs.into_iter().flatten().collect()
}

/// The calls that were made, with the keys that the case speaks of.
fn listed(entries: &[(usize, JsonText)], calls: &[MadeCall]) -> JsonText {
    let spoken: Vec<String> = entries
        .iter()
        .flat_map(|(_, entry)| entry.fields().unwrap_or_default())
        .map(|(name, _)| name)
        .collect();
    let all: Vec<JsonText> = calls
        .iter()
        .map(|call| {
            let is_spoken = |name: &str| spoken.iter().any(|other| other == name);
            let fields = call_document(call)
                .into_iter()
                .filter(|(name, _)| match *name {
                    "call" => true,
                    "attempts" => call.attempts > 1 || is_spoken(name),
                    name => is_spoken(name),
                });
            object(&fields.collect::<Vec<_>>())
        })
        .collect();
    JsonText::array(&all)
}

fn judge_counts(counts: &JsonText, calls: &[MadeCall], path: &Path, out: &mut Vec<Mismatch>) {
    for (name, expected) in counts.fields().unwrap_or_default() {
        let made = calls.iter().filter(|call| call.name == name).count();
        let actual = number(u32::try_from(made).unwrap_or(u32::MAX));
        compare(&expected, &actual, &path.then(Segment::Key(name)), out);
    }
}

fn judge_emitted(expected: &JsonText, observed: &Observed, path: &Path, out: &mut Vec<Mismatch>) {
    let wanted = items(Some(expected));
    let first_runs = observed
        .runs
        .iter()
        .filter(|run| run.intake == super::Intake::Accepted);
    let emitted: Vec<(String, JsonText)> = first_runs.flat_map(ObservedRun::emitted).collect();
    let shown = |index: usize, (event_type, data): &(String, JsonText)| {
        let event_type = JsonText::string(event_type);
        match wanted.get(index) {
            Some(wanted) if wanted.type_name() == "object" => {
                JsonText::object([("type", &event_type), ("data", data)])
            }
            _ => event_type,
        }
    };
    let actual: Vec<JsonText> = emitted
        .iter()
        .enumerate()
        .map(|(index, event)| shown(index, event))
        .collect();
    compare(expected, &JsonText::array(&actual), path, out);
}

/// An error without its message: that is text for people, and changes.
fn code_of(error: &JsonText) -> JsonText {
    let fields = error.fields().unwrap_or_default();
    let kept = fields.iter().filter(|(name, _)| name != "message");
    JsonText::object(kept.map(|(name, value)| (name.as_str(), value)))
}

/// Everything that a case without expectations could expect.
pub(super) fn summary(observed: &Observed) -> JsonText {
    let mut fields: Vec<(&'static str, JsonText)> = Vec::new();
    let of_run = |run: &ObservedRun| {
        let document: BTreeMap<String, JsonText> = run.document().into_iter().collect();
        let accepted = run.intake == super::Intake::Accepted;
        let keep = |key: &'static str| {
            let value = document.get(key)?.clone();
            let is_empty = matches!(value.as_str(), "{}" | "[]");
            let is_said = key == "intake" && accepted;
            let value = if key == "error" {
                code_of(&value)
            } else {
                value
            };
            (!is_empty && !is_said).then_some((key, value))
        };
        let keys = [
            "intake",
            "status",
            "error",
            "output",
            "decisions",
            "skipped",
        ];
        keys.into_iter().filter_map(keep).collect::<Vec<_>>()
    };
    match observed.runs.as_slice() {
        [only] => fields.extend(of_run(only)),
        many => {
            let runs: Vec<JsonText> = many.iter().map(|run| object(&of_run(run))).collect();
            fields.push(("runs", JsonText::array(&runs)));
        }
    }
    let calls: Vec<JsonText> = observed
        .calls
        .iter()
        .map(|call| {
            let document = call_document(call).into_iter();
            let kept = document.filter(|(name, _)| match *name {
                "call" | "with" => true,
                "attempts" => call.attempts > 1,
                _ => false,
            });
            object(&kept.collect::<Vec<_>>())
        })
        .collect();
    fields.push(("calls", JsonText::array(&calls)));
    let emitted = observed.runs.iter().flat_map(ObservedRun::emitted);
    let emitted: Vec<JsonText> = emitted.map(|(name, _)| JsonText::string(&name)).collect();
    fields.push(("emitted", JsonText::array(&emitted)));
    object(&fields)
}
