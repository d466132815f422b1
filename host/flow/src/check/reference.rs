//! One read of a variable or of `.`.

use super::known::{Known, Leads};
use super::scope::{Dot, Scope, StepIndex};
use crate::diagnostic::{Report, Severity};
use crate::shape::did_you_mean;
use crate::text::{Source, Span};
use dowel_core::code::{Code, reference as code};
use dowel_core::expression::Reference;

/// An expression whose reads are checked.
pub(crate) struct Reader<'a> {
    /// The file that it stands in.
    pub(crate) file: &'a Source,
    /// For each character of the jq source its offset in the file.
    pub(crate) offsets: &'a [usize],
    /// The jq source.
    pub(crate) source: &'a [char],
    /// What can be named.
    pub(crate) scope: &'a Scope,
    /// Every step of the file.
    pub(crate) steps: &'a StepIndex,
}

/// Checks one read. What is known about the value that is read.
pub(crate) fn check(reader: &Reader<'_>, read: &Reference, report: &mut Report) -> Known {
    let Some((known, skip)) = reader.base(read, report) else {
        return Known::Any;
    };
    let known = reader.walk(known, read, skip, report);
    if read.arithmetic && known.is_decimal() {
        let message = "this field is an exact decimal, plain arithmetic would spoil it";
        let found = reader.error(code::DECIMAL_ARITHMETIC, read, message.to_owned(), report);
        found.help("use dadd, dsub, dmul or ddiv, such as dmul(.price; .qty)");
    }
    known
}

