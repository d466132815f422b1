//! What came of the tests, for people and for programs.

use super::diff::diff;
use super::load::Tested;
use super::update::Note;
use crate::story_text;
use dowel_core::expression::Position;
use dowel_testkit::flow_test::{CaseReport, ObservedRun};
use serde_json::{Value, json};
use std::fmt::Write;

/// The most lines of a story below a failed case: a loop can make thousands.
const MAX_STORY_LINES: usize = 80;

/// How far everything below a failed case is indented.
const INDENT: &str = "        ";

/// Passed and failed cases; a flow or test file that cannot be used counts as failed.
pub(crate) fn count(tested: &[Tested]) -> (usize, usize) {
    let reports = tested.iter().flat_map(|one| &one.cases);
    let passed = reports
        .clone()
        .filter(|(_, report)| report.passed())
        .count();
    let broken = tested.iter().filter(|one| one.has_errors()).count();
    (passed, reports.count() - passed + broken)
}

/// The report for a terminal.
pub(crate) fn human(tested: &[Tested], notes: &[Note]) -> String {
    let mut text = String::new();
    for one in tested {
        flow(&mut text, one);
    }
    for note in notes {
        let _ = writeln!(text, "{}", note.text);
    }
    let (passed, failed) = count(tested);
    if !text.is_empty() {
        text.truncate(text.trim_end().len());
        text.push_str("\n\n");
    }
    if passed + failed == 0 {
        text.push_str("no case was run\n");
    }
    let _ = writeln!(text, "{passed} passed, {failed} failed");
    text
}

fn flow(text: &mut String, one: &Tested) {
    if !one.found.has_tests() && one.found.findings.is_empty() {
        let _ = writeln!(text, "{}: no tests", one.found.name());
        return;
    }
    if one.cases.is_empty() && one.found.findings.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}", one.found.name());
    for finding in &one.found.findings {
        let _ = writeln!(text, "{}", finding.render());
    }
    let Some(flow) = &one.found.flow else { return };
    for (index, report) in &one.cases {
        let Some(case) = flow.suite.cases.get(*index) else {
            continue;
        };
        let millis = report.took.as_millis();
        if report.passed() {
            let _ = writeln!(text, "  ok    {} ({millis} ms)", case.name);
            continue;
        }
        let _ = writeln!(text, "  FAIL  {} ({millis} ms)", case.name);
        let place = |path: &dowel_flow::flow_test::Path| flow.suite.position(*index, path);
        let _ = writeln!(text, "{INDENT}{}", case.position);
        failure(text, report, &place);
    }
}

fn failure(
    text: &mut String,
    report: &CaseReport,
    place: &dyn Fn(&dowel_flow::flow_test::Path) -> Position,
) {
    if let Some(error) = &report.error {
        let _ = writeln!(text, "\n{INDENT}the case could not be run: {error}");
    }
    for stub in &report.stubs {
        let input = story_text::shorten(stub.input.as_str());
        let _ = writeln!(
            text,
            "\n{INDENT}`{}` has no answer for the step `{}`, called with {input}\n{INDENT}to answer it, put this under `mocks` (made from {}):\n",
            stub.name, stub.step, stub.origin
        );
        for line in stub.yaml.lines() {
            let _ = writeln!(text, "{INDENT}  {line}");
        }
    }
    // What follows from a missing answer says nothing about the flow.
    if report.stubs.is_empty() {
        mismatches(text, report, place);
    }
    for run in &report.observed.runs {
        story(text, run);
    }
    text.push('\n');
}

fn mismatches(
    text: &mut String,
    report: &CaseReport,
    place: &dyn Fn(&dowel_flow::flow_test::Path) -> Position,
) {
    for (index, mismatch) in report.mismatches.iter().enumerate() {
        let Position { line, column, .. } = place(&mismatch.path);
        let legend = match index {
            0 => ": - is expected, + came",
            _ => "",
        };
        let path = &mismatch.path;
        let _ = writeln!(
            text,
            "\n{INDENT}{path} (line {line}, column {column}){legend}"
        );
        for line in diff(&mismatch.expected, mismatch.actual.as_ref()) {
            let _ = writeln!(text, "{INDENT}  {line}");
        }
    }
}

fn story(text: &mut String, run: &ObservedRun) {
    text.push('\n');
    if let Some(refusal) = &run.refusal {
        let _ = writeln!(
            text,
            "{INDENT}the payload was refused: {}: {}",
            refusal.code, refusal.message
        );
    }
    for violation in &run.violations {
        let place = match violation.pointer.as_str() {
            "" => "the payload",
            pointer => pointer,
        };
        let _ = writeln!(text, "{INDENT}  {place} {}", violation.message);
    }
    let json = run
        .story
        .as_ref()
        .and_then(|story| serde_json::to_string(story).ok());
    let story = json.and_then(|json| serde_json::from_str(&json).ok());
    let Some(story) = story else { return };
    let rendered = story_text::render(&story);
    let lines = rendered.lines().count();
    for line in rendered.lines().take(MAX_STORY_LINES) {
        let _ = writeln!(text, "{INDENT}{line}");
    }
    if lines > MAX_STORY_LINES {
        let more = lines - MAX_STORY_LINES;
        let _ = writeln!(text, "{INDENT}… {more} more lines; `--format json` has all");
    }
}

/// The report for programs.
pub(crate) fn json(tested: &[Tested], notes: &[Note]) -> Value {
    let (passed, failed) = count(tested);
    let flows: Vec<Value> = tested
        .iter()
        .map(|one| {
            let cases = one
                .cases
                .iter()
                .map(|(index, report)| case(one, *index, report));
            json!({
                "flow": one.found.name(),
                "has_tests": one.found.has_tests(),
                "findings": one.found.findings,
                "cases": cases.collect::<Vec<_>>(),
            })
        })
        .collect();
    let notes: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
    json!({ "passed": passed, "failed": failed, "flows": flows, "notes": notes })
}

fn case(one: &Tested, index: usize, report: &CaseReport) -> Value {
    let suite = one.found.flow.as_ref().map(|flow| &flow.suite);
    let case = suite.and_then(|suite| suite.cases.get(index));
    let mismatches = report.mismatches.iter().map(|mismatch| {
        json!({
            "path": mismatch.path.to_string(),
            "position": suite.map(|suite| suite.position(index, &mismatch.path)),
            "expected": mismatch.expected,
            "actual": mismatch.actual,
        })
    });
    let stubs = report
        .stubs
        .iter()
        .map(|stub| json!({ "call": stub.name, "step": stub.step, "mock": stub.yaml }));
    let stories = report.observed.runs.iter().filter(|_| !report.passed());
    let stories = stories.filter_map(|run| run.story.as_ref());
    json!({
        "name": case.map(|case| &case.name),
        "position": case.map(|case| &case.position),
        "passed": report.passed(),
        "took_us": u64::try_from(report.took.as_micros()).unwrap_or(u64::MAX),
        "error": report.error.as_ref().map(ToString::to_string),
        "mismatches": mismatches.collect::<Vec<_>>(),
        "stubs": stubs.collect::<Vec<_>>(),
        "stories": stories.collect::<Vec<_>>(),
    })
}

/// What is wrong with a failed case, without its name.
pub(crate) fn failure_text(one: &Tested, index: usize, report: &CaseReport) -> String {
    let mut text = String::new();
    if let Some(flow) = &one.found.flow {
        let place = |path: &dowel_flow::flow_test::Path| flow.suite.position(index, path);
        failure(&mut text, report, &place);
    }
    text.lines()
        .map(|line| line.strip_prefix(INDENT).unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}
