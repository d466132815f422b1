//! What is wrong with a file, where, and what to do about it.

use crate::text::{Source, Span};
use dowel_core::code::Code;
use dowel_core::expression::Position;
use serde::Serialize;
use std::sync::Arc;

/// Whether a finding stops the file from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// One finding in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// Whether it stops the file.
    pub severity: Severity,
    /// Where it begins.
    pub position: Position,
    /// How many characters of the line it covers, at least 1.
    pub length: u32,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The line that it stands in.
    pub line: String,
    /// What to write instead, where that is known.
    pub help: Option<String>,
}

impl Diagnostic {
    /// The finding as plain text for a terminal: code, message, place, the line with
    /// the place underlined, help.
    pub fn render(&self) -> String {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let number = self.position.line.to_string();
        let margin = " ".repeat(number.len());
        let mut out = format!(
            "{severity}[{}]: {}\n{margin}--> {}\n",
            self.code, self.message, self.position
        );
        let column = usize::try_from(self.position.column).unwrap_or(1) - 1;
        let width = self.line.chars().count();
        if !self.line.is_empty() && column <= width {
            let shown = self.line.replace('\t', " ");
            let length = usize::try_from(self.length).unwrap_or(1);
            let carets = "^".repeat(length.min(width.saturating_sub(column)).max(1));
            let indent = " ".repeat(column);
            out.push_str(&format!(
                "{margin} |\n{number} | {shown}\n{margin} | {indent}{carets}\n"
            ));
        }
        if let Some(help) = &self.help {
            out.push_str(&format!("{margin} = help: {help}\n"));
        }
        out
    }

    /// Adds what to do about it.
    pub(crate) fn help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }
}

/// More findings than this help nobody, and a hostile file could make millions.
const MAX_FINDINGS: usize = 200;

/// Collects the findings of one file and of the files that it refers to.
#[derive(Debug)]
pub(crate) struct Report {
    source: Arc<Source>,
    found: Vec<Diagnostic>,
    overflow: Option<Diagnostic>,
    /// Places of the file that no finding shows.
    hidden: Vec<Span>,
}

impl Report {
    pub(crate) fn new(source: Arc<Source>) -> Self {
        Self {
            source,
            found: Vec::new(),
            overflow: None,
            hidden: Vec::new(),
        }
    }

    /// The file that spans refer to.
    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Blanks a place in every line that is shown: it may hold a secret.
    pub(crate) fn hide(&mut self, span: Span) {
        self.hidden.push(span);
    }

    /// Whether anything found so far stops the file.
    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    /// Adds an error; the caller may add help to it.
    pub(crate) fn error(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let source = Arc::clone(&self.source);
        self.add(Severity::Error, code, &source, span, message.into())
    }

    /// Adds a finding that does not stop the file.
    pub(crate) fn warning(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let source = Arc::clone(&self.source);
        self.add(Severity::Warning, code, &source, span, message.into())
    }

    /// Adds a finding in any file.
    pub(crate) fn add(
        &mut self,
        severity: Severity,
        code: Code,
        source: &Source,
        span: Span,
        message: String,
    ) -> &mut Diagnostic {
        let diagnostic = Diagnostic {
            code,
            severity,
            position: source.position(span.start),
            length: u32::try_from(span.end.saturating_sub(span.start).max(1)).unwrap_or(1),
            message,
            line: source.line(span.start),
            help: None,
        };
        if self.found.len() >= MAX_FINDINGS {
            return self.overflow.insert(diagnostic);
        }
        self.found.push(diagnostic);
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// Everything found, in order of place.
    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        for diagnostic in &mut self.found {
            blank(diagnostic, &self.source, &self.hidden);
        }
        self.found.sort_by(|a, b| a.position.cmp(&b.position));
        self.found.dedup();
        self.found
    }
}

/// Replaces what is hidden in the line that a finding shows.
fn blank(diagnostic: &mut Diagnostic, source: &Source, hidden: &[Span]) {
    let position = &diagnostic.position;
    if hidden.is_empty() || position.file != source.position(0).file {
        return;
    }
    let start = source.offset(usize::try_from(position.line).unwrap_or(1), 1);
    let shown = |(index, c): (usize, char)| {
        let at = start + index;
        let is_hidden = hidden
            .iter()
            .any(|span| (span.start..span.end).contains(&at));
        if is_hidden { '*' } else { c }
    };
    diagnostic.line = diagnostic.line.chars().enumerate().map(shown).collect();
}