impl Reader<'_> {
    /// The value that the path begins at, and how much of the path is used up by it.
    fn base(&self, read: &Reference, report: &mut Report) -> Option<(Known, usize)> {
        let scope = self.scope;
        let Some(name) = read.variable.as_deref() else {
            let Dot::Value(known) = &scope.dot else {
                let message = "`.` is `null` at the beginning of this expression".to_owned();
                let found = self.error(code::INPUT_OUT_OF_SCOPE, read, message, report);
                found.help("begin with a variable, such as `$trigger`");
                return None;
            };
            return Some((known.clone(), 0));
        };
        if !scope.in_run && !matches!(name, "trigger" | "env") {
            let message = format!("`${name}` has no value before the run exists");
            let found = self.error(code::VARIABLE_OUT_OF_SCOPE, read, message, report);
            found.help("the payload is `.` here");
            return None;
        }
        let known = match name {
            "trigger" => scope.trigger.clone(),
            "steps" => return self.step(read, report),
            "vars" => return self.var(read, report),
            "item" | "index" => match &scope.item {
                Some(item) if name == "item" => item.clone(),
                Some(_) => Known::Any,
                None => {
                    let message = format!("`${name}` has a value only inside of `for_each`");
                    self.error(code::VARIABLE_OUT_OF_SCOPE, read, message, report);
                    return None;
                }
            },
            "event" => Known::object(&[
                "id",
                "trigger",
                "type",
                "time",
                "headers",
                "query",
                "path",
                "source",
                "subject",
                "datacontenttype",
                "dataschema",
                "extensions",
                "encoding",
            ]),
            "state" => return self.state(read, report),
            "error" if scope.in_catch => {
                Known::object(&["kind", "code", "message", "details", "step"])
            }
            "error" => {
                let message = "`$error` has a value only inside of `catch`".to_owned();
                self.error(code::VARIABLE_OUT_OF_SCOPE, read, message, report);
                return None;
            }
            "run" => Known::object(&[
                "id",
                "flow",
                "version",
                "commit",
                "generation",
                "started_at",
            ]),
            _ => Known::Any,
        };
        Some((known, 0))
    }

    fn state(&self, read: &Reference, report: &mut Report) -> Option<(Known, usize)> {
        if let Some(state) = &self.scope.state {
            return Some((state.clone(), 0));
        }
        let message = "the flow keeps no `state`".to_owned();
        let found = self.error(code::VARIABLE_OUT_OF_SCOPE, read, message, report);
        found.help("add `state: { watermark: { initial: …, next: … } }`");
        None
    }

    fn step(&self, read: &Reference, report: &mut Report) -> Option<(Known, usize)> {
        let Some(id) = read.path.first() else {
            return Some((Known::Any, 0));
        };
        if let Some(result) = self.scope.steps.get(id) {
            if let (Some(may), false, false) = (result.may, read.optional, self.scope.is_guarded) {
                let message = format!("the step `{id}` may {may}, its result is `null` then");
                let span = self.span(read);
                let found = report.add(
                    Severity::Warning,
                    code::SKIPPED_STEP,
                    self.file,
                    span,
                    message,
                );
                found.help("give a fallback with `//`, or put an `if` on this step");
            }
            return Some((result.known.clone(), 1));
        }
        let Some(place) = self.steps.0.get(id) else {
            let message = format!("there is no step `{id}`");
            let help = did_you_mean(id, self.steps.0.keys().map(String::as_str));
            let found = self.error(code::UNKNOWN_STEP, read, message, report);
            found.help = help;
            return None;
        };
        if self.scope.step.as_ref() == Some(id) {
            let message = format!("the step `{id}` reads its own result");
            self.error(code::LATER_STEP, read, message, report);
        } else if self.scope.blocks.starts_with(&place.blocks) {
            let line = report.source().position(place.span.start).line;
            let message = format!("the step `{id}` in line {line} has not ended at this place");
            let found = self.error(code::LATER_STEP, read, message, report);
            found.help("move it before the step that reads it");
        } else {
            let message = format!("the step `{id}` is private to the loop or branch around it");
            let found = self.error(code::HIDDEN_STEP, read, message, report);
            found.help("read the result of the `for_each`, `parallel` or `switch` step itself");
        }
        None
    }

    fn var(&self, read: &Reference, report: &mut Report) -> Option<(Known, usize)> {
        let Some(name) = read.path.first() else {
            return Some((Known::Any, 0));
        };
        if let Some(known) = self.scope.vars.get(name) {
            return Some((known.clone(), 1));
        }
        let message = format!("no `set` step before this place sets `{name}`");
        let help = did_you_mean(name, self.scope.vars.keys().map(String::as_str));
        self.error(code::UNKNOWN_VAR, read, message, report).help = help;
        None
    }

    fn walk(&self, from: Known, read: &Reference, skip: usize, report: &mut Report) -> Known {
        let mut known = from;
        for (index, segment) in read.path.iter().enumerate().skip(skip) {
            let (severity, code, names) = match known.step_into(segment) {
                Leads::Value(next) => {
                    known = next;
                    continue;
                }
                Leads::Excluded(names) => (Severity::Error, code::UNKNOWN_FIELD, names),
                Leads::Undeclared(names) => (Severity::Warning, code::UNDECLARED_FIELD, names),
            };
            let owner = written(read.variable.as_deref(), &read.path[..index]);
            let verb = if severity == Severity::Error {
                "has"
            } else {
                "declares"
            };
            let message = format!("`{owner}` {verb} no field `{segment}`");
            let span = self.segment_span(read, index);
            let found = report.add(severity, code, self.file, span, message);
            found.help = did_you_mean(segment, names.iter().map(String::as_str));
            return Known::Any;
        }
        known
    }

    fn error<'r>(
        &self,
        code: Code,
        read: &Reference,
        message: String,
        report: &'r mut Report,
    ) -> &'r mut crate::diagnostic::Diagnostic {
        report.add(Severity::Error, code, self.file, self.span(read), message)
    }

    /// Where the whole read stands.
    fn span(&self, read: &Reference) -> Span {
        let text = written(read.variable.as_deref(), &read.path);
        let length = if self.stands(read.offset, &text) {
            text.chars().count()
        } else {
            read.variable
                .as_ref()
                .map_or(1, |name| name.chars().count() + 1)
        };
        self.place(read.offset, length)
    }

    /// Where one name of the path stands.
    fn segment_span(&self, read: &Reference, index: usize) -> Span {
        let text = written(read.variable.as_deref(), &read.path[..=index]);
        if !self.stands(read.offset, &text) {
            return self.span(read);
        }
        let length = read.path[index].chars().count();
        self.place(read.offset + text.chars().count() - length, length)
    }

    fn stands(&self, offset: usize, text: &str) -> bool {
        let rest = self.source.get(offset..).unwrap_or_default();
        text.chars()
            .enumerate()
            .all(|(index, c)| rest.get(index) == Some(&c))
    }

    fn place(&self, offset: usize, length: usize) -> Span {
        let start = self.offsets.get(offset).or(self.offsets.last());
        let start = start.copied().unwrap_or_default();
        Span {
            start,
            end: start + length,
        }
    }
}

/// A read as it is usually written.
fn written(variable: Option<&str>, path: &[String]) -> String {
    let mut out = variable.map_or_else(String::new, |name| format!("${name}"));
    for segment in path {
        if segment != "[]" {
            out.push('.');
        }
        out.push_str(segment);
    }
    if out.is_empty() {
        out.push('.');
    }
    out
}
