//! Error kinds: what comes of each status and of answers that are none.

use super::subject::Subject;
use super::{Findings, Outcomes};
use crate::bench::{Bench, Made};
use crate::upstream::{Back, Script};
use dowel_core::{ErrorKind as Kind, JsonText};
use dowel_wasm::{WireAnswer, WireFailure};

/// What the upstream says with an error.
const BODY: &str = r#"{"error":"conformance","message":"the kit says no"}"#;

/// Seconds that the upstream asks to wait, and the same as the contract has it.
const RETRY_AFTER: (&str, u64) = ("7", 7_000);

/// Statuses, and the kinds that they may become.
const STATUSES: &[(&str, u16, &[Kind])] = &[
    ("error-401", 401, &[Kind::Unauthenticated]),
    ("error-403", 403, &[Kind::Forbidden]),
    ("error-404", 404, &[Kind::NotFound]),
    ("error-409", 409, &[Kind::Conflict]),
    ("error-422", 422, &[Kind::InvalidInput, Kind::Rejected]),
    ("error-429", 429, &[Kind::RateLimited]),
    ("error-5xx", 500, &[Kind::Unavailable]),
    ("error-5xx", 502, &[Kind::Unavailable]),
    ("error-5xx", 503, &[Kind::Unavailable]),
];

/// Checks all of them for every operation.
pub(crate) async fn check(bench: &Bench, subjects: &[Subject<'_>], found: &mut Outcomes) {
    for subject in subjects {
        for (id, status, kinds) in STATUSES {
            let findings = found.entry(id).or_default();
            status_becomes(bench, subject, (*status, kinds), findings).await;
        }
        let findings = found.entry("error-timeout").or_default();
        silence(bench, subject, findings).await;
        let findings = found.entry("error-torn").or_default();
        torn(bench, subject, findings).await;
        let findings = found.entry("error-not-json").or_default();
        not_json(bench, subject, findings).await;
    }
}

async fn status_becomes(
    bench: &Bench,
    subject: &Subject<'_>,
    (status, kinds): (u16, &[Kind]),
    findings: &mut Findings,
) {
    if subject.declared(status).is_some() {
        // The case says what it means here, and is a check of its own.
        findings.pass();
        return;
    }
    let mut back = Back::answer(status, "application/json", BODY);
    if status == 429 {
        back = back.with("retry-after", RETRY_AFTER.0);
    }
    let Some(made) = attempt(bench, subject, Script::Always(back), findings).await else {
        return;
    };
    let name = subject.name();
    match made.outcome.result {
        Ok(_) => findings.fail(format!("`{name}`: {status} was taken for success")),
        Err(error) if !kinds.contains(&error.kind) => {
            let expected: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            let expected = expected.join(" or ");
            findings.fail(format!("`{name}`: {status} is {error}, not {expected}"));
        }
        Err(error) if status == 429 && error.retry_after_ms != Some(RETRY_AFTER.1) => {
            let wait = RETRY_AFTER.0;
            findings.fail(format!("`{name}`: `Retry-After: {wait}` is not handed on"));
        }
        Err(_) => findings.pass(),
    }
}

/// Calls the operation; `None` where that says nothing.
async fn attempt(
    bench: &Bench,
    subject: &Subject<'_>,
    script: Script,
    findings: &mut Findings,
) -> Option<Made> {
    let Some(input) = subject.input() else {
        let name = subject.name();
        findings.lack(format!("`{name}` has neither a case nor an example input"));
        return None;
    };
    let made = bench.call(subject.call(input, script)).await;
    // An operation that asks nobody has no errors of others.
    (!made.seen.requests.is_empty()).then_some(made)
}

async fn silence(bench: &Bench, subject: &Subject<'_>, findings: &mut Findings) {
    let script = Script::Always(Back::Fail(WireFailure::NoAnswer));
    let Some(made) = attempt(bench, subject, script, findings).await else {
        return;
    };
    expect_error(&made, subject, "no answer", findings);
}

async fn torn(bench: &Bench, subject: &Subject<'_>, findings: &mut Findings) {
    let Some(good) = good_body(subject, findings) else {
        return;
    };
    let answer = WireAnswer {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: good[..good.len() / 2].to_vec(),
        torn: true,
    };
    let script = Script::Always(Back::Answer(answer));
    if let Some(made) = attempt(bench, subject, script, findings).await {
        expect_error(&made, subject, "half an answer", findings);
    }
}

async fn not_json(bench: &Bench, subject: &Subject<'_>, findings: &mut Findings) {
    let Some(good) = good_body(subject, findings) else {
        return;
    };
    let is_json = std::str::from_utf8(&good).is_ok_and(|text| JsonText::parse(text).is_ok());
    if !is_json {
        return;
    }
    let page = "<!doctype html><title>Down for maintenance</title>";
    let script = Script::Always(Back::answer(200, "text/html", page));
    if let Some(made) = attempt(bench, subject, script, findings).await {
        expect_error(&made, subject, "a page of HTML", findings);
    }
}

/// The body of the last answer of the case of success, where it has one.
fn good_body(subject: &Subject<'_>, findings: &mut Findings) -> Option<Vec<u8>> {
    let Some(golden) = subject.golden() else {
        findings.lack(subject.no_case());
        return None;
    };
    let answer = golden.exchanges.last()?.answer.as_ref()?;
    Some(answer.bytes()).filter(|body| !body.is_empty())
}

fn expect_error(made: &Made, subject: &Subject<'_>, what: &str, findings: &mut Findings) {
    match &made.outcome.result {
        Ok(_) => findings.fail(format!(
            "`{}`: {what} was taken for success",
            subject.name()
        )),
        Err(error) if crashed(&error.code) => {
            findings.fail(format!(
                "`{}`: {what} made it crash: {error}",
                subject.name()
            ));
        }
        Err(_) => findings.pass(),
    }
}

/// Whether the host stopped the guest, instead of the guest returning.
pub(crate) fn crashed(code: &str) -> bool {
    use dowel_core::code::run as code;
    let stops = [code::CALL_TRAPPED, code::CALL_MEMORY, code::CALL_DEADLINE];
    stops.iter().any(|stop| stop.to_string() == code)
}
