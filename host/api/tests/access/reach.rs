//! Grants for some flows.

use crate::support::{Caller, LEADS, ORDERS, World, for_team};
use dowel_core::access::Role;
use dowel_engine::IntakeRequest;
use serde_json::Value;

async fn run_of(world: &World, flow: &str) -> String {
    let request = IntakeRequest::new(flow.parse().unwrap(), "manual", "{}");
    let run = world.engine.accept(request).await.unwrap().run();
    world.engine.settled(run).await.unwrap();
    run.to_string()
}

#[tokio::test]
async fn lists_leave_out_what_is_out_of_reach() {
    let world = World::new().await;
    run_of(&world, ORDERS).await;
    run_of(&world, LEADS).await;
    let finance = world.service(for_team(Role::Viewer, "finance")).await;
    let flows = |value: &Value, list: &str| {
        let all = value[list].as_array().unwrap().iter();
        let mut names: Vec<String> = all
            .map(|one| one["flow"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let runs = world.get(&finance, "/api/v1/runs").await.json();
    assert_eq!(flows(&runs, "runs"), [ORDERS]);
    let listed = world.get(&finance, "/api/v1/flows").await.json();
    assert_eq!(flows(&listed, "flows"), [ORDERS]);
    let all = world.get(&Caller::Socket, "/api/v1/runs").await.json();
    assert_eq!(flows(&all, "runs"), [LEADS, ORDERS]);
}

#[tokio::test]
async fn one_run_is_seen_by_who_reaches_its_flow() {
    let world = World::new().await;
    let (own, other) = (run_of(&world, ORDERS).await, run_of(&world, LEADS).await);
    let finance = world.service(for_team(Role::Viewer, "finance")).await;
    let see = async |run: &str, rest: &str| {
        let path = format!("/api/v1/runs/{run}{rest}");
        world.get(&finance, &path).await.short()
    };
    assert_eq!(see(&own, "").await, "200");
    assert_eq!(see(&own, "/journal").await, "200");
    assert_eq!(see(&other, "").await, "403 DWL-5063");
    assert_eq!(see(&other, "/journal").await, "403 DWL-5063");
    let none = "019a4f0c6d6c7d3a9a3f5d0c2b1e4f60";
    assert_eq!(see(none, "").await, "404 DWL-4007");
    assert_eq!(see("nonsense", "").await, "404 DWL-4007");
}

#[tokio::test]
async fn switches_and_starts_are_for_flows_in_reach() {
    let world = World::new().await;
    let finance = world.service(for_team(Role::Operator, "finance")).await;
    let body = r#"{"reason":"prices"}"#;
    let disable = async |flow: &str| {
        let path = format!("/api/v1/flows/{flow}/disable");
        world.post(&finance, &path, body).await.short()
    };
    assert_eq!(disable(ORDERS).await, "200");
    assert_eq!(disable(LEADS).await, "403 DWL-5063");
    assert_eq!(disable("none").await, "403 DWL-5063");
    let start = "/api/v1/flows/leads/runs";
    assert_eq!(
        world.post(&finance, start, "{}").await.short(),
        "403 DWL-5063"
    );
}

#[tokio::test]
async fn bulk_operations_name_a_flow_in_reach() {
    let world = World::new().await;
    let finance = world.service(for_team(Role::Operator, "finance")).await;
    let begin = async |body: &str| {
        let path = "/api/v1/exceptions/bulk";
        world.post(&finance, path, body).await.short()
    };
    let own = r#"{"command":{"retry":{}},"query":{"flow":"orders"},"dry_run":true}"#;
    assert_eq!(begin(own).await, "200");
    let other = own.replace("orders", "leads");
    assert_eq!(begin(&other).await, "403 DWL-5063");
    let all = r#"{"command":{"retry":{}},"all":true,"dry_run":true}"#;
    assert_eq!(begin(all).await, "403 DWL-5063");
}

#[tokio::test]
async fn the_record_shows_what_is_in_reach() {
    let world = World::new().await;
    for flow in [ORDERS, LEADS] {
        let path = format!("/api/v1/flows/{flow}/disable");
        let body = r#"{"reason":"prices"}"#;
        assert_eq!(world.post(&Caller::Socket, &path, body).await.status, 200);
    }
    let finance = world.service(for_team(Role::Operator, "finance")).await;
    let seen = world.get(&finance, "/api/v1/audit").await.json();
    let seen = seen["records"].as_array().unwrap();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["flow"], ORDERS);
}
