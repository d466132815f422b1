//! Writes with an `Idempotency-Key`: once, whatever is sent again.

use crate::support::{Answer, Caller, World, everywhere};
use axum::body::Body;
use axum::http::{Request, header};
use dowel_core::access::Role;
use dowel_core::port::{Scan, Store as _};
use std::time::Duration;

const DISABLE: &str = "/api/v1/flows/orders/disable";
const WHY: &str = r#"{"reason":"the shop is closed"}"#;

async fn post(world: &World, caller: &Caller, path: &str, key: &str, body: &str) -> Answer {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key);
    world
        .send(caller, request, Body::from(body.to_owned()))
        .await
}

/// How often somebody has done this.
async fn times(world: &World, action: &str) -> usize {
    let audit = world.get(&Caller::Socket, "/api/v1/audit").await.json();
    let entries = audit["records"].as_array().unwrap();
    let same = |entry: &&serde_json::Value| entry["action"] == action;
    entries.iter().filter(same).count()
}

#[tokio::test]
async fn the_same_request_is_carried_out_once_and_answered_alike() {
    let world = World::new().await;
    let ops = world.service(everywhere(Role::Operator)).await;
    let first = post(&world, &ops, DISABLE, "k-1", WHY).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.header("idempotent-replayed"), "");
    world.pass(Duration::from_secs(600));
    let second = post(&world, &ops, DISABLE, "k-1", WHY).await;
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!((second.status, &second.text), (200, &first.text));
    assert_eq!(
        second.header("content-type"),
        first.header("content-type"),
        "{second:?}"
    );
    assert_ne!(
        second.header("x-request-id"),
        first.header("x-request-id"),
        "an id names one request"
    );
    assert_eq!(times(&world, "disable").await, 1);

    // Also after a restart.
    let world = world.again().await;
    let third = post(&world, &ops, DISABLE, "k-1", WHY).await;
    assert_eq!(third.text, first.text);
    assert_eq!(times(&world, "disable").await, 1);

    // A day later the key is free.
    world.pass(Duration::from_secs(24 * 3_600));
    let token = world.service(everywhere(Role::Operator)).await;
    let late = post(&world, &token, DISABLE, "k-1", WHY).await;
    assert_eq!((late.status, late.header("idempotent-replayed")), (200, ""));
    assert_eq!(times(&world, "disable").await, 2);
}

#[tokio::test]
async fn another_request_with_the_key_is_refused_and_another_caller_has_keys_of_their_own() {
    let world = World::new().await;
    let ops = world.service(everywhere(Role::Operator)).await;
    assert_eq!(post(&world, &ops, DISABLE, "k", WHY).await.status, 200);
    let other = r#"{"reason":"another"}"#;
    assert_eq!(
        post(&world, &ops, DISABLE, "k", other).await.short(),
        "422 DWL-4046"
    );
    let leads = "/api/v1/flows/leads/disable";
    assert_eq!(
        post(&world, &ops, leads, "k", WHY).await.short(),
        "422 DWL-4046"
    );
    assert_eq!(times(&world, "disable").await, 1);
    let admin = world.service(everywhere(Role::Admin)).await;
    let own = post(&world, &admin, leads, "k", WHY).await;
    assert_eq!((own.status, own.header("idempotent-replayed")), (200, ""));
    for bad in ["", " ", "\t", "ä", &"k".repeat(256)] {
        let answer = post(&world, &ops, DISABLE, bad, WHY).await;
        assert_eq!(answer.short(), "400 DWL-4011", "{bad:?}");
    }
}

#[tokio::test]
async fn a_refusal_leaves_the_key_free() {
    let world = World::new().await;
    let ops = world.service(everywhere(Role::Operator)).await;
    let empty = post(&world, &ops, DISABLE, "k", r#"{"reason":""}"#).await;
    assert_eq!(empty.status, 400, "{empty:?}");
    let right = post(&world, &ops, DISABLE, "k", WHY).await;
    assert_eq!(right.status, 200, "{right:?}");
    // Who may not, is refused before keys are looked at.
    let viewer = world.service(everywhere(Role::Viewer)).await;
    let refused = post(&world, &viewer, DISABLE, "v", WHY).await;
    assert_eq!(refused.short(), "403 DWL-5062");
}

#[tokio::test]
async fn a_secret_is_neither_kept_nor_shown_again() {
    let world = World::new().await;
    let path = "/api/v1/tokens";
    let body = r#"{"name":"ci","service":"ci","grants":[{"role":"viewer"}]}"#;
    let first = post(&world, &Caller::Socket, path, "t", body).await;
    let secret = first.json()["token"].as_str().unwrap().to_owned();
    let second = post(&world, &Caller::Socket, path, "t", body).await;
    assert_eq!(second.short(), "409 DWL-5043");
    assert!(!second.text.contains(&secret));
    assert_eq!(times(&world, "create-token").await, 1);

    let body = r#"{"user":"ana@example.com","grants":[{"role":"viewer"}]}"#;
    let path = "/api/v1/invitations";
    let invited = post(&world, &Caller::Socket, path, "i", body).await;
    assert_eq!(invited.status, 200, "{invited:?}");
    let second = post(&world, &Caller::Socket, path, "i", body).await;
    assert_eq!(second.short(), "409 DWL-5043");

    let link = invited.json()["path"].as_str().unwrap().to_owned();
    assert!(link.len() > 20, "{invited:?}");
    let link = link.rsplit(['=', '/']).next().unwrap().to_owned();
    for (_, value) in world.store.scan(Scan::prefix("", 10_000)).await.unwrap() {
        let text = String::from_utf8_lossy(&value);
        assert!(!text.contains(&secret) && !text.contains(&link), "{text}");
    }
}

#[tokio::test]
async fn who_goes_away_finds_the_answer_later() {
    let world = World::new().await;
    let ops = world.service(everywhere(Role::Operator)).await;
    {
        let mut sent = Box::pin(post(&world, &ops, DISABLE, "k", WHY));
        // Far enough that the request is on its way, and then the caller is gone.
        while times(&world, "disable").await == 0 {
            if futures_util::poll!(&mut sent).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let mut answer = post(&world, &ops, DISABLE, "k", WHY).await;
    while answer.short() == "409 DWL-5041" {
        tokio::task::yield_now().await;
        answer = post(&world, &ops, DISABLE, "k", WHY).await;
    }
    assert_eq!(answer.header("idempotent-replayed"), "true", "{answer:?}");
    assert_eq!(times(&world, "disable").await, 1);
}

#[tokio::test]
async fn every_write_says_that_it_takes_keys() {
    let world = World::new().await;
    let table = dowel_api::admin_table(world.state);
    let document = dowel_api::openapi(&table).unwrap();
    let mut said = 0;
    for route in table {
        let is_write = route.method == axum::http::Method::POST;
        if !is_write || !route.path.starts_with("/api/") || route.needs.who == dowel_api::Who::Open
        {
            continue;
        }
        let operation = &document["paths"][route.path]["post"];
        let parameters = operation["parameters"].as_array().unwrap();
        let key = parameters
            .iter()
            .filter(|one| one["name"] == "Idempotency-Key");
        assert_eq!(key.count(), 1, "{}", route.path);
        said += 1;
    }
    assert!(said > 15, "{said}");
}
