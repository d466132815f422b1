//! The description of the API says what is there, and all of it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../access/support.rs"]
#[allow(dead_code)]
mod support;

mod follow;
mod paging;
mod requests;
mod wait;

use axum::body::Body;
use axum::http::Method;
use serde_json::Value;
use std::collections::BTreeSet;
use support::{Caller, World, everywhere, request};

/// Routes of `/api/v1` that the description leaves out. There is no reason for one yet.
const LEFT_OUT: [&str; 0] = [];

async fn document(world: &World) -> Value {
    dowel_api::openapi(&dowel_api::admin_table(world.state.clone())).unwrap()
}

fn described(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, operations)| {
        let methods = operations.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

#[tokio::test]
async fn the_description_of_the_api_is_fresh() {
    let world = World::new().await;
    let mut text = serde_json::to_string_pretty(&document(&world).await).unwrap();
    text.push('\n');
    expect_test::expect_file!["../../../../docs/reference/openapi.json"].assert_eq(&text);
}

#[tokio::test]
async fn every_route_is_described_and_every_description_has_its_route() {
    let world = World::new().await;
    let described = described(&document(&world).await);
    let routes = dowel_api::admin_table(world.state.clone());
    let routes: BTreeSet<String> = routes
        .iter()
        .filter(|route| route.path.starts_with("/api/"))
        .map(|route| format!("{} {}", route.method, route.path))
        .filter(|route| !LEFT_OUT.contains(&route.as_str()))
        .collect();
    let missing: Vec<&String> = routes.difference(&described).collect();
    assert!(missing.is_empty(), "without a description: {missing:?}");
    let public = ["POST /events", "POST /hooks/{path}"];
    let more = described.difference(&routes);
    let more: Vec<&String> = more.filter(|one| !public.contains(&one.as_str())).collect();
    assert!(more.is_empty(), "described, and no route: {more:?}");
}

#[tokio::test]
async fn operations_are_told_apart_and_say_what_they_are() {
    let world = World::new().await;
    let document = document(&world).await;
    let mut ids = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "two operations are `{id}`");
            let place = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{place}");
            let parameters = operation["parameters"].as_array().cloned();
            for parameter in parameters.unwrap_or_default() {
                assert_ne!(parameter["description"], "", "{place}: {parameter}");
            }
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{place}"
            );
            assert!(responses.contains_key("401"), "{place}");
        }
    }
}

/// Every `$ref` of a value.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("$ref", Value::String(target)) => found.push(target.clone()),
                    _ => references(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn no_reference_leads_nowhere() {
    let world = World::new().await;
    let document = document(&world).await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
}

#[tokio::test]
async fn the_host_serves_it_to_who_is_signed_in() {
    let world = World::new().await;
    let viewer = world
        .service(everywhere(dowel_core::access::Role::Viewer))
        .await;
    let path = "/api/v1/openapi.json";
    let answer = world
        .send(&viewer, request(&Method::GET, path), Body::empty())
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), document(&world).await);
    assert_eq!(answer.json()["openapi"], "3.1.0");
    assert_eq!(world.get(&Caller::Nobody, path).await.status, 401);
}
