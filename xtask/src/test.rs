//! `cargo xtask test`: every suite, how long it took, and the sum.

use crate::arguments::Test;
use crate::run::{self, seconds};
use crate::suite::{self, SUITES, Suite, TESTS_WITH_TOOLS, Tool};
use crate::tally::Tally;
use anyhow::{Result, bail};
use std::time::Instant;

/// Runs what was asked for; fails if anything did.
pub(crate) fn run(options: &Test) -> Result<()> {
    let begin = Instant::now();
    let (names, words): (Vec<String>, Vec<String>) = options
        .filters
        .iter()
        .cloned()
        .partition(|filter| SUITES.iter().any(|s| s.name == filter));
    let mut report = Report::default();
    for suite in SUITES
        .iter()
        .filter(|suite| is_chosen(suite, &names, &words))
    {
        match suite.tool.filter(|tool| !run::is_installed(tool.name)) {
            Some(tool) => report.not_run(suite.name, tool),
            None => report.run(suite, &words),
        }
    }
    let tests_run = options.filters.is_empty() || names.iter().any(|name| name == "tests");
    for (word, tool) in TESTS_WITH_TOOLS {
        if tests_run && !run::is_installed(tool.name) {
            report.not_run(&format!("tests named `{word}`"), tool);
        }
    }
    report.close(begin, options.all)
}

/// Names choose suites; words alone choose tests by their names. What all suites need is
/// always set up.
fn is_chosen(suite: &Suite, names: &[String], words: &[String]) -> bool {
    if suite.name == "setup" {
        return true;
    }
    if names.is_empty() {
        return words.is_empty() || suite.name == "tests";
    }
    names.iter().any(|name| name == suite.name)
}

#[derive(Default)]
struct Report {
    lines: Vec<String>,
    missing: usize,
    tally: Tally,
}

impl Report {
    fn run(&mut self, suite: &Suite, words: &[String]) {
        println!("==> {}: {}", suite.name, suite.about);
        let begin = Instant::now();
        let outcome = if words.is_empty() || suite.name != "tests" {
            (suite.run)()
        } else {
            suite::tests(words)
        };
        let (word, tally) = match outcome {
            Ok(tally) if tally.failed == 0 => ("ok", tally),
            Ok(tally) => ("FAILED", tally),
            Err(error) => {
                println!("    {error:#}");
                let failed = 1;
                ("FAILED", Tally { passed: 0, failed })
            }
        };
        self.tally += tally;
        let took = seconds(begin.elapsed());
        let line = format!("{:<8} {word:<7} {took:>12}   {}", suite.name, counts(tally));
        println!("    {line}");
        self.lines.push(line);
    }

    fn not_run(&mut self, what: &str, tool: Tool) {
        self.missing += 1;
        let Tool { name, install } = tool;
        let line = format!("{what}: NOT RUN, {name} is missing; install it with `{install}`");
        println!("    {line}");
        self.lines.push(line);
    }

    fn close(self, begin: Instant, all: bool) -> Result<()> {
        println!("\n==> all in {}", seconds(begin.elapsed()));
        for line in &self.lines {
            println!("    {line}");
        }
        let missing = if all { self.missing as u64 } else { 0 };
        let failed = self.tally.failed + missing;
        println!("\n{} passed, {failed} failed", self.tally.passed);
        if failed > 0 {
            bail!("the tests did not pass");
        }
        Ok(())
    }
}

fn counts(tally: Tally) -> String {
    format!("{} passed, {} failed", tally.passed, tally.failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str], words: &[&str]) -> Vec<&'static str> {
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let (names, words) = (owned(names), owned(words));
        let suites = SUITES
            .iter()
            .filter(|suite| is_chosen(suite, &names, &words));
        suites.map(|suite| suite.name).collect()
    }

    #[test]
    fn filters_choose() {
        assert_eq!(chosen(&[], &[]).len(), SUITES.len());
        assert_eq!(chosen(&["fmt", "doc"], &[]), ["setup", "fmt", "doc"]);
        assert_eq!(chosen(&[], &["crash"]), ["setup", "tests"]);
        assert_eq!(chosen(&["tests"], &["crash"]), ["setup", "tests"]);
    }

    #[test]
    fn a_missing_tool_fails_only_with_all() {
        let report = || {
            let mut report = Report::default();
            report.not_run("x", TESTS_WITH_TOOLS[0].1);
            report
        };
        assert!(report().close(Instant::now(), false).is_ok());
        assert!(report().close(Instant::now(), true).is_err());
    }
}
