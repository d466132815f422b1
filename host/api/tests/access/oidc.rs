//! People sign in at an identity provider.

use crate::support::{Answer, Caller, World, everywhere};
use axum::body::Body;
use axum::http::Request;
use dowel_api::ApiOptions;
use dowel_core::access::Role;
use dowel_engine::EngineOptions;
use std::time::Duration;

const POLICY: &str = "
groups: { finance: [] }
roles: [{ role: operator, groups: [finance] }]
identity_groups: { finance: [idp-finance] }
";

async fn world() -> World {
    let policy = dowel_flow::policy::parse("policy.yaml", POLICY).unwrap();
    let options = EngineOptions {
        policy,
        ..EngineOptions::default()
    };
    let api = ApiOptions {
        public_url: Some("http://desk.example.com".to_owned()),
        ..ApiOptions::default()
    };
    let world = World::of(api, options).await;
    world
        .person("root@example.com", &[everywhere(Role::Admin)])
        .await;
    world
}

/// The state of a login that has begun.
async fn begin(world: &World) -> String {
    let begun = world.get(&Caller::Nobody, "/login/oidc?next=/runs").await;
    assert_eq!(begun.status, 303);
    let location = begun.header("location");
    assert!(
        location.contains("redirect=http://desk.example.com/login/callback"),
        "{location}"
    );
    let state = location.split_once("state=").unwrap().1.to_owned();
    let cookie = begun.header("set-cookie");
    assert!(
        cookie.starts_with(&format!("dowel-login={state}; Path=/login; HttpOnly")),
        "{cookie}"
    );
    state
}

async fn back(world: &World, query: &str, cookie: &str) -> Answer {
    let request = Request::get(format!("/login/callback?{query}"))
        .header("cookie", format!("dowel-login={cookie}"));
    world.send(&Caller::Nobody, request, Body::empty()).await
}

async fn sign_in(world: &World, code: &str) -> Answer {
    let state = begin(world).await;
    back(world, &format!("code={code}&state={state}"), &state).await
}

#[tokio::test]
async fn groups_of_the_provider_give_roles() {
    let world = world().await;
    let entered = sign_in(&world, "Ana@Example.com%2Bidp-finance").await;
    assert_eq!((entered.status, entered.header("location")), (303, "/runs"));
    let ana = Caller::Browser(entered.cookie(), String::new());
    let me = world.get(&ana, "/api/v1/me").await.json();
    assert_eq!(
        (&me["id"], &me["roles"][0]),
        (&"ana@example.com".into(), &"operator".into())
    );
    let page = world
        .get(&Caller::Socket, "/api/v1/audit?action=sign-in&limit=1")
        .await
        .json();
    let identity = page["records"][0]["origin"]["identity"].to_string();
    assert!(identity.contains("https://id.example.com"), "{identity}");
}

#[tokio::test]
async fn who_has_no_role_and_who_is_disabled_stay_outside() {
    let world = world().await;
    let refused = sign_in(&world, "eve@example.com").await;
    assert_eq!(refused.status, 401);
    assert!(refused.text.contains("DWL-5079"), "{}", refused.text);
    assert_eq!(
        sign_in(&world, "ana@example.com%2Bidp-finance")
            .await
            .status,
        303
    );
    let path = "/api/v1/users/ana@example.com/disable";
    assert_eq!(world.post(&Caller::Socket, path, "{}").await.status, 200);
    assert_eq!(
        sign_in(&world, "ana@example.com%2Bidp-finance")
            .await
            .status,
        401
    );
    assert_eq!(sign_in(&world, "forged").await.status, 401);
}

#[tokio::test]
async fn an_answer_counts_once_and_in_its_own_browser() {
    let world = world().await;
    let state = begin(&world).await;
    let query = format!("code=ana@example.com%2Bidp-finance&state={state}");
    assert_eq!(back(&world, &query, "another").await.status, 401);
    assert_eq!(back(&world, &query, &state).await.status, 303);
    assert_eq!(back(&world, &query, &state).await.status, 401);
    let state = begin(&world).await;
    world.pass(Duration::from_secs(600));
    assert_eq!(
        back(&world, &format!("code=x&state={state}"), &state)
            .await
            .status,
        401
    );
    let state = begin(&world).await;
    let denied = back(
        &world,
        &format!("error=access_denied&state={state}"),
        &state,
    )
    .await;
    assert!(denied.text.contains("access_denied"), "{}", denied.text);
}

#[tokio::test]
async fn the_first_user_does_not_come_from_the_provider() {
    let world = World::new().await;
    let refused = world.get(&Caller::Nobody, "/login/oidc").await;
    assert_eq!(refused.status, 401);
    assert!(refused.text.contains("DWL-5061"), "{}", refused.text);
}
