//! Which variables and fields an expression reads, found by following its syntax tree.

mod calls;

use crate::source;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::load::span;
use jaq_core::path::{Opt, Part};

/// A read of a variable or of the expression's own input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Name without `$`; `None` for the expression's own input.
    pub variable: Option<String>,
    /// Literal field names that follow; a step into an array is `[]`.
    pub path: Vec<String>,
    /// Whether the value has a fallback: `//`, `?`, `try`, or any part of an `if`.
    pub optional: bool,
    /// Whether the value is an operand of plain arithmetic.
    pub arithmetic: bool,
    /// Offset into the source, in characters.
    pub offset: u32,
}

/// Where a value comes from, as far as the syntax tells.
#[derive(Clone, Debug)]
struct Origin {
    variable: Option<String>,
    path: Vec<String>,
}

/// How a value is used.
#[derive(Clone, Copy, Default)]
struct Use {
    optional: bool,
    arithmetic: bool,
}

impl Use {
    fn optional(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }

    /// The use of something that is not an operand itself.
    fn inner(self) -> Self {
        Self {
            arithmetic: false,
            ..self
        }
    }

    fn operand(self) -> Self {
        Self {
            arithmetic: true,
            ..self
        }
    }
}

/// All reads of a term.
pub(crate) fn collect(source: &str, term: &Term<&str>) -> Vec<Reference> {
    let mut walk = Walk {
        source,
        found: Vec::new(),
        locals: Vec::new(),
        last: 0,
    };
    let own = Origin {
        variable: None,
        path: Vec::new(),
    };
    walk.term(term, Some(&own), Use::default());
    walk.found
}

struct Walk<'a> {
    source: &'a str,
    found: Vec<Reference>,
    /// Variables that the expression binds itself.
    locals: Vec<(String, Option<Origin>)>,
    /// Byte offset of the last text that had one: `.` has none of its own.
    last: usize,
}

