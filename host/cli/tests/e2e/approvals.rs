//! Approvals with the real program on both sides: a flow asks, people decide, the host is
//! killed in between.

use crate::world::{Host, World, dowel, host_of};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const FLOW: &str = "\
language: dowel/v1
flow: payment
version: 1.0.0
trigger: { manual: {} }
steps:
  - id: ask
    approve:
      groups: [finance]
      exclude: ['${ $trigger.by }']
      title: '${ \"Pay \\($trigger.total)\" }'
      show: { total: '${ $trigger.total }' }
output: { decision: '${ $steps.ask.decision }', by: '${ $steps.ask.by }' }
";

const TESTS: &str = "\
tests: dowel/v1
cases:
  - name: somebody approves after three hours
    given: { trigger: { by: ben, total: 1.10 } }
    mocks:
      ask: { decide: approved, by: ana, after: 3h, comment: fine }
    expect: { status: succeeded, output: { decision: approved, by: ana } }
  - name: nobody was asked in the case
    given: { trigger: { by: ben, total: 1.10 } }
    expect: { status: waiting }
";

const POLICY: &str = "groups: { finance: [ana@example.com, ben@example.com] }\n";

fn repository(folder: &Path) {
    fs::create_dir_all(folder.join("flows/payment")).unwrap();
    fs::create_dir_all(folder.join("connectors")).unwrap();
    fs::write(folder.join("flows/payment/flow.yaml"), FLOW).unwrap();
    fs::write(folder.join("flows/payment/flow.test.yaml"), TESTS).unwrap();
    fs::write(folder.join("policy.yaml"), POLICY).unwrap();
    fs::write(folder.join("env.yaml"), "environment: dev\n").unwrap();
}

/// `dowel approvals <arguments>` as a person types it.
fn approvals(host: &Host, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dowel"))
        .arg("approvals")
        .args(arguments)
        .args(["--host", &host.socket, "--format", "json"])
        .output()
        .unwrap()
}

fn answer(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(output: &Output, code: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && errors.contains(code),
        "{errors}"
    );
}

async fn begin(world: &World, host: &Host) -> String {
    let request = host
        .api
        .post(format!("{}/api/v1/flows/payment/runs", host.admin));
    let body = json!({ "by": "ben@example.com", "total": "1.10" });
    let request = request.header("content-type", "application/json");
    let response = request.body(body.to_string()).send().await.unwrap();
    assert!(response.status().is_success());
    response.text().await.unwrap();
    crate::world::eventually("a question", async || {
        let (_, page) = world.get(host, "/api/v1/approvals?flow=payment").await;
        let page: Value = serde_json::from_str(&page).unwrap();
        Some(page["approvals"][0]["run"].as_str()?.to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_decide_also_after_the_host_was_killed() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let first = host_of(folder.path());
    let run = begin(&world, &first).await;
    first.kill();

    let second = host_of(folder.path());
    let list = answer(&approvals(&second, &["list", "--group", "finance"]));
    assert_eq!(list["approvals"][0]["run"], run.as_str(), "{list}");
    assert_eq!(list["approvals"][0]["title"], "Pay 1.10");
    let none = answer(&approvals(&second, &["list", "--group", "other"]));
    assert_eq!(none["approvals"], json!([]));
    let (_, metrics) = world.get(&second, "/metrics").await;
    assert!(metrics.contains("dowel_approvals_open 1"), "{metrics}");

    let decide = |decision: &'static str, person: &'static str| {
        let arguments = ["decide", &run, "ask", decision, "--as", person];
        approvals(&second, &[&arguments[..], &["--comment", "seen"]].concat())
    };
    refused(&decide("approved", "ben@example.com"), "DWL-5031");
    refused(&decide("approved", "eve@example.com"), "DWL-5030");
    refused(&decide("perhaps", "ana@example.com"), "DWL-5034");
    let made = answer(&decide("approved", "ana@example.com"));
    assert_eq!(made["by"], "ana@example.com");
    answer(&decide("approved", "ana@example.com"));
    refused(&decide("rejected", "ana@example.com"), "DWL-5032");

    let story = world.settled(&second, &run).await;
    assert_eq!(story["status"], "succeeded", "{story}");
    assert_eq!(story["steps"][0]["approval"]["comment"], "seen", "{story}");
    let trace = Command::new(env!("CARGO_BIN_EXE_dowel"))
        .args(["trace", &run, "--host", &second.socket])
        .output()
        .unwrap();
    let trace = String::from_utf8_lossy(&trace.stdout).into_owned();
    assert!(
        trace.contains("approved by ana@example.com: seen"),
        "{trace}"
    );

    // The decision is a mock of the case that is made of the run.
    let test = |arguments: &[&str]| {
        let mut command = dowel(folder.path(), &[&["test"], arguments].concat());
        let output = command.env("DOWEL_HOST", &second.socket).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &errors,
        )
    };
    let (code, text) = test(&["--record", &run]);
    assert_eq!(code, Some(0), "{text}");
    let file = fs::read_to_string(folder.path().join("flows/payment/flow.test.yaml")).unwrap();
    assert!(
        file.contains("decide: approved, by: ana@example.com, comment: seen"),
        "{file}"
    );
    let (code, text) = test(&["payment", "--case", "recorded*"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_decision_that_does_not_count_fails_the_case() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let tests = TESTS.split_once("  - name: nobody").unwrap().0;
    let tests = tests.replace("by: ana", "by: ben");
    fs::write(folder.path().join("flows/payment/flow.test.yaml"), tests).unwrap();
    let output = dowel(folder.path(), &["test"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let says_why = "the decision `approved` by ben about `ask` does not count: DWL-5031";
    assert!(text.contains(says_why), "{text}");
}

#[test]
fn a_single_run_does_not_wait_for_people_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let payload = folder.path().join("payload.json");
    fs::write(&payload, r#"{"by":"ben@example.com","total":1.10}"#).unwrap();
    let arguments = ["run", "payment", "--payload", payload.to_str().unwrap()];
    let output = dowel(folder.path(), &arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in [
        " is waiting",
        "waits for the approval `ask` (finance)",
        "mocks: { ask: { decide: approved } }",
        "dowel approvals decide",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn tests_of_flows_answer_approvals() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let output = dowel(folder.path(), &["test"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("1 passed"), "{text}");
    assert!(text.contains("decide: approved"), "{text}");
}
