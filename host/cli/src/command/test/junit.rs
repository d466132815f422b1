//! `--junit`: the report in the form that CI systems read (JUnit XML, as Surefire writes it).

use super::load::Tested;
use super::report;
use crate::xml::escape;
use anyhow::{Context as _, Result};
use dowel_flow::diagnostic::Diagnostic;
use std::fmt::Write;
use std::path::Path;

/// Writes the file.
pub(crate) fn write(path: &Path, tested: &[Tested]) -> Result<()> {
    std::fs::write(path, xml(tested)).with_context(|| format!("cannot write {}", path.display()))
}

fn xml(tested: &[Tested]) -> String {
    let (passed, failed) = report::count(tested);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuites tests=\"{}\" failures=\"{failed}\">",
        passed + failed
    );
    for one in tested
        .iter()
        .filter(|one| one.found.has_tests() || one.has_errors())
    {
        suite(&mut text, one);
    }
    text.push_str("</testsuites>\n");
    text
}

fn suite(text: &mut String, one: &Tested) {
    let name = escape(one.found.name());
    let (passed, failed) = report::count(std::slice::from_ref(one));
    let seconds: f64 = one.cases.iter().map(|(_, r)| r.took.as_secs_f64()).sum();
    let _ = writeln!(
        text,
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\" time=\"{seconds:.3}\">",
        passed + failed
    );
    if one.has_errors() {
        let all: Vec<String> = one.found.findings.iter().map(Diagnostic::render).collect();
        failed_case(
            text,
            &name,
            "the files can be read",
            0.0,
            "errors in the files",
            &all.join("\n"),
        );
    }
    for (index, report) in &one.cases {
        let case = one
            .found
            .flow
            .as_ref()
            .and_then(|flow| flow.suite.cases.get(*index));
        let Some(case) = case else { continue };
        let seconds = report.took.as_secs_f64();
        if report.passed() {
            let _ = writeln!(
                text,
                "    <testcase classname=\"{name}\" name=\"{}\" time=\"{seconds:.3}\"/>",
                escape(&case.name)
            );
        } else {
            let body = report::failure_text(one, *index, report);
            let message = format!("failed at {}", case.position);
            failed_case(text, &name, &case.name, seconds, &message, &body);
        }
    }
    text.push_str("  </testsuite>\n");
}

fn failed_case(
    text: &mut String,
    class: &str,
    name: &str,
    seconds: f64,
    message: &str,
    body: &str,
) {
    let _ = writeln!(
        text,
        "    <testcase classname=\"{class}\" name=\"{}\" time=\"{seconds:.3}\">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
        escape(name),
        escape(message),
        escape(body)
    );
}
