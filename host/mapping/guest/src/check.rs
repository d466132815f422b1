//! Checking one expression: syntax, names, refused filters.

mod link;
mod parse;

use crate::plain::Plain;
use crate::prelude::{self, Prelude};
use crate::program::{Expression, FilterExpression, Members, Read};
use crate::reference::{self, Reference};
use crate::refused;
use jaq_core::compile::Undefined;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::Term;
use link::link;
use parse::{parse, placed, quote};
use std::collections::BTreeMap;

/// What the checker found in one expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In order of their place.
    pub findings: Vec<Finding>,
    /// In order of their place; empty if the source is not jq.
    pub references: Vec<Reference>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// Offset into the source, in characters.
    pub offset: u32,
    /// One sentence.
    pub message: String,
    /// What to write instead.
    pub suggestion: Option<String>,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// The source is not jq.
    Syntax,
    /// The source is too long.
    TooLong,
    /// The source is nested too deep.
    TooDeep,
    /// No filter has this name.
    UnknownFilter,
    /// The filter takes another number of arguments.
    WrongArity,
    /// No variable has this name.
    UnknownVariable,
    /// No `label` has this name.
    UnknownLabel,
    /// The filter is refused in flows.
    Refused,
}

/// A finding whose place is still a part of the source.
type Raw<'s> = (FindingKind, &'s str, String, Option<String>);

/// Checks a source. `variables` are the names in scope, or `None` for any.
pub(crate) fn report(prelude: &Prelude, source: &str, variables: Option<&[&str]>) -> Report {
    let mut references = Vec::new();
    let findings = match parse_and_check(prelude, source, variables) {
        Ok((term, findings)) => {
            references = reference::collect(source, &term);
            findings
                .into_iter()
                .map(|raw| placed(source, raw))
                .collect()
        }
        Err(findings) => findings,
    };
    let mut report = Report {
        findings,
        references,
    };
    report.findings.sort_by_key(|finding| finding.offset);
    report
}

/// Compiles a source that has no findings; else the message of the first one.
pub(crate) fn compile(prelude: &Prelude, source: &str) -> Result<Expression, String> {
    let (term, findings) = parse_and_check(prelude, source, None).map_err(|findings| {
        findings
            .into_iter()
            .next()
            .map_or_else(String::new, |f| f.message)
    })?;
    if let Some((.., message, _)) = findings.into_iter().next() {
        return Err(message);
    }
    if let Some(plain) = Plain::of(&term) {
        return Ok(Expression::Plain(plain));
    }
    let mut input = None;
    let mut variables: BTreeMap<String, Members> = BTreeMap::new();
    for read in reference::collect(source, &term) {
        match read.variable {
            None => merge(input.get_or_insert(Members::Only(Vec::new())), &read.path),
            Some(name) => {
                let members = variables.entry(name).or_insert(Members::Only(Vec::new()));
                merge(members, &read.path);
            }
        }
    }
    let names: Vec<String> = variables.keys().map(|name| format!("${name}")).collect();
    let filter = link(prelude, source, &term, &names)
        .map_err(|undefined| format!("`{}` is not defined", quote(undefined[0].0)))?;
    let mut literals = Vec::new();
    error_literals(&term, &mut literals);
    Ok(Expression::Filter(Box::new(FilterExpression {
        filter,
        variables: variables
            .into_iter()
            .map(|(name, members)| Read { name, members })
            .collect(),
        input,
        literals,
    })))
}

fn merge(members: &mut Members, path: &[String]) {
    match (path.first(), &mut *members) {
        (Some(field), Members::Only(fields)) if field != "[]" => {
            if !fields.contains(field) {
                fields.push(field.clone());
            }
        }
        _ => *members = Members::All,
    }
}

fn parse_and_check<'s>(
    prelude: &Prelude,
    source: &'s str,
    variables: Option<&[&str]>,
) -> Result<(Term<&'s str>, Vec<Raw<'s>>), Vec<Finding>> {
    let term = parse(source)?;
    let mut findings = Vec::new();
    refusals(&term, &mut findings);
    let names: Vec<String> = match variables {
        Some(names) => names.iter().map(|name| format!("${name}")).collect(),
        None => reference::collect(source, &term)
            .into_iter()
            .filter_map(|read| read.variable.map(|name| format!("${name}")))
            .collect(),
    };
    if let Err(undefined) = link(prelude, source, &term, &names) {
        for (name, what) in undefined {
            let known = findings
                .iter()
                .any(|(_, at, ..): &Raw<'_>| at.as_ptr() == name.as_ptr());
            if !known {
                findings.push(undefined_finding(prelude, name, &what, &names));
            }
        }
    }
    Ok((term, findings))
}

fn refusals<'s>(term: &Term<&'s str>, out: &mut Vec<Raw<'s>>) {
    let mut push = |at, message: &str, suggestion: Option<&str>| {
        let suggestion = suggestion.map(str::to_owned);
        out.push((FindingKind::Refused, at, message.to_owned(), suggestion));
    };
    match term {
        Term::Def(definitions, _) => {
            for definition in definitions {
                push(definition.name, refused::DEFINITION, None);
            }
            // What is inside of a refused definition is not looked at.
            return;
        }
        Term::Call(name, _) => {
            if let Some((message, suggestion)) = refused::filter(name) {
                push(name, message, suggestion);
            }
        }
        Term::Var(name) => {
            if let Some((message, suggestion)) = refused::variable(name) {
                push(name, message, suggestion);
            }
        }
        _ => {}
    }
    prelude::children(term, &mut |child| refusals(child, out));
}

fn undefined_finding<'s>(
    prelude: &Prelude,
    name: &'s str,
    what: &Undefined,
    variables: &[String],
) -> Raw<'s> {
    let (kind, message, suggestion) = match what {
        Undefined::Var => {
            let known = variables.iter().map(String::as_str);
            let message = format!("the variable `{name}` is not in scope here");
            (FindingKind::UnknownVariable, message, nearest(name, known))
        }
        Undefined::Label => {
            let message = format!("there is no `label {name}` around this `break`");
            (FindingKind::UnknownLabel, message, None)
        }
        Undefined::Filter(arity) => {
            let arities = prelude.arities(name);
            if arities.is_empty() {
                let known = prelude.signatures().map(|(known, _)| known.as_str());
                let message = format!("there is no filter `{name}`");
                (FindingKind::UnknownFilter, message, nearest(name, known))
            } else {
                let list: Vec<String> = arities.iter().map(usize::to_string).collect();
                let message = format!(
                    "`{name}` takes {} arguments, not {arity}",
                    list.join(" or ")
                );
                (FindingKind::WrongArity, message, None)
            }
        }
        _ => {
            let message = format!("there is no module `{name}`");
            (FindingKind::UnknownFilter, message, None)
        }
    };
    (kind, name, message, suggestion)
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let limit = name.chars().count().div_ceil(3).max(1);
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Collects the texts of `error("…")`.
fn error_literals(term: &Term<&str>, out: &mut Vec<String>) {
    if let Term::Call("error", args) = term
        && let [Term::Str(None, parts)] = args.as_slice()
    {
        let mut text = String::new();
        let literal = parts.iter().all(|part| match part {
            StrPart::Str(piece) => {
                text.push_str(piece);
                true
            }
            StrPart::Char(c) => {
                text.push(*c);
                true
            }
            StrPart::Term(_) => false,
        });
        if literal {
            out.push(text);
        }
    }
    prelude::children(term, &mut |child| error_literals(child, out));
}
