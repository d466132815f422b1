//! `dowel login`: a program asks, a person confirms in the browser.

use crate::support::{Caller, World, everywhere};
use dowel_core::access::Role;
use serde_json::json;
use std::time::Duration;

const BEGIN: &str = "/api/v1/login/device";
const TOKEN: &str = "/api/v1/login/device/token";

#[tokio::test]
async fn a_confirmed_program_gets_a_token_once() {
    let world = World::new().await;
    let ana = world
        .person("ana@example.com", &[everywhere(Role::Operator)])
        .await;
    let begun = world.post(&Caller::Nobody, BEGIN, "").await.json();
    let asks = json!({ "secret": begun["secret"] }).to_string();
    let waits = world.post(&Caller::Nobody, TOKEN, &asks).await;
    assert_eq!(waits.short(), "202 DWL-5077");
    let page = world.get(&ana, begun["page"].as_str().unwrap()).await;
    let code = begun["code"].as_str().unwrap();
    for part in [code, "192.0.2.7", "ana@example.com"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let confirmed = world
        .form(&ana, "/login/device", &format!("code={code}"))
        .await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    let given = world.post(&Caller::Nobody, TOKEN, &asks).await.json();
    assert_eq!(given["user"], "ana@example.com");
    let token = Caller::Token(given["token"].as_str().unwrap().to_owned());
    let me = world.get(&token, "/api/v1/me").await.json();
    assert_eq!(
        (&me["id"], &me["roles"][0]),
        (&"ana@example.com".into(), &"operator".into())
    );
    let again = world.post(&Caller::Nobody, TOKEN, &asks).await;
    assert_eq!(again.short(), "401 DWL-5068");
    let twice = world
        .form(&ana, "/login/device", &format!("code={code}"))
        .await;
    assert_eq!(twice.status, 401);
}

#[tokio::test]
async fn a_request_ends_and_a_token_confirms_nothing() {
    let world = World::new().await;
    let begun = world.post(&Caller::Nobody, BEGIN, "").await.json();
    let page = begun["page"].as_str().unwrap();
    let program = world.service(everywhere(Role::Admin)).await;
    assert_eq!(world.get(&program, page).await.status, 403);
    let ana = world.person("ana@example.com", &[]).await;
    world.pass(Duration::from_secs(600));
    let asks = json!({ "secret": begun["secret"] }).to_string();
    assert_eq!(
        world.post(&Caller::Nobody, TOKEN, &asks).await.short(),
        "401 DWL-5068"
    );
    assert_eq!(world.get(&ana, page).await.status, 401, "it has ended");
}

#[tokio::test]
async fn too_many_requests_are_refused_and_make_room_when_they_end() {
    let world = World::new().await;
    for _ in 0..500 {
        assert_eq!(world.post(&Caller::Nobody, BEGIN, "").await.status, 200);
    }
    assert_eq!(
        world.post(&Caller::Nobody, BEGIN, "").await.short(),
        "429 DWL-5067"
    );
    world.pass(Duration::from_secs(600));
    assert_eq!(world.post(&Caller::Nobody, BEGIN, "").await.status, 200);
}
