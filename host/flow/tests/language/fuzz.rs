//! Whatever the file holds, the answer is a plan or findings.

use crate::support::{Connectors, cases, folder};
use dowel_core::Digest;
use dowel_core::expression::ExpressionReport;
use dowel_core::port::{CheckExpressions, CheckRequest};
use dowel_flow::outline::Outlines;
use dowel_flow::policy::Policy;
use dowel_flow::source::Context;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Finds nothing: the sandbox has tests of its own.
struct Silent;

impl CheckExpressions for Silent {
    fn check(&self, requests: &[CheckRequest<'_>]) -> Vec<ExpressionReport> {
        vec![ExpressionReport::default(); requests.len()]
    }

    fn guest(&self) -> Digest {
        Digest::of("silent")
    }
}

fn survives(text: &str) {
    let context = Context {
        catalogue: &Connectors::new(),
        checker: &Silent,
        calendars: &BTreeMap::new(),
        policy: &Policy::default(),
        flows: &Outlines::of(&[]),
        commit: None,
    };
    match dowel_flow::compile(&folder(text), context) {
        Ok(compiled) => assert!(compiled.plan.digest().is_ok()),
        Err(found) => {
            assert!(!found.is_empty());
            for one in found {
                assert!(one.render().contains(&one.code.to_string()));
            }
        }
    }
    if let Err(found) = dowel_flow::calendar::parse("calendars/c.yaml", text) {
        assert!(!found.is_empty());
    }
    if let Err(found) = dowel_flow::environment::parse("e.yaml", text) {
        assert!(!found.is_empty());
    }
}

/// Pieces that are likely to confuse a reader of YAML or of expressions.
const PIECES: [&str; 24] = [
    "${",
    "}",
    "'",
    "\"",
    ": ",
    "\n",
    "  ",
    "- ",
    "{",
    "[",
    "|",
    ">",
    "&a ",
    "*a",
    "<<",
    "#",
    "\\(",
    "!!str ",
    "---\n",
    "\t",
    "no",
    "0x1F",
    "\u{1F600}",
    "\r\n",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        survives(&text);
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40)) {
        survives(&pieces.concat());
    }

    #[test]
    fn mutated_flows(
        seed in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..20usize, prop::sample::select(&PIECES[..])), 1..6),
    ) {
        let all: Vec<String> = cases("good").into_iter().chain(cases("environment")).map(|(_, text)| text).collect();
        let mut chars: Vec<char> = seed.get(&all).chars().collect();
        for (place, remove, insert) in edits {
            let start = place.index(chars.len() + 1);
            let end = (start + remove).min(chars.len());
            chars.splice(start..end, insert.chars());
        }
        survives(&chars.into_iter().collect::<String>());
    }
}
