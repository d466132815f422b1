//! `Prefer: wait`.

use crate::support::{Caller, World, everywhere, request};
use axum::body::Body;
use axum::http::Method;
use dowel_core::access::Role;

const RUNS: &str = "/api/v1/flows/orders/runs";

#[tokio::test]
async fn who_prefers_to_wait_gets_the_end_of_the_run() {
    let world = World::new().await;
    let operator: Caller = world.service(everywhere(Role::Operator)).await;
    for (prefer, applied) in [
        ("wait=20", "wait=20"),
        ("respond-async, Wait = 5", "wait=5"),
        ("wait=4711", "wait=60"),
    ] {
        let request = request(&Method::POST, RUNS).header("prefer", prefer);
        let answer = world.send(&operator, request, Body::from("{}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("preference-applied"), applied);
        let ended = answer.json();
        assert_eq!(ended["status"], "succeeded", "{ended}");
        assert!(ended.get("output").is_some(), "{ended}");
        let place = format!("/api/v1/runs/{}", ended["run"].as_str().unwrap());
        assert_eq!(answer.header("location"), place);
    }
}

#[tokio::test]
async fn a_run_that_does_not_end_in_time_is_accepted() {
    let world = World::new().await;
    let operator = world.service(everywhere(Role::Operator)).await;
    let request = request(&Method::POST, RUNS).header("prefer", "wait=0");
    let answer = world.send(&operator, request, Body::from("{}")).await;
    assert_eq!(answer.header("preference-applied"), "wait=0");
    let word = answer.json()["status"].as_str().unwrap().to_owned();
    let expected = if answer.status == 202 {
        "accepted"
    } else {
        "succeeded"
    };
    assert_eq!(word, expected, "{}", answer.text);
}

#[tokio::test]
async fn preferences_that_are_not_understood_are_ignored() {
    let world = World::new().await;
    let operator = world.service(everywhere(Role::Operator)).await;
    for prefer in ["wait=soon", "return=minimal", "wait", ""] {
        let request = request(&Method::POST, RUNS).header("prefer", prefer);
        let answer = world.send(&operator, request, Body::from("{}")).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        assert!(
            !answer.headers.contains_key("preference-applied"),
            "{prefer}"
        );
    }
}
