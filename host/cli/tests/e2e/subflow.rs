//! A flow that runs another one with the real program: the host is killed while the child
//! waits for people, both know each other, and the parent ends with what the child gives.

use crate::world::{Host, World, dowel, eventually, host_of};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const PARENT: &str = "\
language: dowel/v1
flow: order
version: 1.0.0
trigger: { manual: {} }
steps:
  - id: pay
    run: payment@^1.2
    with: { total: '${ $trigger.total }' }
output: { by: '${ $steps.pay.by }' }
";

const CHILD: &str = "\
language: dowel/v1
flow: payment
version: 1.2.3
trigger: { manual: {} }
steps:
  - id: ask
    approve:
      groups: [finance]
      title: '${ \"Pay \\($trigger.total)\" }'
output: { by: '${ $steps.ask.by }' }
";

const TESTS: &str = "\
tests: dowel/v1
cases:
  - name: the step is mocked by its id
    given: { trigger: { total: 1.10 } }
    mocks: { pay: { return: { by: ana } } }
    expect:
      output: { by: ana }
      calls: [ { call: run.payment, step: pay, with: { total: 1.10 } } ]
  - name: the flow is mocked by its name
    given: { trigger: { total: 1.10 } }
    mocks: { payment: { fail: rejected, code: no-money, message: No money. } }
    expect: { status: parked, error: { kind: rejected, code: no-money, step: pay } }
  - name: the other flow is run
    given: { trigger: { total: 1.10 } }
    mocks: { ask: { decide: approved, by: ben, after: 3h } }
    expect: { output: { by: ben } }
";

const POLICY: &str = "groups: { finance: [ana@example.com] }\n";

fn repository(folder: &Path) {
    for flow in ["order", "payment"] {
        fs::create_dir_all(folder.join("flows").join(flow)).unwrap();
    }
    fs::create_dir_all(folder.join("connectors")).unwrap();
    fs::write(folder.join("flows/order/flow.yaml"), PARENT).unwrap();
    fs::write(folder.join("flows/order/flow.test.yaml"), TESTS).unwrap();
    fs::write(folder.join("flows/payment/flow.yaml"), CHILD).unwrap();
    fs::write(folder.join("policy.yaml"), POLICY).unwrap();
    fs::write(folder.join("env.yaml"), "environment: dev\n").unwrap();
}

/// A command against a host, as text.
fn ask(host: &Host, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_dowel"))
        .args(arguments)
        .args(["--host", &host.socket])
        .output()
        .unwrap();
    text(&output)
}

fn text(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{errors}");
    text.into_owned()
}

/// Begins an order, and waits until somebody is asked: the run of the order, and its child.
async fn begin(world: &World, host: &Host) -> (String, String) {
    let request = host
        .api
        .post(format!("{}/api/v1/flows/order/runs", host.admin));
    let body = json!({ "total": "1.10" }).to_string();
    let request = request.header("content-type", "application/json");
    let response = request.body(body).send().await.unwrap();
    let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let run = answer["run"].as_str().unwrap_or_default().to_owned();
    let child = eventually("a question", async || {
        let (_, page) = world.get(host, "/api/v1/approvals?flow=payment").await;
        let page: Value = serde_json::from_str(&page).unwrap();
        Some(page["approvals"][0]["run"].as_str()?.to_owned())
    });
    (run, child.await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_and_its_parent_outlive_the_host() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let first = host_of(folder.path());
    let (run, child) = begin(&world, &first).await;
    first.kill();

    let second = host_of(folder.path());
    let shown = ask(&second, &["runs", "show", &run]);
    let line = format!("child  run {child} of payment@1.2.3, waiting");
    assert!(shown.contains(&line), "{shown}");
    let below = ask(&second, &["trace", &child]);
    let line = format!("parent   run {run}, step pay");
    assert!(below.contains(&line), "{below}");

    let decide = ["approvals", "decide", &child, "ask", "approved"];
    ask(
        &second,
        &[&decide[..], &["--as", "ana@example.com"]].concat(),
    );
    let story = world.settled(&second, &run).await;
    assert_eq!(story["status"], "succeeded", "{story}");
    assert_eq!(story["output"]["by"], "ana@example.com", "{story}");
    assert_eq!(story["steps"][0]["child"]["status"], "succeeded", "{story}");
    let (_, runs) = world.get(&second, "/api/v1/runs?flow=payment").await;
    let runs: Value = serde_json::from_str(&runs).unwrap();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "{runs}");

    // As a case, the run of the other flow is answered by what it came to.
    let record = ["test", "--record", &run, "--host", &second.socket];
    let recorded = text(&dowel(folder.path(), &record).output().unwrap());
    assert!(!recorded.contains("something else"), "{recorded}");
    let cases = fs::read_to_string(folder.path().join("flows/order/flow.test.yaml")).unwrap();
    for line in [
        "      pay: { return: { by: ana@example.com } }",
        "        - { call: run.payment, with: { total: '1.10' } }",
    ] {
        assert!(cases.contains(line), "{cases}");
    }
    let replayed = text(&dowel(folder.path(), &["test", "order"]).output().unwrap());
    assert!(replayed.contains("4 passed"), "{replayed}");
}

#[test]
fn tests_of_flows_answer_runs_or_make_them() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let output = dowel(folder.path(), &["test", "order"]).output().unwrap();
    let text = text(&output);
    assert!(text.contains("3 passed"), "{text}");
}

#[test]
fn a_flow_whose_child_cannot_be_run_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let child = CHILD.replace("1.2.3", "2.0.0");
    fs::write(folder.path().join("flows/payment/flow.yaml"), child).unwrap();
    let output = dowel(folder.path(), &["check", "order"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("DWL-1236"), "{text}");
}
