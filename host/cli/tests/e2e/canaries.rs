//! A new version gets a share of the runs on a host that follows git, and loses it.

use crate::gitops::{TOKEN, World, text};
use crate::world::{Host, eventually};
use serde_json::{Value, json};

const FLOW: &str = "flows/first-orders/flow.yaml";

/// A repository whose production has gone from one version to the next, with its host.
async fn at_two_versions(more: &str) -> (World, Host) {
    let world = World::new();
    world.edit(
        "environments/prod.yaml",
        "approvals: 1, forbid_author: true, approvers: deployers",
        "approvals: 0",
    );
    world.commit("nobody has to approve");
    let first = world.promoted("0.1.0");
    let host = world.host("prod", "");
    world.looks(&host, &first).await;
    assert_eq!(world.order(&host, "first").await["version"], json!("0.1.0"));
    if !more.is_empty() {
        world.edit(FLOW, "steps:\n", &format!("steps:\n{more}"));
    }
    world.new_version("0.1.0", "0.2.0");
    (world, host)
}

fn canaries(world: &World, host: &Host) -> Value {
    let told = [
        "canary",
        "status",
        "--host",
        &host.socket,
        "--format",
        "json",
    ];
    serde_json::from_str(&world.does(&told)).unwrap()
}

async fn accepted(world: &World, host: &Host, id: &str) -> Value {
    let url = format!("{}/hooks/first-orders", host.public);
    let body = format!(r#"{{"order_id":"{id}","lines":[{{"qty":2,"price":"1.50"}}]}}"#);
    let request = world.http.post(url).bearer_auth(TOKEN);
    let request = request
        .header("content-type", "application/json")
        .body(body);
    let answer = request.send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let url = format!(
        "{}/api/v1/runs/{}",
        host.admin,
        answer["run"].as_str().unwrap()
    );
    let story = host
        .api
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    serde_json::from_str(&story).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_is_started_before_the_pin_and_promoted_after_it() {
    let (world, host) = at_two_versions("").await;
    let address = host.socket.clone();
    let start = |share: &str| {
        let told = ["canary", "start", "first-orders@0.2.0", "--share", share];
        let more = ["--reason", "new totals", "--host", &address];
        world.does(&[&told[..], &more].concat())
    };
    let armed = start("30%");
    assert!(
        armed.contains("will begin on 0.2.0 when the environment pins it"),
        "{armed}"
    );
    let second = world.promoted("0.2.0");
    let status = world.looks(&host, &second).await;
    assert_eq!(status["in_sync"], json!(false), "{status}");
    assert_eq!(
        status["drift"]["canaries"][0],
        json!({ "flow": "first-orders", "version": "0.2.0", "before": "0.1.0",
                "state": "running", "share": "30%" })
    );
    let mut new = 0;
    for number in 0..60 {
        let story = accepted(&world, &host, &format!("C-{number}")).await;
        new += u32::from(story["version"] == json!("0.2.0"));
    }
    assert!((6..34).contains(&new), "{new}");
    let plan = ["plan", "--env", "prod", "--host", &address];
    let plan = text(&world.dowel(&plan));
    assert!(
        plan.contains("first-orders: 30% of the runs begin on 0.2.0, the rest on 0.1.0"),
        "{plan}"
    );
    assert_eq!(host.terminate(), Some(0));

    let host = world.host("prod", "");
    let known = canaries(&world, &host);
    assert_eq!(known["canaries"][0]["state"], json!("running"), "{known}");
    let promote = ["canary", "promote", "first-orders", "--reason", "good"];
    let promoted = world.does(&[&promote[..], &["--host", &host.socket]].concat());
    assert!(promoted.contains("there is no canary"), "{promoted}");
    assert_eq!(world.order(&host, "last").await["version"], json!("0.2.0"));
    assert_eq!(world.status(&host).await["drift"]["canaries"], json!([]));
    let audit = ["audit", "list", "--host", &host.socket];
    let audit = world.does(&audit);
    for action in ["start-canary", "begin-canary", "promote-canary"] {
        assert!(audit.contains(action), "{action}: {audit}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_whose_runs_fail_is_rolled_back_by_the_host() {
    let fails = "  - id: refuse\n    fail: { kind: rejected, code: broken, message: wrong }\n\n";
    let (world, host) = at_two_versions(fails).await;
    let second = world.promoted("0.2.0");
    let start = ["canary", "start", "first-orders@0.2.0", "--share", "50%"];
    let limits = ["--min-runs", "5", "--reason", "new totals"];
    world.does(&[&start[..], &limits, &["--host", &host.socket]].concat());
    let status = world.looks(&host, &second).await;
    assert_eq!(status["active"]["commit"], json!(second), "{status}");
    for number in 0..40 {
        accepted(&world, &host, &format!("C-{number}")).await;
    }
    let rolled_back = async || {
        let known = canaries(&world, &host)["canaries"][0].clone();
        (known["state"] == json!("rolled-back")).then_some(known)
    };
    let known = eventually("the canary to be rolled back", rolled_back).await;
    assert_eq!(known["actor"], json!("host"));
    assert!(
        known["reason"].as_str().unwrap().starts_with("errors: "),
        "{known}"
    );
    for number in 40..60 {
        let story = accepted(&world, &host, &format!("C-{number}")).await;
        assert_eq!(story["version"], json!("0.1.0"));
    }
    // Git agrees, and the canary is over.
    world.does(&["rollback", "first-orders", "--env", "prod", "--direct"]);
    let third = world.git(&["rev-parse", "HEAD"]);
    let status = world.looks(&host, &third).await;
    assert_eq!(status["in_sync"], json!(true), "{status}");
    assert_eq!(canaries(&world, &host)["canaries"], json!([]));
}
