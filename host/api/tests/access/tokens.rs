//! API tokens.

use crate::support::{Caller, World, everywhere, for_team, in_environment};
use dowel_core::access::Role;
use serde_json::Value;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn create(world: &World, caller: &Caller, body: &str) -> Value {
    world.post(caller, "/api/v1/tokens", body).await.json()
}

fn token(created: &Value) -> Caller {
    Caller::Token(created["token"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_persons_token_acts_as_the_person_and_never_may_more() {
    let world = World::new().await;
    let ana = world
        .person("ana@example.com", &[everywhere(Role::Operator)])
        .await;
    let body = r#"{"name":"laptop","grants":[{"role":"operator"}],"expires_in":"1d"}"#;
    let created = create(&world, &ana, body).await;
    let laptop = token(&created);
    let me = world.get(&laptop, "/api/v1/me").await.json();
    assert_eq!(
        (&me["id"], &me["roles"][0]),
        (&"ana@example.com".into(), &"operator".into())
    );

    let more = r#"{"name":"x","grants":[{"role":"admin"}]}"#;
    assert_eq!(
        world.post(&ana, "/api/v1/tokens", more).await.short(),
        "403 DWL-5062"
    );
    let service = r#"{"name":"x","grants":[{"role":"operator"}],"service":"ci"}"#;
    assert_eq!(
        world.post(&ana, "/api/v1/tokens", service).await.short(),
        "403 DWL-5062"
    );

    // The person loses the role, and the token with them.
    let body = r#"{"grants":[{"role":"operator"}]}"#;
    let path = "/api/v1/users/ana@example.com/revoke";
    assert_eq!(world.post(&Caller::Socket, path, body).await.status, 200);
    assert_eq!(
        world.get(&laptop, "/api/v1/runs").await.short(),
        "403 DWL-5062"
    );
    let path = "/api/v1/users/ana@example.com/disable";
    assert_eq!(world.post(&Caller::Socket, path, "{}").await.status, 200);
    assert_eq!(
        world.get(&laptop, "/api/v1/me").await.short(),
        "401 DWL-5064"
    );
    assert_eq!(world.get(&ana, "/api/v1/me").await.short(), "401 DWL-5065");
}

#[tokio::test]
async fn a_token_makes_no_wider_one() {
    let world = World::new().await;
    let ana = world
        .person("ana@example.com", &[everywhere(Role::Operator)])
        .await;
    let body = r#"{"name":"finance","grants":[{"role":"operator","flows":{"team":"finance"}}]}"#;
    let narrow = token(&create(&world, &ana, body).await);
    let wide = r#"{"name":"x","grants":[{"role":"operator"}]}"#;
    assert_eq!(
        world.post(&narrow, "/api/v1/tokens", wide).await.short(),
        "403 DWL-5062"
    );
    assert_eq!(
        world.post(&narrow, "/api/v1/tokens", body).await.status,
        200
    );
}

#[tokio::test]
async fn a_token_ends_by_time_and_by_revocation() {
    let world = World::new().await;
    let body = r#"{"name":"ci","service":"ci","grants":[{"role":"viewer"}],"expires_in":"2d"}"#;
    let created = create(&world, &Caller::Socket, body).await;
    let ci = token(&created);
    assert_eq!(world.get(&ci, "/api/v1/runs").await.status, 200);
    let id = created["id"].as_str().unwrap();
    let path = format!("/api/v1/tokens/{id}/revoke");
    let other = world.service(everywhere(Role::Operator)).await;
    assert_eq!(world.post(&other, &path, "").await.short(), "404 DWL-5070");
    assert_eq!(world.post(&Caller::Socket, &path, "").await.status, 200);
    assert_eq!(world.get(&ci, "/api/v1/runs").await.short(), "401 DWL-5064");

    let second = token(&create(&world, &Caller::Socket, body).await);
    world.pass(2 * DAY);
    assert_eq!(
        world.get(&second, "/api/v1/runs").await.short(),
        "401 DWL-5064"
    );
}

#[tokio::test]
async fn a_token_is_shown_once_and_its_use_is_remembered() {
    let world = World::new().await;
    let body = r#"{"name":"ci","service":"ci","grants":[{"role":"viewer"}]}"#;
    let created = create(&world, &Caller::Socket, body).await;
    let text = created["token"].as_str().unwrap().to_owned();
    world.get(&token(&created), "/api/v1/runs").await;
    let listed = world.get(&Caller::Socket, "/api/v1/tokens").await;
    assert!(
        !listed.text.contains(&text) && !listed.text.contains("hash"),
        "{}",
        listed.text
    );
    let listed = listed.json();
    assert_eq!(listed["tokens"][0]["owner"], "service:ci");
    assert!(listed["tokens"][0]["used_at"].is_string(), "{listed}");
    let secret = text.rsplit('_').next().unwrap();
    let kept = world.engine.tokens().await.unwrap();
    assert!(!format!("{kept:?}").contains(secret));
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_said() {
    let world = World::new().await;
    for (body, expected) in [
        (r#"{"name":"x","service":"ci"}"#, "422 DWL-5071"),
        (
            r#"{"name":" ","service":"ci","metrics":true}"#,
            "422 DWL-5071",
        ),
        (
            r#"{"name":"x","grants":[{"role":"viewer"}]}"#,
            "422 DWL-5071",
        ),
        (
            r#"{"name":"x","service":"ci","metrics":true,"expires_in":"400d"}"#,
            "422 DWL-5071",
        ),
        (
            r#"{"name":"x","service":"ci","metrics":true,"expires_in":"soon"}"#,
            "422 DWL-5071",
        ),
        (
            r#"{"name":"x","service":"ci","grants":[{"role":"root"}]}"#,
            "400 DWL-4011",
        ),
        (r#"{"name":"x","actor":"ben"}"#, "400 DWL-4011"),
    ] {
        let answer = world.post(&Caller::Socket, "/api/v1/tokens", body).await;
        assert_eq!(answer.short(), expected, "{body}");
    }
}

#[tokio::test]
async fn grants_count_in_their_environment() {
    let world = World::new().await;
    let here = world.service(in_environment(Role::Viewer, "prod")).await;
    let elsewhere = world.service(in_environment(Role::Admin, "staging")).await;
    assert_eq!(world.get(&here, "/api/v1/runs").await.status, 200);
    assert_eq!(
        world.get(&elsewhere, "/api/v1/runs").await.short(),
        "403 DWL-5062"
    );
}

#[tokio::test]
async fn a_token_of_a_team_does_not_manage_the_host() {
    let world = World::new().await;
    let admin = world.service(for_team(Role::Admin, "finance")).await;
    for path in ["/api/v1/access", "/api/v1/backup"] {
        assert_eq!(
            world.get(&admin, path).await.short(),
            "403 DWL-5063",
            "{path}"
        );
    }
    let body = r#"{"user":"eve@example.com","grants":[{"role":"admin"}]}"#;
    let refused = world.post(&admin, "/api/v1/invitations", body).await;
    assert_eq!(refused.short(), "403 DWL-5063");
}
