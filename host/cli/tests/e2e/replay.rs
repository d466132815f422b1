//! Recorded runs of the version that is pinned, once more on the one that is to come.

use crate::gitops::{World, text};
use serde_json::{Value, json};

const FLOW: &str = "flows/first-orders/flow.yaml";

fn replayed(world: &World, flow: &str, address: &str) -> (Option<i32>, Value) {
    let command = ["replay-check", flow, "--env", "prod", "--runs", "3"];
    let more = ["--host", address, "--format", "json"];
    let output = world.dowel(&[&command[..], &more].concat());
    let found = serde_json::from_slice(&output.stdout);
    let found = found.unwrap_or_else(|_| panic!("{}", text(&output)));
    (output.status.code(), found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_new_version_would_have_made_of_real_orders_is_shown() {
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
    for number in 0..5 {
        world.order(&host, &number.to_string()).await;
    }
    let address = host.socket.clone();

    // Another description is no difference.
    world.edit(FLOW, "description: Take", "description: We take");
    world.new_version("0.1.0", "0.2.0");
    world.does(&["flow", "release", "first-orders"]);
    world.commit("release");
    let (code, found) = replayed(&world, "first-orders@0.2.0", &address);
    assert_eq!(code, Some(0), "{found}");
    assert_eq!(
        (&found["before"], &found["after"]),
        (&json!("0.1.0"), &json!("0.2.0"))
    );
    let runs = found["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 3);
    assert!(
        runs.iter().all(|run| run["faithful"] == json!(true)),
        "{found}"
    );

    // Another total is one, in each of them.
    world.edit(FLOW, "${ $vars.total }", "${ \"9.99\" }");
    let (code, found) = replayed(&world, "first-orders", &address);
    assert_eq!(code, Some(1), "{found}");
    for run in found["runs"].as_array().unwrap() {
        let differences = run["differences"].as_array().unwrap();
        assert!(
            differences
                .iter()
                .any(|one| one["before"] == json!("\"3.00\"") && one["after"] == json!("\"9.99\"")),
            "{run}"
        );
    }
    let human = [
        "replay-check",
        "first-orders",
        "--env",
        "prod",
        "--host",
        &address,
    ];
    let human = text(&world.dowel(&human));
    assert!(
        human.starts_with("first-orders: 0 of 5 runs of 0.1.0 come to the same on 0.2.0"),
        "{human}"
    );

    // The plan shows it as well, and goes on.
    let plan = ["plan", "--env", "prod", "--host", &address, "--replay", "2"];
    world.edit(FLOW, "${ \"9.99\" }", "${ $vars.total }");
    world.new_version("0.2.0", "0.3.0");
    world.does(&["flow", "release", "first-orders"]);
    world.commit("release");
    world.does(&[
        "promote",
        "first-orders@0.2.0",
        "--env",
        "staging",
        "--direct",
    ]);
    world.does(&["promote", "first-orders@0.2.0", "--env", "prod", "--direct"]);
    let shown = world.does(&plan);
    assert!(
        shown.contains("first-orders: 2 of 2 runs of 0.1.0 come to the same on 0.2.0"),
        "{shown}"
    );
    let nowhere = replay_of_nothing(&world, &address);
    assert!(nowhere.contains("is not in `flows.lock`"), "{nowhere}");
}

fn replay_of_nothing(world: &World, address: &str) -> String {
    let command = ["replay-check", "first-orders@9.0.0", "--env", "prod"];
    text(&world.dowel(&[&command[..], &["--host", address]].concat()))
}
