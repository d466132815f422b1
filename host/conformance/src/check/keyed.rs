//! Keyed operations: the key is sent, and the same key means the same request.

use super::subject::Subject;
use super::{Findings, Outcomes};
use crate::bench::{Bench, Instance, KEY, Made};
use dowel_core::connection::DEFAULT_IDEMPOTENCY_HEADER;
use dowel_core::manifest::Idempotency;
use dowel_wasm::WireRequest;

/// Methods that only read (RFC 9110, section 9.2.1).
const SAFE: [&str; 4] = ["GET", "HEAD", "OPTIONS", "TRACE"];

/// Checks `key-sent` and `key-twice`.
pub(crate) async fn check(bench: &Bench, subjects: &[Subject<'_>], found: &mut Outcomes) {
    let (mut sent, mut twice) = (Findings::default(), Findings::default());
    let is_keyed = |s: &&Subject<'_>| s.operation.idempotency == Idempotency::Keyed;
    for subject in subjects.iter().filter(is_keyed) {
        let Some(golden) = subject.golden() else {
            sent.lack(subject.no_case());
            twice.lack(subject.no_case());
            continue;
        };
        let call = |instance| {
            let mut call = subject.call(&golden.input, Subject::backs(golden));
            call.instance = instance;
            bench.call(call)
        };
        let first = call(Instance::Warm).await;
        key_sent(subject, &first, &mut sent);
        for instance in [Instance::Warm, Instance::Fresh] {
            let again = call(instance).await;
            same_twice(subject, &first, &again, &mut twice);
        }
    }
    found.insert("key-sent", sent);
    found.insert("key-twice", twice);
}

fn key_sent(subject: &Subject<'_>, made: &Made, findings: &mut Findings) {
    let name = subject.name();
    let header = DEFAULT_IDEMPOTENCY_HEADER.to_ascii_lowercase();
    let requests = &made.seen.requests;
    let writes = requests
        .iter()
        .filter(|r| !SAFE.contains(&r.method.as_str()));
    let (mut with, mut without) = (0, 0);
    for request in writes {
        if request.header(&header) == Some(KEY) {
            with += 1;
        } else {
            without += 1;
        }
    }
    match (with, without) {
        (0, 0) => {
            let methods: Vec<&str> = requests.iter().map(|r| r.method.as_str()).collect();
            let methods = methods.join(", ");
            findings.fail(format!(
                "`{name}` is keyed and sends no write that could carry the key, only {methods}"
            ));
        }
        (_, 0) => findings.pass(),
        _ => findings.fail(format!("`{name}`: a write went out without the key")),
    }
}

fn same_twice(subject: &Subject<'_>, first: &Made, again: &Made, findings: &mut Findings) {
    let name = subject.name();
    let essence = |made: &Made| -> Vec<(String, String, Vec<u8>)> {
        let part = |r: &WireRequest| (r.method.clone(), r.url.clone(), r.body.clone());
        made.seen.requests.iter().map(part).collect()
    };
    if essence(first) != essence(again) {
        findings.fail(format!(
            "`{name}`: the same input and key made another request, which the upstream has to refuse"
        ));
        return;
    }
    match (&first.outcome.result, &again.outcome.result) {
        (Ok(one), Ok(other)) if one == other => findings.pass(),
        (Ok(_), Ok(_)) => findings.fail(format!("`{name}`: the same answer gave another output")),
        (_, Err(error)) => findings.fail(format!("`{name}` failed the second time: {error}")),
        (Err(error), _) => findings.fail(format!("`{name}` failed: {error}")),
    }
}
