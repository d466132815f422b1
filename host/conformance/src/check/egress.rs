//! Whether any call of the whole test tried to leave by a way that the manifest does not
//! name, or to do what is the host's.

use super::Findings;
use super::subject::Subject;
use crate::bench::Bench;
use dowel_core::code::run as code;

/// What the gateway says to a request that should not have been tried.
const TRIED: [dowel_core::code::Code; 4] = [
    code::EGRESS_NOT_NEEDED,
    code::EGRESS_NOT_GRANTED,
    code::EGRESS_FORBIDDEN_HEADER,
    code::EGRESS_URL,
];

/// Looks at every refusal so far.
pub(crate) fn check(bench: &Bench, subjects: &[Subject<'_>]) -> Findings {
    let mut findings = Findings::default();
    if subjects.iter().any(|subject| subject.input().is_some()) {
        findings.pass();
    }
    let mut said = Vec::new();
    for (operation, refused) in bench.refused.lock().iter() {
        let text = format!("`{operation}`: {}", refused.message);
        if TRIED.contains(&refused.code) && !said.contains(&text) {
            said.push(text);
        }
    }
    for text in said {
        findings.fail(text);
    }
    findings
}
