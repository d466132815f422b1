//! Expressions: what the checker says, what they refer to, what they read.

use super::Lowering;
use crate::check::{Known, Reader, VARIABLES, check};
use crate::diagnostic::{Report, Severity};
use crate::template::{FillHoles, Hole};
use crate::text::{Source, Span};
use crate::yaml::offsets;
use dowel_core::expression::{
    Expression, ExpressionFinding, ExpressionReport, Reference, StepNeeds,
};
use dowel_core::port::CheckRequest;
use std::sync::Arc;

impl FillHoles for Lowering<'_> {
    fn report(&mut self) -> &mut Report {
        &mut self.report
    }

    fn expression(&mut self, hole: Hole<'_>) -> Option<Expression> {
        let file = Arc::clone(self.report.source());
        let all = offsets(file.chars(), hole.scalar);
        let offsets = all.get(hole.start..).unwrap_or_default();
        self.check_expression(&file, offsets, hole.source, hole.key)
    }
}

impl Lowering<'_> {
    /// Checks an expression of any file. `offsets` has for each character of the source
    /// its place in the file.
    pub(super) fn check_expression(
        &mut self,
        file: &Source,
        offsets: &[usize],
        source: String,
        key: &str,
    ) -> Option<Expression> {
        let report = self.checked(&source);
        for finding in &report.findings {
            let start = offsets.get(finding.offset).or(offsets.last());
            let at = Span::at(start.copied().unwrap_or_default());
            let message = finding.message.clone();
            let found = self
                .report
                .add(Severity::Error, finding.code, file, at, message);
            found.help = suggestion(finding);
        }
        let chars: Vec<char> = source.chars().collect();
        let reader = Reader {
            file,
            offsets,
            source: &chars,
            scope: &self.scope,
            steps: &self.index,
        };
        let has_findings = !report.findings.is_empty();
        // A filter that was refused also reads `.`: one message is enough.
        let reads = report.references.iter();
        for read in reads.filter(|read| !has_findings || read.variable.is_some()) {
            check(&reader, read, &mut self.report);
        }
        for read in &report.references {
            self.need(read);
        }
        if has_findings {
            return None;
        }
        let position = file.position(offsets.first().copied().unwrap_or_default());
        Some(Expression {
            source,
            key: key.to_owned(),
            position,
        })
    }

    /// What the checker says about a source.
    pub(super) fn checked(&mut self, source: &str) -> ExpressionReport {
        if let Some(report) = self.checked.get(source) {
            return report.clone();
        }
        let request = CheckRequest {
            source,
            variables: VARIABLES,
        };
        let mut reports = self.context.checker.check(&[request]);
        let report = reports.pop().unwrap_or_default();
        self.checked.insert(source.to_owned(), report.clone());
        report
    }

    fn need(&mut self, read: &Reference) {
        let Some(name) = &read.variable else {
            self.needs.input = true;
            return;
        };
        self.needs.variables.insert(name.clone());
        if name != "steps" {
            return;
        }
        match (read.path.first(), &mut self.needs.steps) {
            (Some(id), StepNeeds::Only(ids)) if id != "[]" => {
                ids.insert(id.clone());
            }
            _ => self.needs.steps = StepNeeds::All,
        }
    }

    /// What is known about the value of an expression that only reads one path.
    pub(super) fn known_of(&mut self, source: &str) -> Known {
        let report = self.checked(source);
        let [read] = report.references.as_slice() else {
            return Known::Any;
        };
        let dot = if read.variable.is_none() { "." } else { "" };
        let variable = read
            .variable
            .as_ref()
            .map_or_else(String::new, |name| format!("${name}."));
        let path = format!("{dot}{variable}{}", read.path.join("."));
        if path.trim_end_matches('.') != source.trim_end_matches('.') {
            return Known::Any;
        }
        let chars: Vec<char> = source.chars().collect();
        let file = Arc::clone(self.report.source());
        let reader = Reader {
            file: &file,
            offsets: &[],
            source: &chars,
            scope: &self.scope,
            steps: &self.index,
        };
        // Only asked for what it knows; the findings are reported where it is checked.
        check(&reader, read, &mut Report::new(Arc::clone(&file)))
    }
}

/// What to write instead.
pub(crate) fn suggestion(finding: &ExpressionFinding) -> Option<String> {
    let text = finding.suggestion.as_ref()?;
    Some(format!("write `{text}`"))
}
