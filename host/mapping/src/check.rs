//! The port `CheckExpressions`.

use crate::bindings::dowel::mapping::types as wit;
use crate::instance::{Instance, Stopped};
use crate::{Inner, Mapping};
use dowel_core::Digest;
use dowel_core::code::{Code, expression as codes};
use dowel_core::expression::{ExpressionFinding, ExpressionReport, Reference};
use dowel_core::port::{CheckExpressions, CheckRequest};
use parking_lot::Mutex;
use std::time::Duration;

/// Longest time for checking the expressions of one call. Checking takes well under a
/// millisecond each.
const DEADLINE: Duration = Duration::from_secs(10);

/// One warm instance for checks, apart from those for evaluations: a check may be
/// called on a thread that evaluations are waiting for.
#[derive(Default)]
pub(crate) struct Checker {
    warm: Mutex<Option<Instance>>,
}

impl CheckExpressions for Mapping {
    fn check(&self, requests: &[CheckRequest<'_>]) -> Vec<ExpressionReport> {
        if requests.is_empty() {
            return Vec::new();
        }
        // A thread of its own: the caller may be inside an async runtime, which cannot
        // be blocked from within.
        let checked = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("dowel-mapping-check".to_owned());
            let spawned = thread.spawn_scoped(scope, || self.inner.check_all(requests));
            spawned.ok().and_then(|handle| handle.join().ok())
        });
        checked.unwrap_or_else(|| vec![unchecked(); requests.len()])
    }

    fn guest(&self) -> Digest {
        self.inner.digest
    }
}

impl Inner {
    fn check_all(&self, requests: &[CheckRequest<'_>]) -> Vec<ExpressionReport> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let Ok(runtime) = runtime else {
            return vec![unchecked(); requests.len()];
        };
        runtime.block_on(async {
            match self.check_batch(requests).await {
                Ok(reports) => reports,
                Err(stopped) if requests.len() == 1 => vec![broken(stopped)],
                // One of them broke the checker: ask again one by one.
                Err(_) => {
                    let mut reports = Vec::with_capacity(requests.len());
                    for request in requests {
                        let one = self.check_batch(std::slice::from_ref(request)).await;
                        let report =
                            one.map_or_else(broken, |mut one| one.pop().unwrap_or_default());
                        reports.push(report);
                    }
                    reports
                }
            }
        })
    }

    async fn check_batch(
        &self,
        requests: &[CheckRequest<'_>],
    ) -> Result<Vec<ExpressionReport>, Stopped> {
        let _running = self.ticker.running();
        let warm = self.checker.warm.lock().take();
        let mut instance = match warm {
            Some(instance) => instance,
            None => self
                .sandbox
                .instance(self.digest, DEADLINE)
                .await
                .map_err(|cause| {
                    tracing::error!(error = ?cause, "no instance of the mapping guest");
                    Stopped::Trap
                })?,
        };
        let sent: Vec<wit::CheckRequest> = requests.iter().map(request).collect();
        instance.begin(DEADLINE);
        let engine = instance.guest.dowel_mapping_engine();
        let reports = engine.call_check(&mut instance.store, &sent).await;
        match reports {
            Ok(reports) if reports.len() == requests.len() => {
                if instance.reusable() {
                    *self.checker.warm.lock() = Some(instance);
                }
                Ok(reports.into_iter().map(report).collect())
            }
            _ => Err(instance.stopped()),
        }
    }
}

fn request(request: &CheckRequest<'_>) -> wit::CheckRequest {
    wit::CheckRequest {
        source: request.source.to_owned(),
        variables: request.variables.iter().map(|v| (*v).to_owned()).collect(),
    }
}

fn report(report: wit::Report) -> ExpressionReport {
    let findings = report.findings.into_iter().map(|found| ExpressionFinding {
        code: code(found.kind),
        offset: usize::try_from(found.offset).unwrap_or(0),
        message: found.message,
        suggestion: found.suggestion,
    });
    let references = report.references.into_iter().map(|found| Reference {
        variable: found.variable,
        path: found.path,
        optional: found.optional,
        arithmetic: found.arithmetic,
        offset: usize::try_from(found.offset).unwrap_or(0),
    });
    ExpressionReport {
        findings: findings.collect(),
        references: references.collect(),
    }
}

fn code(kind: wit::FindingKind) -> Code {
    match kind {
        wit::FindingKind::Syntax => codes::SYNTAX,
        wit::FindingKind::TooLong => codes::EXPRESSION_TOO_LONG,
        wit::FindingKind::TooDeep => codes::EXPRESSION_TOO_DEEP,
        wit::FindingKind::UnknownFilter => codes::UNKNOWN_FILTER,
        wit::FindingKind::WrongArity => codes::WRONG_ARITY,
        wit::FindingKind::UnknownVariable => codes::UNKNOWN_VARIABLE,
        wit::FindingKind::UnknownLabel => codes::UNKNOWN_LABEL,
        wit::FindingKind::Refused => codes::REFUSED_FILTER,
    }
}

fn broken(stopped: Stopped) -> ExpressionReport {
    let message = match stopped {
        Stopped::Deadline => "checking the expression took too long",
        Stopped::Memory => "checking the expression took too much memory",
        Stopped::Trap => "the expression is too deep for the checker",
    };
    ExpressionReport {
        findings: vec![ExpressionFinding {
            code: codes::CHECK_STOPPED,
            offset: 0,
            message: message.to_owned(),
            suggestion: None,
        }],
        references: Vec::new(),
    }
}

fn unchecked() -> ExpressionReport {
    let mut report = broken(Stopped::Trap);
    if let Some(finding) = report.findings.first_mut() {
        "the checker could not be started".clone_into(&mut finding.message);
    }
    report
}
