//! The kit bites: a connector that behaves passes every check, and for each check one
//! that is flawed in just this way fails just this one.

// The lint knows test functions, not the helpers beside them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use dowel_conformance::{CHECKS, CaseFolder, Level, Options, Outcome, Report, test};
use dowel_core::JsonText;
use dowel_wasm::package;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Builds the flawed connector, with its manifest.
fn component() -> Vec<u8> {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "dowel-flawed"])
        .args(["--profile", "guest", "--target", "wasm32-wasip2"])
        .arg("--target-dir")
        .arg(workspace().join("target/guests"))
        .current_dir(workspace())
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "the flawed connector does not build");
    let built = workspace().join("target/guests/wasm32-wasip2/guest/dowel_flawed.wasm");
    package::describe(&std::fs::read(built).unwrap()).unwrap()
}

fn cases() -> CaseFolder {
    CaseFolder::read(&workspace().join("tests/flawed/cases")).unwrap()
}

/// A kit with everything that one flaw needs.
struct Kit {
    component: Vec<u8>,
    cases: CaseFolder,
    options: Options,
}

impl Kit {
    /// The kit in which just this check fails.
    fn flawed(component: &[u8], id: &str, cache: &Path) -> Self {
        let mut kit = Self {
            component: component.to_owned(),
            cases: cases(),
            options: Options {
                cache: Some(cache.to_owned()),
                ..Options::default()
            },
        };
        match id {
            "contract" => kit.component[4] = 0xff,
            "schemas" => kit.patch(|manifest| {
                manifest["operations"][0]["output_schema"] = json!({ "type": 17 });
            }),
            "examples" => kit.patch(|manifest| {
                manifest["operations"][0]["example_input"] = json!({ "number": 17 });
            }),
            "coverage" => kit.cases.cases.retain(|case| case.name != "get-thing-gone"),
            _ => kit.choose(id),
        }
        if id == "key-sent" {
            kit.record_as_get();
        }
        if id == "deadline" {
            kit.options.deadline = Duration::from_secs(2);
        }
        kit
    }

    fn patch(&mut self, patch: impl FnOnce(&mut Value)) {
        let manifest = package::inspect(&self.component).unwrap().manifest;
        let mut manifest = serde_json::to_value(manifest).unwrap();
        patch(&mut manifest);
        let manifest = manifest.to_string();
        self.component = package::embed(&self.component, manifest.as_bytes()).unwrap();
    }

    /// Names the flaw in the configuration.
    fn choose(&mut self, flaw: &str) {
        let mut config = self.cases.config.as_ref().unwrap().to_value();
        config["flaw"] = flaw.into();
        self.cases.config = Some(JsonText::of(&config).unwrap());
    }

    /// The flawed connector was recorded as it is.
    fn record_as_get(&mut self) {
        for case in &mut self.cases.cases {
            for exchange in &mut case.exchanges {
                if exchange.request.method == "POST" {
                    exchange.request.method = "GET".to_owned();
                    let name = case.input.to_value()["name"].as_str().unwrap().to_owned();
                    exchange.request.url.push_str(&format!("?create={name}"));
                }
            }
        }
    }

    async fn run(&self) -> Report {
        test(&self.component, &self.cases, &self.options).await
    }
}

fn told(report: &Report) -> String {
    let open = report.checks.iter().filter(|check| !check.is_met());
    let lines = open.map(|check| format!("{}: {:?}", check.id, check.outcome));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_selftest() {
    let component = component();
    let cache = tempfile::tempdir().unwrap();
    let good = Kit::flawed(&component, "none", cache.path()).run().await;
    assert_eq!(good.level, Some(Level::Gold), "{}", told(&good));
    assert!(
        good.checks
            .iter()
            .all(|check| check.outcome == Outcome::Passed)
    );
    assert!(good.missing().is_none());
    let mut wrong = Vec::new();
    for spec in CHECKS {
        let report = Kit::flawed(&component, spec.id, cache.path()).run().await;
        // What cannot be loaded cannot be judged: only `contract` fails.
        let open = report.checks.iter().filter(|check| match spec.id {
            "contract" => matches!(check.outcome, Outcome::Failed(_)),
            _ => !check.is_met(),
        });
        let open: BTreeSet<&str> = open.map(|check| check.id).collect();
        if open != BTreeSet::from([spec.id]) || report.level >= Some(spec.level) {
            let told = told(&report);
            wrong.push(format!("{} is {:?}:\n{told}", spec.id, report.level));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_cases_there_is_little_to_judge_by() {
    let cache = tempfile::tempdir().unwrap();
    let mut kit = Kit::flawed(&component(), "none", cache.path());
    kit.cases = CaseFolder::default();
    let report = kit.run().await;
    assert_eq!(report.level, None);
    assert_eq!(report.failed().count(), 0, "{}", told(&report));
    let (next, missing) = report.missing().unwrap();
    assert_eq!(next, Level::Bronze);
    let missing: Vec<&str> = missing.iter().map(|check| check.id).collect();
    assert_eq!(missing, ["cases"]);
}
