//! Events that runs wait for, with a real host: a payment comes before the run waits for it
//! or long after, and the host is killed in between.

use crate::world::{EVENTS_TOKEN, Host, World, dowel, eventually, host_of};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

const FLOW: &str = "\
language: dowel/v1
flow: paid-order
version: 1.0.0
trigger: { manual: {} }
dedupe: { key: '${ .order }', window: 1d }
steps:
  - id: checked
    if: '${ $trigger.check }'
    approve: { groups: [shop], title: Check, decisions: [go] }
  - id: payment
    receive:
      type: com.example.payment.received
      match: { event: '${ .data.order }', value: '${ $trigger.order }' }
      within: 30d
    output: '${ .data }'
output: { paid: '${ $steps.payment.amount }' }
";

const TESTS: &str = "\
tests: dowel/v1
cases:
  - name: the payment comes after a day
    given: { trigger: { order: A1 } }
    mocks:
      payment: { event: { data: { order: A1, amount: 1.10 } }, after: 1d }
    expect: { status: succeeded, output: { paid: 1.10 } }
  - name: another order is paid, and this one never
    given: { trigger: { order: A1 } }
    mocks:
      payment: { event: { data: { order: A2 } } }
    expect: { status: parked, error: { kind: timeout, code: DWL-2330, step: payment } }
  - name: nothing comes
    given: { trigger: { order: A1 } }
    mocks: { payment: {} }
    expect: { status: parked, error: { code: DWL-2330 } }
  - name: the case says nothing about the payment
    given: { trigger: { order: A1 } }
    expect: { status: waiting }
";

const ENVIRONMENT: &str = "\
environment: dev
events: { senders: { bank: { verify_secret: shop_events } } }
";

fn repository(folder: &Path) {
    fs::create_dir_all(folder.join("flows/paid-order")).unwrap();
    fs::create_dir_all(folder.join("connectors")).unwrap();
    fs::write(folder.join("flows/paid-order/flow.yaml"), FLOW).unwrap();
    fs::write(folder.join("flows/paid-order/flow.test.yaml"), TESTS).unwrap();
    fs::write(
        folder.join("policy.yaml"),
        "groups: { shop: [ana@example.com] }\n",
    )
    .unwrap();
    fs::write(folder.join("env.yaml"), ENVIRONMENT).unwrap();
}

/// Begins the run of an order.
async fn begin(host: &Host, order: &str, check: bool) -> String {
    let url = format!("{}/api/v1/flows/paid-order/runs", host.admin);
    let request = host
        .api
        .post(url)
        .header("content-type", "application/json");
    let body = json!({ "order": order, "check": check });
    let response = request.body(body.to_string()).send().await.unwrap();
    let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    answer["run"].as_str().unwrap().to_owned()
}

/// Waits until the run has come to a step.
async fn waits_at(world: &World, host: &Host, run: &str, step: &str) {
    eventually("the run to wait", async || {
        let (_, story) = world.get(host, &format!("/api/v1/runs/{run}")).await;
        let story: Value = serde_json::from_str(&story).unwrap();
        let steps = story["steps"].as_array()?;
        let last = steps.last()?;
        (story["status"] == "waiting" && last["path"] == step).then_some(())
    })
    .await;
}

/// The bank tells of a payment.
async fn pay(world: &World, host: &Host, id: &str, order: &str) -> Value {
    let event = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/bank","type":"com.example.payment.received","data":{{"order":"{order}","amount":60.270}}}}"#
    );
    let request = world.http.post(format!("{}/events", host.public));
    let request = request
        .bearer_auth(EVENTS_TOKEN)
        .header("content-type", "application/cloudevents+json");
    let response = request.body(event).send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert_eq!(status.as_u16(), 202, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_comes_early_or_late_and_the_host_is_killed_in_between() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let first = host_of(folder.path());
    let late = begin(&first, "A1", false).await;
    waits_at(&world, &first, &late, "payment").await;
    let early = begin(&first, "A2", true).await;
    waits_at(&world, &first, &early, "checked").await;
    let kept = pay(&world, &first, "P2", "A2").await;
    assert_eq!(kept["status"], "kept", "{kept}");
    first.kill();

    let second = host_of(folder.path());
    let trace = Command::new(env!("CARGO_BIN_EXE_dowel"))
        .args(["trace", &late, "--host", &second.socket])
        .output()
        .unwrap();
    let trace = String::from_utf8_lossy(&trace.stdout).into_owned();
    assert!(
        trace.contains("awaits com.example.payment.received for A1, until"),
        "{trace}"
    );
    let received = pay(&world, &second, "P1", "A1").await;
    assert_eq!(received["status"], "received", "{received}");
    assert_eq!(received["received"], json!([late]));
    second.kill();

    let third = host_of(folder.path());
    let story = world.settled(&third, &late).await;
    assert_eq!(story["status"], "succeeded", "{story}");
    assert_eq!(story["output"]["paid"].to_string(), "60.27", "{story}");
    assert_eq!(story["steps"].as_array().unwrap().len(), 2, "{story}");
    let again = pay(&world, &third, "P1", "A1").await;
    assert_eq!(
        again["status"], "kept",
        "a duplicate is for nobody: {again}"
    );
    let decided = Command::new(env!("CARGO_BIN_EXE_dowel"))
        .args(["approvals", "decide", &early, "checked", "go"])
        .args(["--as", "ana@example.com", "--host", &third.socket])
        .output()
        .unwrap();
    assert!(decided.status.success(), "{decided:?}");
    let story = world.settled(&third, &early).await;
    assert_eq!(story["status"], "succeeded", "{story}");
    let receive = &story["steps"][1]["receive"];
    assert_eq!(
        (&receive["id"], &receive["source"]),
        (&json!("P2"), &json!("/bank"))
    );
}

#[test]
fn tests_of_flows_send_events() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let output = dowel(folder.path(), &["test"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("3 passed, 1 failed"), "{text}");
    let stub = "event: { data: { order: A1 } }";
    assert!(text.contains(stub), "{text}");
}
