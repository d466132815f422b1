//! Recorded cases, and whether there are enough of them.

use super::Findings;
use crate::bench::{Bench, Call, Made};
use crate::case::{Case, CaseFolder};
use crate::json;
use crate::upstream::Script;

/// Plays every case.
pub(crate) async fn check(bench: &Bench, folder: &CaseFolder) -> Findings {
    let mut findings = Findings::default();
    if folder.cases.is_empty() {
        findings.lack("there are no cases: record some with `dowel connector record`");
    }
    for case in &folder.cases {
        let mut call = Call::new(
            &case.operation,
            &case.input,
            Script::Exactly(case.exchanges.clone()),
        );
        call.key = case.key.as_deref();
        let made = bench.call(call).await;
        let unused = bench.upstream.unused();
        findings.pass();
        for problem in problems(case, &made, &unused) {
            findings.fail(format!("{}: {problem}", case.name));
        }
    }
    findings
}

fn problems(case: &Case, made: &Made, unused: &[String]) -> Vec<String> {
    let mut found = made.seen.strange.clone();
    for request in unused {
        found.push(format!("{request} was not sent"));
    }
    match (
        &made.outcome.result,
        &case.expect.output,
        &case.expect.error,
    ) {
        (Ok(output), Some(expected), _) if !json::same(expected, output) => {
            found.push(format!(
                "the output is {output}, and {expected} is expected"
            ));
        }
        (Ok(output), None, _) => {
            found.push(format!("the output is {output}, and an error is expected"));
        }
        (Err(error), Some(_), _) => {
            found.push(format!("it failed, and an output is expected: {error}"));
        }
        (Err(error), None, Some(expected)) => {
            if error.kind != expected.kind {
                let kind = expected.kind;
                found.push(format!("the error is {error}, and {kind} is expected"));
            }
            let code = expected.code.as_ref().filter(|code| **code != error.code);
            if let Some(code) = code {
                found.push(format!(
                    "the error's code is `{}`, not `{code}`",
                    error.code
                ));
            }
            let wait = expected.retry_after_ms;
            if wait.is_some() && wait != error.retry_after_ms {
                found.push("the error does not have the wait that is expected".to_owned());
            }
        }
        _ => {}
    }
    found
}

/// Whether every operation has a case of success and one of an error.
pub(crate) fn coverage(bench: &Bench, folder: &CaseFolder) -> Findings {
    let mut findings = Findings::default();
    for operation in &bench.manifest.operations {
        let own = folder
            .cases
            .iter()
            .filter(|c| c.operation == operation.name);
        let (good, bad): (Vec<&Case>, Vec<&Case>) = own.partition(|case| case.succeeds());
        findings.pass();
        if good.is_empty() {
            findings.lack(format!("`{}` has no case of success", operation.name));
        }
        if bad.is_empty() {
            findings.lack(format!("`{}` has no case of an error", operation.name));
        }
    }
    let unknown = |case: &&Case| bench.manifest.operation(case.operation.as_str()).is_none();
    for case in folder.cases.iter().filter(unknown) {
        let (name, operation) = (&case.name, &case.operation);
        findings.fail(format!("{name}: there is no operation `{operation}`"));
    }
    findings
}
