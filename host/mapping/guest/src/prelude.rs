//! The definitions and native filters that expressions may use.
//!
//! jq's own library is jq text. It is parsed once per instance; an expression is
//! compiled with only those definitions that it reaches, so that compiling a small
//! expression does not cost compiling two hundred definitions.

use crate::{date, decimal, refused};
use jaq_core::data::JustLut;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::native::Fun;
use jaq_core::path::Part;
use jaq_json::Val;
use std::collections::{BTreeSet, HashMap};

/// What filters run on.
pub(crate) type Data = JustLut<Val>;

/// A filter's name and number of arguments.
type Signature = (String, usize);

/// All definitions, in order.
pub(crate) struct Prelude {
    definitions: Vec<Def<&'static str>>,
    /// What each definition calls.
    calls: Vec<BTreeSet<Signature>>,
    by_signature: HashMap<Signature, Vec<usize>>,
    /// Names and arities of natives.
    natives: BTreeSet<Signature>,
}

/// What one expression needs of the prelude.
pub(crate) struct Selection {
    /// In the order of the prelude: later ones may call earlier ones.
    pub(crate) definitions: Vec<Def<&'static str>>,
    /// Every filter that is called, directly or not.
    pub(crate) called: BTreeSet<Signature>,
}

impl Prelude {
    /// Parses the library.
    pub(crate) fn new() -> Self {
        let own = jaq_core::load::parse(include_str!("defs.jq"), |p| p.defs()).unwrap_or_default();
        let definitions: Vec<_> = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs())
            .chain(own)
            .collect();
        let mut by_signature: HashMap<Signature, Vec<usize>> = HashMap::new();
        let mut calls = Vec::with_capacity(definitions.len());
        for (index, def) in definitions.iter().enumerate() {
            by_signature
                .entry((def.name.to_owned(), def.args.len()))
                .or_default()
                .push(index);
            let mut found = BTreeSet::new();
            collect_calls(&def.body, &mut found);
            calls.push(found);
        }
        let natives = natives()
            .map(|(name, args, _)| (name.to_owned(), args.len()))
            .collect();
        Self {
            definitions,
            calls,
            by_signature,
            natives,
        }
    }

    /// The part of the library that an expression reaches.
    pub(crate) fn select(&self, term: &Term<&str>) -> Selection {
        let mut called = BTreeSet::new();
        collect_calls(term, &mut called);
        let mut queue: Vec<Signature> = called.iter().cloned().collect();
        let mut indexes = BTreeSet::new();
        while let Some(signature) = queue.pop() {
            for &index in self.by_signature.get(&signature).into_iter().flatten() {
                if indexes.insert(index) {
                    for callee in &self.calls[index] {
                        if called.insert(callee.clone()) {
                            queue.push(callee.clone());
                        }
                    }
                }
            }
        }
        let definitions = indexes.into_iter().map(|i| self.definitions[i].clone());
        Selection {
            definitions: definitions.collect(),
            called,
        }
    }

    /// The numbers of arguments with which a filter exists.
    pub(crate) fn arities(&self, name: &str) -> BTreeSet<usize> {
        self.signatures()
            .filter(|(known, _)| known == name)
            .map(|(_, arity)| *arity)
            .collect()
    }

    /// All filters that a flow may use.
    pub(crate) fn signatures(&self) -> impl Iterator<Item = &Signature> {
        let all = self.by_signature.keys().chain(&self.natives);
        all.filter(|(name, _)| refused::filter(name).is_none())
    }
}

impl Selection {
    /// The native filters that are called.
    pub(crate) fn natives(&self) -> impl Iterator<Item = Fun<Data>> + '_ {
        natives().filter(|(name, args, _)| {
            self.called
                .iter()
                .any(|(called, arity)| called == name && *arity == args.len())
        })
    }
}

fn natives() -> impl Iterator<Item = Fun<Data>> {
    jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, ..)| !refused::UNLINKED.contains(name))
        .chain(decimal::natives())
        .chain(date::natives())
}

/// Every filter that a term calls. Local definitions are counted as calls as well,
/// which only means that something too much is compiled.
fn collect_calls(term: &Term<&str>, out: &mut BTreeSet<Signature>) {
    if let Term::Call(name, args) = term {
        out.insert(((*name).to_owned(), args.len()));
    }
    if let Term::Str(Some(format), _) = term {
        out.insert(((*format).to_owned(), 0));
    }
    children(term, &mut |child| collect_calls(child, out));
}

/// Calls `f` with every direct child of a term.
pub(crate) fn children<'t, 's>(term: &'t Term<&'s str>, f: &mut dyn FnMut(&'t Term<&'s str>)) {
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => {}
        Term::Str(_, parts) => {
            for part in parts {
                if let StrPart::Term(inner) = part {
                    f(inner);
                }
            }
        }
        Term::Arr(inner) => inner.iter().for_each(|t| f(t)),
        Term::Neg(inner) | Term::Label(_, inner) => f(inner),
        Term::Obj(entries) => {
            for (key, value) in entries {
                f(key);
                value.iter().for_each(&mut *f);
            }
        }
        Term::BinOp(left, op, right) => {
            f(left);
            if let BinaryOp::Pipe(Some(pattern)) = op {
                pattern_children(pattern, f);
            }
            f(right);
        }
        Term::Fold(_, stream, pattern, args) => {
            f(stream);
            pattern_children(pattern, f);
            args.iter().for_each(f);
        }
        Term::TryCatch(body, catch) => {
            f(body);
            catch.iter().for_each(|t| f(t));
        }
        Term::IfThenElse(branches, otherwise) => {
            for (condition, then) in branches {
                f(condition);
                f(then);
            }
            otherwise.iter().for_each(|t| f(t));
        }
        Term::Def(definitions, body) => {
            definitions.iter().for_each(|def| f(&def.body));
            f(body);
        }
        Term::Call(_, args) => args.iter().for_each(f),
        Term::Path(head, path) => {
            f(head);
            for (part, _) in &path.0 {
                match part {
                    Part::Index(index) => f(index),
                    Part::Range(from, to) => from.iter().chain(to).for_each(&mut *f),
                }
            }
        }
    }
}

fn pattern_children<'t, 's>(pattern: &'t Pattern<&'s str>, f: &mut dyn FnMut(&'t Term<&'s str>)) {
    match pattern {
        Pattern::Var(_) => {}
        Pattern::Arr(items) => items.iter().for_each(|p| pattern_children(p, f)),
        Pattern::Obj(entries) => {
            for (key, inner) in entries {
                f(key);
                pattern_children(inner, f);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_definitions_parse() {
        assert_eq!(Prelude::new().arities("dmin"), BTreeSet::from([2]));
    }

    #[test]
    fn only_what_is_reached_is_selected() {
        let prelude = Prelude::new();
        let term = jaq_core::load::parse("map(.a)", |p| p.term()).unwrap();
        let selection = prelude.select(&term);
        assert_eq!(selection.definitions.len(), 1);
        assert_eq!(selection.natives().count(), 0);
        assert!(prelude.arities("now").is_empty());
    }
}
