//! Users, and who had access when.

use crate::support::{Caller, World, everywhere};
use dowel_core::access::Role;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn who_had_access_is_told_for_any_time() {
    let world = World::new().await;
    let before = world.engine.time();
    world.pass(DAY);
    world
        .person("ana@example.com", &[everywhere(Role::Admin)])
        .await;
    world
        .person("ben@example.com", &[everywhere(Role::Viewer)])
        .await;
    let both = world.engine.time();
    world.pass(DAY);
    let path = "/api/v1/users/ben@example.com/disable";
    assert_eq!(world.post(&Caller::Socket, path, "{}").await.status, 200);
    let names = async |at: Option<String>| {
        let path = at.map_or_else(
            || "/api/v1/access".to_owned(),
            |at| format!("/api/v1/access?at={at}"),
        );
        let seen = world.get(&Caller::Socket, &path).await.json();
        let users = seen["users"].as_array().unwrap().iter();
        let line = users.map(|user| {
            let state = if user["disabled_at"].is_null() {
                ""
            } else {
                " (disabled)"
            };
            format!("{}{state}", user["id"].as_str().unwrap())
        });
        line.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(names(Some(before.to_string())).await, "");
    let seen = names(Some(both.to_string())).await;
    assert_eq!(seen, "ana@example.com, ben@example.com");
    assert_eq!(
        names(None).await,
        "ana@example.com, ben@example.com (disabled)"
    );
    let answer = world
        .get(&Caller::Socket, "/api/v1/access?at=yesterday")
        .await;
    assert_eq!(answer.short(), "400 DWL-4011");
}

#[tokio::test]
async fn tokens_of_then_are_those_that_counted_then() {
    let world = World::new().await;
    let body = r#"{"name":"ci","service":"ci","grants":[{"role":"viewer"}],"expires_in":"2d"}"#;
    let created = world
        .post(&Caller::Socket, "/api/v1/tokens", body)
        .await
        .json();
    let then = world.engine.time();
    world.pass(DAY);
    let path = format!("/api/v1/tokens/{}/revoke", created["id"].as_str().unwrap());
    world.post(&Caller::Socket, &path, "").await;
    let count = async |path: &str| {
        let seen = world.get(&Caller::Socket, path).await.json();
        seen["tokens"].as_array().unwrap().len()
    };
    assert_eq!(count(&format!("/api/v1/access?at={then}")).await, 1);
    assert_eq!(count("/api/v1/access").await, 0);
}

#[tokio::test]
async fn somebody_is_left_who_manages_people() {
    let world = World::new().await;
    world
        .person("ana@example.com", &[everywhere(Role::Admin)])
        .await;
    let disable = "/api/v1/users/ana@example.com/disable";
    let revoke = "/api/v1/users/ana@example.com/revoke";
    let admin = r#"{"grants":[{"role":"admin"}]}"#;
    let refused = world.post(&Caller::Socket, disable, "{}").await;
    assert_eq!(refused.short(), "409 DWL-5075");
    assert_eq!(
        world.post(&Caller::Socket, revoke, admin).await.short(),
        "409 DWL-5075"
    );
    world
        .person("ben@example.com", &[everywhere(Role::Admin)])
        .await;
    assert_eq!(world.post(&Caller::Socket, revoke, admin).await.status, 200);
}

#[tokio::test]
async fn what_is_wrong_with_a_change_is_said() {
    let world = World::new().await;
    world
        .person("ana@example.com", &[everywhere(Role::Admin)])
        .await;
    for (path, body, expected) in [
        ("eve@example.com/disable", "{}", "404 DWL-5069"),
        ("ana@example.com/promote", "{}", "422 DWL-5071"),
        ("ana@example.com/grant", "{}", "422 DWL-5071"),
        (
            "ana@example.com/disable",
            r#"{"grants":[{"role":"admin"}]}"#,
            "422 DWL-5071",
        ),
        (
            "ana@example.com/revoke",
            r#"{"grants":[{"role":"viewer"}]}"#,
            "422 DWL-5071",
        ),
        (
            "eve@example.com/revoke",
            r#"{"grants":[{"role":"viewer"}]}"#,
            "404 DWL-5069",
        ),
    ] {
        let path = format!("/api/v1/users/{path}");
        let answer = world.post(&Caller::Socket, &path, body).await;
        assert_eq!(answer.short(), expected, "{path} {body}");
    }
    for user in ["", "local:root", "a\nb"] {
        let body = serde_json::json!({ "user": user }).to_string();
        let answer = world
            .post(&Caller::Socket, "/api/v1/invitations", &body)
            .await;
        assert_eq!(answer.short(), "422 DWL-5071", "{user:?}");
    }
    let long = r#"{"user":"ana@example.com","expires_in":"8d"}"#;
    let answer = world
        .post(&Caller::Socket, "/api/v1/invitations", long)
        .await;
    assert_eq!(answer.short(), "422 DWL-5071");
}
