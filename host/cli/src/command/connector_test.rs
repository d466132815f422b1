//! `dowel connector test`.

use crate::args::{ConnectorTest, Format, LevelName};
use crate::xml::escape;
use crate::{exit, output};
use anyhow::{Context as _, Result};
use dowel_conformance::{CaseFolder, CheckReport, Level, Options, Outcome, Report};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// Notes of one check that are shown; more are of the same kind.
const SHOWN_NOTES: usize = 8;

pub(crate) async fn run(test: &ConnectorTest, format: Format) -> Result<ExitCode> {
    let component = std::fs::read(&test.component)
        .with_context(|| format!("cannot read {}", test.component.display()))?;
    let cases = CaseFolder::read(&test.cases)?;
    let options = Options {
        deadline: test.deadline,
        ..Options::default()
    };
    let report = dowel_conformance::test(&component, &cases, &options).await;
    if let Some(path) = &test.junit {
        let text = junit(&report);
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let wanted = match test.level {
        LevelName::None => None,
        LevelName::Bronze => Some(Level::Bronze),
        LevelName::Silver => Some(Level::Silver),
        LevelName::Gold => Some(Level::Gold),
    };
    let is_low = report.level < wanted;
    output::print(format, &report, &human(&report, &test.component, wanted))?;
    Ok(exit::found(is_low || report.failed().next().is_some()))
}

fn human(report: &Report, path: &Path, wanted: Option<Level>) -> String {
    let mut text = match report.connector.as_str() {
        "" => format!("{}\n", path.display()),
        name => format!("{name} {} ({})\n", report.version, report.digest.short()),
    };
    for check in &report.checks {
        let (word, notes): (&str, &[String]) = match &check.outcome {
            Outcome::Passed => ("ok", &[]),
            Outcome::Failed(notes) => ("FAILED", notes),
            Outcome::Missing(notes) => ("missing", notes),
            Outcome::NotApplicable => ("-", &[]),
        };
        let (level, id) = (check.level.to_string(), check.id);
        let _ = writeln!(text, "  {word:<8} {level:<7} {id:<15} {}", check.about);
        for note in notes.iter().take(SHOWN_NOTES) {
            let _ = writeln!(text, "             {note}");
        }
        if notes.len() > SHOWN_NOTES {
            let more = notes.len() - SHOWN_NOTES;
            let _ = writeln!(
                text,
                "             … and {more} more; `--format json` has all"
            );
        }
    }
    text.push('\n');
    let _ = match report.level {
        Some(level) => writeln!(text, "level: {level}"),
        None => writeln!(text, "level: none"),
    };
    if let Some((next, open)) = report.missing() {
        let names: Vec<&str> = open.iter().map(|check| check.id).collect();
        let _ = writeln!(text, "{next} needs: {}", names.join(", "));
    }
    if report.level < wanted {
        let wanted = wanted.map_or_else(String::new, |level| level.to_string());
        let _ = writeln!(text, "{wanted} is asked for and not reached");
    }
    let passed = report.checks.iter().filter(|check| check.is_met()).count();
    let failed = report.failed().count();
    let _ = writeln!(text, "{passed} passed, {failed} failed");
    text
}

/// JUnit XML, as Surefire writes it. What cannot be judged is skipped.
fn junit(report: &Report) -> String {
    let (tests, failed) = (report.checks.len(), report.failed().count());
    let missing = |check: &&CheckReport| matches!(check.outcome, Outcome::Missing(_));
    let skipped = report.checks.iter().filter(missing).count();
    let name = escape(&format!("{} {}", report.connector, report.version));
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuites tests=\"{tests}\" failures=\"{failed}\" skipped=\"{skipped}\">\n  \
         <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\" skipped=\"{skipped}\">"
    );
    for check in &report.checks {
        let (id, about) = (check.id, escape(check.about));
        let _ = match &check.outcome {
            Outcome::Failed(notes) => writeln!(
                text,
                "    <testcase classname=\"{name}\" name=\"{id}\">\n      \
                 <failure message=\"{about}\">{}</failure>\n    </testcase>",
                escape(&notes.join("\n"))
            ),
            Outcome::Missing(notes) => writeln!(
                text,
                "    <testcase classname=\"{name}\" name=\"{id}\">\n      \
                 <skipped message=\"{}\"/>\n    </testcase>",
                escape(&notes.join("; "))
            ),
            Outcome::Passed | Outcome::NotApplicable => {
                writeln!(text, "    <testcase classname=\"{name}\" name=\"{id}\"/>")
            }
        };
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}
