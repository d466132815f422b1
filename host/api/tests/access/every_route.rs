//! Every route with every role and without any.

use crate::support::{Answer, Caller, ORDERS, World, everywhere, request};
use axum::body::Body;
use axum::http::Method;
use dowel_api::{Route, Who};
use dowel_core::access::Role;
use dowel_engine::{IntakeRequest, NewToken, TokenOwner};
use std::fmt::Write as _;
use std::time::Duration;

/// A path of this route, with a run that there is.
fn path(route: &Route, run: &str) -> String {
    let parts = [
        ("{id}", run),
        ("{run}", run),
        ("{step}", "ask"),
        ("{flow}", ORDERS),
        ("{version}", "9.9.9"),
        ("{user}", "nobody@example.com"),
        ("{change}", "pause"),
        ("{what}", "confirm"),
        ("{digest}", "sha256:00"),
        ("{word}", "approve"),
        ("{switch}", "disable"),
        ("{action}", "retry"),
        ("{code}", "DWL-4003"),
        ("{name}", "desk.css"),
        ("{trigger}", "manual"),
        ("{connection}", "crm"),
    ];
    let path = parts
        .into_iter()
        .fold(route.path.to_owned(), |path, (name, value)| {
            path.replace(name, value)
        });
    assert!(
        !path.contains('{'),
        "{path}: give the parameter a value above"
    );
    path
}

/// What the guard said: `yes`, or why not.
fn verdict(answer: &Answer) -> &'static str {
    // The page on which people sign in refuses for reasons of its own.
    if answer.status == 401 && answer.text.contains("<title>Sign in - Dowel</title>") {
        return "yes";
    }
    match (answer.status, answer.json()["code"].as_str()) {
        (401, Some("DWL-5060" | "DWL-5061")) => "401",
        (303, _) if answer.header("location").starts_with("/login?next=") => "login",
        (403, Some("DWL-5062" | "DWL-5063")) => "403",
        (403, _) if answer.text.contains("DWL-5062") || answer.text.contains("DWL-5063") => "403",
        (401 | 403, _) => panic!("refused for another reason: {answer:?}"),
        _ => "yes",
    }
}

async fn ask(world: &World, caller: &Caller, route: &Route, run: &str) -> &'static str {
    let request = request(&route.method, &path(route, run));
    verdict(&world.send(caller, request, Body::empty()).await)
}

async fn world_with_a_run() -> (World, String) {
    let world = World::new().await;
    let request = IntakeRequest::new(ORDERS.parse().unwrap(), "manual", "{}");
    let run = world.engine.accept(request).await.unwrap().run();
    (world, run.to_string())
}

#[tokio::test]
async fn every_route_with_every_role() {
    let (world, run) = world_with_a_run().await;
    let mut callers = vec![("nobody", Caller::Nobody)];
    for role in Role::ALL {
        callers.push((role.name(), world.service(everywhere(role)).await));
    }
    let metrics = NewToken {
        name: "metrics".to_owned(),
        owner: TokenOwner::Service("metrics".to_owned()),
        grants: Vec::new(),
        as_owner: false,
        metrics: true,
        expires_in: Duration::from_secs(3_600),
    };
    let (_, metrics) = world
        .engine
        .create_token(metrics, &crate::support::by())
        .await
        .unwrap();
    callers.push(("metrics", Caller::Token(metrics)));
    callers.push(("socket", Caller::Socket));
    let mut table = format!("{:<54}", "");
    for (name, _) in &callers {
        let _ = write!(table, "{name:<9}");
    }
    for route in dowel_api::admin_table(world.state.clone()) {
        let _ = write!(
            table,
            "\n{:<54}",
            format!("{} {}", route.method, route.path)
        );
        for (_, caller) in &callers {
            let _ = write!(table, "{:<9}", ask(&world, caller, &route, &run).await);
        }
    }
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    expect_test::expect_file!["every_route.txt"].assert_eq(&(lines.join("\n") + "\n"));
}

#[tokio::test]
async fn nobody_reaches_only_what_is_for_everybody() {
    let (world, run) = world_with_a_run().await;
    for route in dowel_api::admin_table(world.state.clone()) {
        let said = ask(&world, &Caller::Nobody, &route, &run).await;
        let is_open = route.needs.who == Who::Open;
        assert_eq!(said == "yes", is_open, "{} {}", route.method, route.path);
    }
    let open = dowel_api::admin_table(world.state.clone());
    let open = open.iter().filter(|route| route.needs.who == Who::Open);
    let open: Vec<String> = open
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let expected = [
        "GET /healthz",
        "GET /readyz",
        "GET /login",
        "POST /login",
        "GET /login/oidc",
        "GET /login/callback",
        "POST /api/v1/login/device",
        "POST /api/v1/login/device/token",
        "GET /",
        "GET /desk/",
        "POST /desk/theme",
        "GET /desk/assets/{name}",
    ];
    assert_eq!(open, expected, "whatever is open is open on purpose");
}

#[tokio::test]
async fn a_person_without_a_role_reaches_nothing_but_themselves() {
    let (world, run) = world_with_a_run().await;
    let nobody = world.person("ana@example.com", &[]).await;
    for route in dowel_api::admin_table(world.state.clone()) {
        if route.path == "/logout" {
            continue;
        }
        let said = ask(&world, &nobody, &route, &run).await;
        let is_for_all = matches!(route.needs.who, Who::Open | Who::SignedIn);
        assert_eq!(said == "yes", is_for_all, "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn every_route_that_changes_something_needs_the_sessions_token() {
    let (world, run) = world_with_a_run().await;
    let Caller::Browser(secret, _) = world
        .person("ana@example.com", &[everywhere(Role::Admin)])
        .await
    else {
        panic!("a person has a browser");
    };
    let forged = Caller::Browser(secret, "another".to_owned());
    for route in dowel_api::admin_table(world.state.clone()) {
        if route.method == Method::GET || route.needs.who == Who::Open {
            continue;
        }
        let request = request(&route.method, &path(&route, &run));
        let answer = world.send(&forged, request, Body::empty()).await;
        assert_eq!(answer.status, 403, "{} {}", route.method, route.path);
        assert!(answer.text.contains("DWL-5066"), "{}", answer.text);
    }
}

#[tokio::test]
async fn metrics_are_for_the_machine_and_for_tokens() {
    let world = World::new().await;
    assert_eq!(world.get(&Caller::Loopback, "/metrics").await.status, 200);
    assert_eq!(world.get(&Caller::Nobody, "/metrics").await.status, 401);
    let forwarded = request(&Method::GET, "/metrics").header("x-forwarded-for", "192.0.2.1");
    let answer = world
        .send(&Caller::Loopback, forwarded, Body::empty())
        .await;
    assert_eq!(
        answer.status, 401,
        "a proxy on the machine speaks for others"
    );
    let viewer = world.service(everywhere(Role::Viewer)).await;
    assert_eq!(world.get(&viewer, "/metrics").await.short(), "403 DWL-5062");
    for path in ["/api/v1/runs", "/api/v1/audit", "/api/v1/backup"] {
        assert_eq!(
            world.get(&Caller::Loopback, path).await.status,
            401,
            "{path}"
        );
    }
}
