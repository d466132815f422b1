//! Roles that the policy gives, and those that it keeps apart.

use crate::support::{Caller, World, everywhere};
use dowel_api::ApiOptions;
use dowel_core::access::Role;
use dowel_engine::EngineOptions;

const POLICY: &str = "
groups: { leads: [lea@example.com] }
roles:
  - { role: approver, groups: [leads] }
  - { role: operator, people: [ben@example.com], flows: { team: finance } }
separate: [[deployer, approver]]
";

async fn world() -> World {
    let policy = dowel_flow::policy::parse("policy.yaml", POLICY).unwrap();
    let options = EngineOptions {
        policy,
        ..EngineOptions::default()
    };
    World::of(ApiOptions::default(), options).await
}

#[tokio::test]
async fn people_have_what_the_policy_gives_them() {
    let world = world().await;
    let ben = world.person("ben@example.com", &[]).await;
    let switch = async |flow: &str| {
        let path = format!("/api/v1/flows/{flow}/disable");
        world
            .post(&ben, &path, r#"{"reason":"prices"}"#)
            .await
            .short()
    };
    assert_eq!(switch("orders").await, "200");
    assert_eq!(switch("leads").await, "403 DWL-5063");
    let seen = world.get(&Caller::Socket, "/api/v1/access").await.json();
    assert_eq!(
        seen["users"][0]["by_policy"][0]["role"], "operator",
        "{seen}"
    );
}

#[tokio::test]
async fn nobody_is_given_two_duties_that_are_kept_apart() {
    let world = world().await;
    world.person("lea@example.com", &[]).await;
    let path = "/api/v1/users/lea@example.com/grant";
    let deployer = r#"{"grants":[{"role":"deployer"}]}"#;
    let refused = world.post(&Caller::Socket, path, deployer).await;
    assert_eq!(refused.short(), "409 DWL-5074");
    let elsewhere = r#"{"grants":[{"role":"deployer","environments":["dev"]}]}"#;
    assert_eq!(
        world.post(&Caller::Socket, path, elsewhere).await.status,
        200
    );
    let token = r#"{"name":"x","service":"ci","grants":[{"role":"deployer"},{"role":"approver"}]}"#;
    let refused = world.post(&Caller::Socket, "/api/v1/tokens", token).await;
    assert_eq!(refused.short(), "409 DWL-5074");
}

/// The policy of a later start says it.
#[tokio::test]
async fn who_has_two_duties_all_the_same_has_neither() {
    let world = world().await;
    world
        .person("ana@example.com", &[everywhere(Role::Deployer)])
        .await;
    let policy = POLICY.replace("leads: [lea@example.com]", "leads: [ana@example.com]");
    let policy = dowel_flow::policy::parse("policy.yaml", &policy).unwrap();
    let users = world.engine.users().await.unwrap();
    let options = EngineOptions {
        policy,
        ..EngineOptions::default()
    };
    let later = World::of(ApiOptions::default(), options).await;
    let grants = later
        .engine
        .grants_of(&users[0], &std::collections::BTreeSet::new());
    assert_eq!(grants, []);
}
