//! What every answer has in common.

use crate::support::{Answer, Caller, World, everywhere, request};
use axum::body::Body;
use axum::http::Method;
use dowel_core::access::Role;

async fn ask(world: &World, caller: &Caller, method: &Method, path: &str) -> Answer {
    world
        .send(caller, request(method, path), Body::empty())
        .await
}

#[tokio::test]
async fn a_problem_names_the_request_as_the_header_does() {
    let world = World::new().await;
    let admin = world.service(everywhere(Role::Admin)).await;
    let mut seen = Vec::new();
    for (caller, method, path, status) in [
        (&Caller::Nobody, Method::GET, "/api/v1/runs", 401),
        (&admin, Method::GET, "/api/v1/runs?limit=x", 400),
        (&admin, Method::GET, "/api/v1/runs/none", 404),
        (&admin, Method::GET, "/api/v1/nothing", 404),
        (&admin, Method::PUT, "/api/v1/runs", 405),
        (&admin, Method::POST, "/api/v1/flows/none/runs", 404),
        (&admin, Method::POST, "/api/v1/tokens", 400),
    ] {
        let answer = ask(&world, caller, &method, path).await;
        let place = format!("{method} {path}: {}", answer.text);
        assert_eq!(answer.status, status, "{place}");
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{place}"
        );
        let problem = answer.json();
        let id = problem["correlation_id"].as_str().expect(&place);
        assert_eq!(answer.header("x-request-id"), id, "{place}");
        assert_eq!(problem["status"], status, "{place}");
        assert!(
            problem["code"].as_str().unwrap().starts_with("DWL-"),
            "{place}"
        );
        assert!(!seen.contains(&id.to_owned()), "two requests have one id");
        seen.push(id.to_owned());
    }
}

#[tokio::test]
async fn answers_without_a_problem_carry_the_id_as_well() {
    let world = World::new().await;
    let viewer = world.service(everywhere(Role::Viewer)).await;
    let first = world.get(&viewer, "/api/v1/runs").await;
    let second = world.get(&viewer, "/api/v1/runs").await;
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.header("x-request-id").len(), 32);
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn a_method_that_is_not_served_is_refused_with_those_that_are() {
    let world = World::new().await;
    let answer = ask(&world, &Caller::Nobody, &Method::DELETE, "/api/v1/runs").await;
    assert_eq!(answer.short(), "405 DWL-5080");
    assert!(
        answer.header("allow").contains("GET"),
        "{:?}",
        answer.headers
    );
}
