//! The checks, and running them. A check that needs calls is a file of its own.

mod cases;
mod egress;
mod events;
mod keyed;
mod limits;
mod manifest;
mod numbers;
mod pages;
mod secrets;
mod subject;
mod transport;

use crate::bench::Bench;
use crate::case::CaseFolder;
use crate::report::{Level, Outcome, Report};
use dowel_core::Digest;
use dowel_wasm::package;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;
use subject::Subject;

/// One check.
#[derive(Clone, Copy, Debug)]
pub struct CheckSpec {
    /// Its stable name.
    pub id: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// The lowest level that needs it.
    pub level: Level,
}

const fn spec(id: &'static str, level: Level, about: &'static str) -> CheckSpec {
    CheckSpec { id, about, level }
}

use Level::{Bronze, Gold, Silver};

/// Every check, in the order of reports.
pub const CHECKS: &[CheckSpec] = &[
    spec(
        "contract",
        Bronze,
        "it loads: the contract is exported, and nothing else is imported",
    ),
    spec(
        "schemas",
        Bronze,
        "the schemas of configuration, inputs and outputs are valid",
    ),
    spec(
        "examples",
        Bronze,
        "every operation has examples that satisfy its schemas",
    ),
    spec(
        "cases",
        Bronze,
        "every recorded case comes out as it was recorded",
    ),
    spec(
        "egress",
        Bronze,
        "it sends nothing that its manifest does not name",
    ),
    spec(
        "secrets",
        Bronze,
        "planted secrets are in no output, error or log",
    ),
    spec("error-401", Silver, "401 is `unauthenticated`"),
    spec("error-403", Silver, "403 is `forbidden`"),
    spec("error-404", Silver, "404 is `not-found`"),
    spec("error-409", Silver, "409 is `conflict`"),
    spec("error-422", Silver, "422 is `invalid-input` or `rejected`"),
    spec(
        "error-429",
        Silver,
        "429 is `rate-limited`, with the wait of Retry-After",
    ),
    spec("error-5xx", Silver, "500, 502 and 503 are `unavailable`"),
    spec("error-timeout", Silver, "no answer is an error"),
    spec(
        "error-torn",
        Silver,
        "an answer that breaks off is an error",
    ),
    spec(
        "error-not-json",
        Silver,
        "an answer that is not JSON is an error",
    ),
    spec(
        "key-sent",
        Silver,
        "writes of keyed operations carry the idempotency key",
    ),
    spec(
        "key-twice",
        Silver,
        "the same key twice sends the same request twice",
    ),
    spec(
        "numbers",
        Silver,
        "1.10 and a 20-digit id pass unchanged, or are refused",
    ),
    spec(
        "deadline",
        Silver,
        "it comes back by itself, and leaves retries to the flow",
    ),
    spec(
        "sources",
        Silver,
        "reads of sources come out as recorded, and the same again",
    ),
    spec(
        "receivers",
        Silver,
        "requests to receivers come out as recorded, the same again, and only with a key that fits",
    ),
    spec(
        "coverage",
        Gold,
        "every operation has a case of success and one of an error",
    ),
    spec(
        "pages",
        Gold,
        "pages follow each other without loss or repetition, from any cursor",
    ),
    spec(
        "memory",
        Gold,
        "an answer of 4 MiB fits into the usual memory",
    ),
];

/// How to test.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where compiled connectors are kept; `None` compiles each time.
    pub cache: Option<PathBuf>,
    /// The longest time that a call of the check `deadline` may take.
    pub deadline: Duration,
}

impl Default for Options {
    /// Ten seconds: what a call may take on a busy machine if nobody waits.
    fn default() -> Self {
        Self {
            cache: None,
            deadline: Duration::from_secs(10),
        }
    }
}

/// What a check found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    failed: Vec<String>,
    missing: Vec<String>,
    judged: bool,
}

impl Findings {
    pub(crate) fn fail(&mut self, what: impl Into<String>) {
        self.judged = true;
        self.failed.push(what.into());
    }

    /// There is nothing to judge by.
    pub(crate) fn lack(&mut self, what: impl Into<String>) {
        self.missing.push(what.into());
    }

    /// Something was looked at and is good.
    pub(crate) fn pass(&mut self) {
        self.judged = true;
    }

    fn outcome(self) -> Outcome {
        if !self.failed.is_empty() {
            Outcome::Failed(self.failed)
        } else if !self.missing.is_empty() {
            Outcome::Missing(self.missing)
        } else if self.judged {
            Outcome::Passed
        } else {
            Outcome::NotApplicable
        }
    }
}

type Outcomes = HashMap<&'static str, Findings>;

/// Tests a component with its cases.
pub async fn test(component: &[u8], cases: &CaseFolder, options: &Options) -> Report {
    let digest = Digest::of(component);
    let inspected = package::inspect(component).map_err(|error| error.to_string());
    let named = match &inspected {
        Ok(found) => (
            found.manifest.name.to_string(),
            found.manifest.version.to_string(),
        ),
        Err(_) => Default::default(),
    };
    let mut found = Outcomes::new();
    let bench = inspected.and_then(|inspection| {
        manifest::check(&inspection.manifest, cases, &mut found);
        Bench::new(component, cases, options.cache.clone()).map_err(|error| error.to_string())
    });
    match bench {
        Ok(bench) => {
            found.entry("contract").or_default().pass();
            run(&bench, cases, options, &mut found).await;
            Report::new(named, digest, |spec| {
                found.remove(spec.id).unwrap_or_default().outcome()
            })
        }
        Err(why) => {
            found.entry("contract").or_default().fail(why);
            let unknown = || Outcome::Missing(vec!["the connector does not load".to_owned()]);
            Report::new(named, digest, |spec| {
                let known = found.remove(spec.id);
                known.map_or_else(unknown, Findings::outcome)
            })
        }
    }
}

async fn run(bench: &Bench, cases: &CaseFolder, options: &Options, found: &mut Outcomes) {
    found.insert("cases", cases::check(bench, cases).await);
    found.insert("coverage", cases::coverage(bench, cases));
    let subjects = Subject::all(&bench.manifest, cases);
    transport::check(bench, &subjects, found).await;
    keyed::check(bench, &subjects, found).await;
    found.insert("numbers", numbers::check(bench, &subjects).await);
    found.insert(
        "deadline",
        limits::deadline(bench, &subjects, options.deadline).await,
    );
    found.insert("memory", limits::memory(bench, &subjects).await);
    found.insert("pages", pages::check(bench, &subjects).await);
    found.insert("sources", events::sources(bench, cases).await);
    found.insert("receivers", events::receivers(bench, cases).await);
    found.insert("secrets", secrets::check(bench, &subjects).await);
    // Last: it looks at every call that was made.
    found.insert("egress", egress::check(bench, &subjects));
}
