//! Calls and bindings: what runs on which input.

use super::{Origin, Use, Walk, literal, stepped};
use jaq_core::load::parse::{Pattern, Term};

/// Filters that do not read their input unless their arguments do.
const INPUT_FREE: &[&str] = &[
    "null",
    "true",
    "false",
    "empty",
    "nan",
    "infinite",
    "error",
    "range",
    "limit",
    "skip",
    "first",
    "last",
    "nth",
    "isempty",
    "IN",
    "INDEX",
    "any",
    "all",
    "add",
    "half_even",
    "half_up",
    "up",
    "down",
    "dadd",
    "dsub",
    "dmul",
    "ddiv",
    "dround",
    "dneg",
    "dabs",
    "dgt",
    "dge",
    "dlt",
    "dle",
    "deq",
    "dmin",
    "dmax",
    "dsum",
    "dsplit",
    "dnum",
    "date_parse",
    "date_add",
];

/// Filters whose argument runs on every element of the input.
const ELEMENTWISE: &[&str] = &[
    "map",
    "map_values",
    "sort_by",
    "group_by",
    "unique_by",
    "min_by",
    "max_by",
    "any",
    "all",
];

/// Filters whose arguments run on something that the syntax does not show.
const OPAQUE: &[&str] = &[
    "recurse",
    "walk",
    "with_entries",
    "until",
    "while",
    "repeat",
    "sub",
    "gsub",
    "paths",
    "combinations",
];

impl Walk<'_> {
    pub(super) fn fold(
        &mut self,
        stream: &Term<&str>,
        pattern: &Pattern<&str>,
        args: &[Term<&str>],
        input: Option<&Origin>,
        used: Use,
    ) {
        let bound = self.term(stream, input, used);
        if let Some(start) = args.first() {
            self.term(start, input, used);
        }
        let before = self.locals.len();
        self.bind(pattern, bound.as_ref(), input);
        for arg in args.iter().skip(1) {
            self.term(arg, None, used);
        }
        self.locals.truncate(before);
    }

    pub(super) fn bind(
        &mut self,
        pattern: &Pattern<&str>,
        bound: Option<&Origin>,
        input: Option<&Origin>,
    ) {
        match pattern {
            Pattern::Var(name) => self.locals.push(((*name).to_owned(), bound.cloned())),
            Pattern::Arr(items) => {
                let item = bound.map(|origin| stepped(origin, "[]"));
                for inner in items {
                    self.bind(inner, item.as_ref(), input);
                }
            }
            Pattern::Obj(entries) => {
                for (key, inner) in entries {
                    let member = literal(key).and_then(|field| {
                        self.at(field);
                        bound.map(|origin| stepped(origin, field))
                    });
                    if literal(key).is_none() {
                        self.term(key, input, Use::default());
                    }
                    self.bind(inner, member.as_ref(), input);
                }
            }
        }
    }

    pub(super) fn call(
        &mut self,
        name: &str,
        args: &[Term<&str>],
        input: Option<&Origin>,
        used: Use,
    ) -> Option<Origin> {
        self.at(name);
        let with_args = !args.is_empty();
        let element = input.map(|origin| stepped(origin, "[]"));
        if name == "select" && with_args {
            for arg in args {
                self.term(arg, input, used.inner());
            }
            // The input itself is passed on.
            self.at(name);
            self.implicit(input, used);
            return input.cloned();
        }
        // `first(f)` and the like read through their argument, `first` reads `.`.
        let free = INPUT_FREE.contains(&name)
            && (with_args || !matches!(name, "error" | "first" | "last" | "any" | "all" | "add"))
            && !(args.len() == 1 && matches!(name, "nth" | "any" | "all" | "IN" | "INDEX"));
        if !free {
            self.implicit(input, used);
        }
        for arg in args {
            let runs_on = if OPAQUE.contains(&name) {
                None
            } else if ELEMENTWISE.contains(&name) && args.len() == 1 {
                element.as_ref()
            } else if matches!(name, "any" | "all" | "INDEX") {
                // `any(stream; condition)`: only the stream runs on the input.
                // `INDEX(f)` reads the whole input anyway.
                std::ptr::eq(arg, &raw const args[0])
                    .then_some(input)
                    .flatten()
            } else {
                input
            };
            self.term(arg, runs_on, used.inner());
        }
        None
    }
}
