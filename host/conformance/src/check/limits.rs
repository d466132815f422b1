//! Time and memory.

use super::Findings;
use super::subject::Subject;
use super::transport::crashed;
use crate::bench::Bench;
use crate::upstream::{Back, Script};
use std::time::Duration;

/// Requests of one call to an upstream that is down: redirects and the like, but not a
/// loop.
const MAX_REQUESTS: usize = 4;

/// Bytes that are added to an answer.
const PADDING_BYTES: usize = 4 << 20;

/// An upstream that is down must not keep the connector: waiting and trying again is the
/// flow's, which survives a restart meanwhile.
pub(crate) async fn deadline(bench: &Bench, subjects: &[Subject<'_>], limit: Duration) -> Findings {
    let mut findings = Findings::default();
    for subject in subjects {
        let name = subject.name();
        let Some(input) = subject.input() else {
            findings.lack(format!("`{name}` has neither a case nor an example input"));
            continue;
        };
        let down = Back::answer(503, "application/json", "{}").with("retry-after", "3600");
        let mut call = subject.call(input, Script::Always(down));
        call.deadline = limit;
        let made = bench.call(call).await;
        let sent = made.seen.requests.len();
        match made.outcome.result {
            Err(error) if crashed(&error.code) => findings.fail(format!(
                "`{name}` did not come back from an upstream that is down: {error}"
            )),
            _ if sent > MAX_REQUESTS => findings.fail(format!(
                "`{name}` asked an upstream that is down {sent} times: the flow tries again"
            )),
            _ => findings.pass(),
        }
    }
    findings
}

/// A long answer is dealt with, or refused by a typed error.
pub(crate) async fn memory(bench: &Bench, subjects: &[Subject<'_>]) -> Findings {
    let mut findings = Findings::default();
    for subject in subjects {
        let name = subject.name();
        let Some(golden) = subject.golden() else {
            findings.lack(subject.no_case());
            continue;
        };
        let mut padded = golden.exchanges.iter().map(Back::of).collect::<Vec<_>>();
        for back in &mut padded {
            if let Back::Answer(answer) = back
                && !answer.body.is_empty()
            {
                // White space around JSON means nothing (RFC 8259, section 2).
                answer.body.resize(answer.body.len() + PADDING_BYTES, b' ');
            }
        }
        let script = Script::InOrder(padded.into());
        let made = bench.call(subject.call(&golden.input, script)).await;
        match made.outcome.result {
            Err(error) if crashed(&error.code) => findings.fail(format!(
                "`{name}` does not cope with an answer of 4 MiB: {error}"
            )),
            _ => findings.pass(),
        }
    }
    findings
}