impl Walk<'_> {
    fn emit(&mut self, origin: &Origin, used: Use) {
        let offset = source::characters(self.source, self.last);
        self.found.push(Reference {
            variable: origin.variable.clone(),
            path: origin.path.clone(),
            optional: used.optional,
            arithmetic: used.arithmetic,
            offset,
        });
    }

    /// The whole input is used, without being named.
    fn implicit(&mut self, input: Option<&Origin>, used: Use) {
        if let Some(origin) = input {
            self.emit(origin, used);
        }
    }

    /// Notes the reads of a term and says where its values come from.
    fn term(&mut self, term: &Term<&str>, input: Option<&Origin>, used: Use) -> Option<Origin> {
        match term {
            Term::Id | Term::Recurse => {
                self.implicit(input, used);
                matches!(term, Term::Id).then(|| input.cloned()).flatten()
            }
            Term::Var(_) | Term::Path(..) => self.path(term, input, used),
            Term::Str(_, parts) => {
                for part in parts {
                    match part {
                        StrPart::Term(inner) => {
                            self.term(inner, input, used.inner());
                        }
                        StrPart::Str(text) => self.at(text),
                        StrPart::Char(_) => {}
                    }
                }
                None
            }
            Term::Obj(entries) => {
                for (key, value) in entries {
                    self.entry(key, value.as_ref(), input, used.inner());
                }
                None
            }
            Term::Neg(inner) => {
                self.term(inner, input, used.operand());
                None
            }
            Term::BinOp(left, op, right) => self.operation(left, op, right, input, used),
            Term::Label(_, inner) => self.term(inner, input, used),
            Term::Fold(_, stream, pattern, args) => {
                self.fold(stream, pattern, args, input, used.inner());
                None
            }
            Term::TryCatch(body, catch) => {
                let origin = self.term(body, input, used.optional());
                if let Some(catch) = catch {
                    self.term(catch, None, used.inner());
                    return None;
                }
                origin
            }
            Term::IfThenElse(branches, otherwise) => {
                self.branches(branches, otherwise.as_deref(), input, used.optional());
                None
            }
            Term::Call(name, args) => self.call(name, args, input, used),
            Term::Num(text) => {
                self.at(text);
                None
            }
            Term::Arr(inner) => {
                if let Some(inner) = inner {
                    self.term(inner, input, used.inner());
                }
                None
            }
            // Refused, and reported as such.
            Term::Def(..) | Term::Break(_) => None,
        }
    }

    fn branches(
        &mut self,
        branches: &[(Term<&str>, Term<&str>)],
        otherwise: Option<&Term<&str>>,
        input: Option<&Origin>,
        used: Use,
    ) {
        for (condition, then) in branches {
            self.term(condition, input, used.inner());
            self.term(then, input, used);
        }
        match otherwise {
            Some(otherwise) => {
                self.term(otherwise, input, used);
            }
            None => self.implicit(input, used),
        }
    }

    fn at(&mut self, text: &str) {
        self.last = span(self.source, text).start;
    }

    fn entry(
        &mut self,
        key: &Term<&str>,
        value: Option<&Term<&str>>,
        input: Option<&Origin>,
        used: Use,
    ) {
        match (key, value) {
            (Term::Var(_), None) => {
                self.term(key, input, used);
            }
            // `{a}` is short for `{a: .a}`.
            (key, None) => {
                if let (Some(field), Some(origin)) = (literal(key), input) {
                    self.at(field);
                    let mut origin = origin.clone();
                    origin.path.push(field.to_owned());
                    self.emit(&origin, used);
                } else {
                    self.term(key, input, used);
                    self.implicit(input, used);
                }
            }
            (key, Some(value)) => {
                self.term(key, input, used);
                self.term(value, input, used);
            }
        }
    }

    fn path(&mut self, term: &Term<&str>, input: Option<&Origin>, used: Use) -> Option<Origin> {
        let (head, parts) = match term {
            Term::Path(head, path) => (&**head, path.0.as_slice()),
            head => (head, &[][..]),
        };
        let optional = parts.iter().any(|(_, opt)| matches!(opt, Opt::Optional));
        let used = if optional { used.optional() } else { used };
        let mut origin = match head {
            Term::Id => {
                if let Some((Part::Index(index), _)) = parts.first()
                    && let Some(field) = literal(index)
                {
                    self.at(field);
                    // The dot before the name.
                    self.last = self.last.saturating_sub(1);
                }
                input.cloned()
            }
            Term::Var(name) => {
                self.at(name);
                self.variable(name)
            }
            other => self.term(other, input, used.inner()),
        };
        let offset = self.last;
        let mut literal_so_far = true;
        for (part, _) in parts {
            let step = match part {
                Part::Index(index) => match (literal(index), index) {
                    (Some(field), _) => Some(field.to_owned()),
                    (None, Term::Num(_)) => Some("[]".to_owned()),
                    (None, index) => {
                        self.term(index, input, used.inner());
                        None
                    }
                },
                Part::Range(None, None) => Some("[]".to_owned()),
                Part::Range(from, to) => {
                    for bound in from.iter().chain(to) {
                        self.term(bound, input, used.inner());
                    }
                    None
                }
            };
            literal_so_far &= step.is_some();
            if let (true, Some(origin), Some(step)) = (literal_so_far, &mut origin, step) {
                origin.path.push(step);
            }
        }
        self.last = offset;
        let origin = origin?;
        // What another term yields was noted there; only what follows it is new.
        if matches!(head, Term::Id | Term::Var(_)) || !parts.is_empty() {
            self.emit(&origin, used);
        }
        literal_so_far.then_some(origin)
    }

    /// Where a variable's value comes from; `None` if the expression computed it.
    fn variable(&self, name: &str) -> Option<Origin> {
        if let Some((_, origin)) = self.locals.iter().rev().find(|(n, _)| n == name) {
            return origin.clone();
        }
        Some(Origin {
            variable: Some(name.strip_prefix('$').unwrap_or(name).to_owned()),
            path: Vec::new(),
        })
    }

    fn operation(
        &mut self,
        left: &Term<&str>,
        op: &BinaryOp<&str>,
        right: &Term<&str>,
        input: Option<&Origin>,
        used: Use,
    ) -> Option<Origin> {
        match op {
            BinaryOp::Pipe(None) => {
                let between = self.term(left, input, used.inner());
                self.term(right, between.as_ref(), used)
            }
            BinaryOp::Pipe(Some(pattern)) => {
                let bound = self.term(left, input, used.inner());
                let before = self.locals.len();
                self.bind(pattern, bound.as_ref(), input);
                let origin = self.term(right, input, used);
                self.locals.truncate(before);
                origin
            }
            BinaryOp::Alt => {
                self.term(left, input, used.optional());
                self.term(right, input, used);
                None
            }
            BinaryOp::Comma => {
                self.term(left, input, used);
                self.term(right, input, used);
                None
            }
            BinaryOp::Math(_) => {
                self.term(left, input, used.operand());
                self.term(right, input, used.operand());
                None
            }
            BinaryOp::Or | BinaryOp::And | BinaryOp::Cmp(_) => {
                self.term(left, input, used.inner());
                self.term(right, input, used.inner());
                None
            }
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                // An update yields its whole input.
                self.implicit(input, used.inner());
                let operand = matches!(op, BinaryOp::UpdateMath(_));
                let side = Use {
                    arithmetic: operand,
                    ..used
                };
                let target = self.term(left, input, side.optional());
                let inner = match op {
                    BinaryOp::Update => target.as_ref(),
                    _ => input,
                };
                self.term(right, inner, side);
                None
            }
        }
    }
}

fn stepped(origin: &Origin, step: &str) -> Origin {
    let mut origin = origin.clone();
    origin.path.push(step.to_owned());
    origin
}

/// The text of a string without escapes and interpolations.
fn literal<'s>(term: &Term<&'s str>) -> Option<&'s str> {
    match term {
        Term::Str(None, parts) => match parts.as_slice() {
            [StrPart::Str(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
