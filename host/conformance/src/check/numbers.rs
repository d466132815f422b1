//! Digits: what passes through a connector passes unchanged. The kit finds the numbers
//! of a case that pass through, in either direction, and puts others in their place.

use super::Findings;
use super::subject::Subject;
use crate::bench::Bench;
use crate::case::Case;
use crate::json::{self, Leaf, Step};
use crate::upstream::{Back, Script};
use dowel_core::JsonText;
use std::collections::VecDeque;

/// What binary floating point cannot carry: a last zero, and more than 15 digits.
const HARD: [&str; 2] = ["1.10", "12345678901234567890"];

/// Numbers of one case and direction that are tried.
const MAX_TRIED: usize = 8;

/// Checks every operation with a case of success.
pub(crate) async fn check(bench: &Bench, subjects: &[Subject<'_>]) -> Findings {
    let mut findings = Findings::default();
    for subject in subjects {
        let Some(golden) = subject.golden() else {
            findings.lack(subject.no_case());
            continue;
        };
        answers(bench, subject, golden, &mut findings).await;
        inputs(bench, subject, golden, &mut findings).await;
    }
    findings
}

/// From the upstream's answer to the output.
async fn answers(bench: &Bench, subject: &Subject<'_>, golden: &Case, findings: &mut Findings) {
    let Some(output) = &golden.expect.output else {
        return;
    };
    let backs: VecDeque<Back> = golden.exchanges.iter().map(Back::of).collect();
    for (index, exchange) in golden.exchanges.iter().enumerate() {
        let body = exchange.answer.as_ref().map(|answer| answer.bytes());
        let Some(body) = body.as_deref().and_then(parse) else {
            continue;
        };
        for (leaf, places) in passing(&body, output) {
            for hard in HARD {
                let changed = json::with(&body, &leaf.path, &literal(hard));
                let mut backs = backs.clone();
                if let Some(Back::Answer(answer)) = backs.get_mut(index) {
                    answer.body = changed.as_str().as_bytes().to_vec();
                }
                let call = subject.call(&golden.input, Script::InOrder(backs));
                let made = bench.call(call).await;
                // Refusing is honest; changing is not.
                let Ok(output) = made.outcome.result else {
                    continue;
                };
                judge(subject, &[output], &places, (hard, "the answer"), findings);
            }
        }
    }
}

/// From the input to what is sent.
async fn inputs(bench: &Bench, subject: &Subject<'_>, golden: &Case, findings: &mut Findings) {
    let call = subject.call(&golden.input, Subject::backs(golden));
    let sent = bodies(&bench.call(call).await.seen.requests);
    for (index, body) in sent.iter().enumerate() {
        for (leaf, places) in passing(&golden.input, body) {
            for hard in HARD {
                let changed = json::with(&golden.input, &leaf.path, &literal(hard));
                let call = subject.call(&changed, Subject::backs(golden));
                let sent = bodies(&bench.call(call).await.seen.requests);
                let Some(body) = sent.get(index) else {
                    continue;
                };
                let body = std::slice::from_ref(body);
                judge(subject, body, &places, (hard, "the input"), findings);
            }
        }
    }
}

fn judge(
    subject: &Subject<'_>,
    found: &[JsonText],
    places: &[Vec<Step>],
    (hard, from): (&str, &str),
    findings: &mut Findings,
) {
    let arrived = found.iter().any(|json| {
        let values = places.iter().filter_map(|place| json::at(json, place));
        values.into_iter().any(|value| json::plain(&value) == hard)
    });
    if arrived {
        findings.pass();
    } else {
        let name = subject.name();
        findings.fail(format!(
            "`{name}`: {hard} of {from} does not arrive as {hard}"
        ));
    }
}

/// Numbers of `from` that stand in `to` as well, with their places there.
fn passing(from: &JsonText, to: &JsonText) -> Vec<(Leaf, Vec<Vec<Step>>)> {
    let targets = json::leaves(to);
    let numbers = json::leaves(from).into_iter();
    let numbers = numbers.filter(|leaf| leaf.value.type_name() == "number");
    numbers
        .filter_map(|leaf| {
            let text = json::plain(&leaf.value);
            let same = targets.iter().filter(|to| json::plain(&to.value) == text);
            let places: Vec<Vec<Step>> = same.map(|to| to.path.clone()).collect();
            (!places.is_empty()).then_some((leaf, places))
        })
        .take(MAX_TRIED)
        .collect()
}

fn bodies(requests: &[dowel_wasm::WireRequest]) -> Vec<JsonText> {
    requests.iter().filter_map(|r| parse(&r.body)).collect()
}

fn parse(bytes: &[u8]) -> Option<JsonText> {
    JsonText::parse(std::str::from_utf8(bytes).ok()?).ok()
}

fn literal(text: &str) -> JsonText {
    JsonText::parse(text).unwrap_or_else(|_| JsonText::null())
}
