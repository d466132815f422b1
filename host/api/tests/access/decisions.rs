//! Whoever is signed in is who decides.

use crate::support::{Caller, World, everywhere};
use dowel_core::access::Role;
use serde_json::Value;

async fn last_entry(world: &World) -> Value {
    let page = world
        .get(&Caller::Socket, "/api/v1/audit?limit=1")
        .await
        .json();
    page["records"][0].clone()
}

#[tokio::test]
async fn the_record_names_the_caller_how_they_were_known_and_from_where() {
    let world = World::new().await;
    let ana = world
        .person("ana@example.com", &[everywhere(Role::Operator)])
        .await;
    let path = "/api/v1/flows/orders/disable";
    assert_eq!(
        world
            .post(&ana, path, r#"{"reason":"prices"}"#)
            .await
            .status,
        200
    );
    let entry = last_entry(&world).await;
    assert_eq!(entry["actor"], "ana@example.com");
    assert_eq!(entry["action"], "disable");
    assert_eq!(entry["reason"], "prices");
    assert_eq!(entry["origin"]["from"], "192.0.2.7");
    let identity = entry["origin"]["identity"].as_str().unwrap();
    assert!(
        identity.starts_with("session ") && identity.ends_with(", one-time link"),
        "{identity}"
    );
    assert_eq!(entry["before"]["status"], "enabled");
    assert_eq!(entry["after"]["status"], "disabled");
}

#[tokio::test]
async fn a_name_in_the_request_is_no_name() {
    let world = World::new().await;
    let ana = world
        .person("ana@example.com", &[everywhere(Role::Operator)])
        .await;
    let path = "/api/v1/flows/orders/disable";
    let named = r#"{"reason":"prices","actor":"ben@example.com"}"#;
    assert_eq!(world.post(&ana, path, named).await.short(), "400 DWL-4011");
    let Caller::Browser(secret, csrf) = ana else {
        panic!("a person has a browser");
    };
    let request = axum::http::Request::post(path)
        .header("content-type", "application/json")
        .header("cookie", format!("dowel-session={secret}"))
        .header("dowel-csrf", csrf)
        .header("dowel-as", "ben@example.com");
    let body = axum::body::Body::from(r#"{"reason":"prices"}"#);
    let answer = world.send(&Caller::Nobody, request, body).await;
    assert_eq!(answer.short(), "403 DWL-5073");
}

#[tokio::test]
async fn a_backup_is_recorded() {
    let world = World::new().await;
    assert_eq!(
        world.get(&Caller::Socket, "/api/v1/backup").await.status,
        200
    );
    let entry = last_entry(&world).await;
    assert_eq!(entry["action"], "backup");
    let identity = entry["origin"]["identity"].as_str().unwrap();
    assert!(identity.starts_with("local socket, user "), "{identity}");
}

#[tokio::test]
async fn changes_of_access_are_recorded_with_what_was_before() {
    let world = World::new().await;
    world
        .person("ana@example.com", &[everywhere(Role::Viewer)])
        .await;
    let path = "/api/v1/users/ana@example.com/grant";
    let body = r#"{"grants":[{"role":"operator","flows":{"team":"finance"}}]}"#;
    assert_eq!(world.post(&Caller::Socket, path, body).await.status, 200);
    let entry = last_entry(&world).await;
    assert_eq!(entry["action"], "grant-roles");
    assert_eq!(entry["target"]["user"], "ana@example.com");
    assert_eq!(entry["before"]["status"], "viewer");
    assert_eq!(
        entry["after"]["status"],
        "viewer; operator for flows team=finance"
    );
    assert_ne!(entry["before"]["digest"], entry["after"]["digest"]);
}
