//! Sessions of browsers.

use crate::support::{Caller, World, by, everywhere, request};
use axum::body::Body;
use axum::http::{Method, Request};
use dowel_api::ApiOptions;
use dowel_core::access::Role;
use dowel_engine::Invitation;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

async fn me(world: &World, caller: &Caller) -> String {
    world.get(caller, "/api/v1/me").await.short()
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_after_twelve_hours() {
    let world = World::new().await;
    let ana = world.person("ana@example.com", &[]).await;
    world.pass(59 * MINUTE);
    assert_eq!(me(&world, &ana).await, "200");
    world.pass(59 * MINUTE);
    assert_eq!(me(&world, &ana).await, "200", "it was used meanwhile");
    world.pass(60 * MINUTE);
    assert_eq!(
        me(&world, &ana).await,
        "401 DWL-5065",
        "an hour without use"
    );

    let ana = world.person("ana@example.com", &[]).await;
    for _ in 0..23 {
        world.pass(30 * MINUTE);
        assert_eq!(me(&world, &ana).await, "200");
    }
    world.pass(30 * MINUTE);
    assert_eq!(me(&world, &ana).await, "401 DWL-5065", "twelve hours");
}

#[tokio::test]
async fn signing_out_ends_the_session_at_once() {
    let world = World::new().await;
    let ana = world.person("ana@example.com", &[]).await;
    let out = world.form(&ana, "/logout", "").await;
    assert_eq!((out.status, out.header("location")), (303, "/login"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(me(&world, &ana).await, "401 DWL-5065");
}

#[tokio::test]
async fn over_https_the_cookie_is_for_https_alone() {
    for (url, is_secure) in [
        ("https://flows.example.com", true),
        ("http://10.0.0.1", false),
    ] {
        let world = World::with(ApiOptions {
            public_url: Some(url.to_owned()),
            ..ApiOptions::default()
        })
        .await;
        let wanted = Invitation {
            user: "ana@example.com".to_owned(),
            grants: Vec::new(),
            expires_in: MINUTE,
        };
        let link = world.engine.invite(wanted, &by()).await.unwrap().secret;
        let entered = world
            .form(&Caller::Nobody, "/login", &format!("link={link}"))
            .await;
        let cookie = entered.header("set-cookie");
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        assert_eq!(cookie.contains("; Secure"), is_secure, "{cookie}");
        assert_eq!(cookie.starts_with("__Host-"), is_secure, "{cookie}");
    }
}

#[tokio::test]
async fn a_link_ends_and_one_that_fails_says_so_on_a_page() {
    let world = World::new().await;
    let wanted = Invitation {
        user: "ana@example.com".to_owned(),
        grants: Vec::new(),
        expires_in: MINUTE,
    };
    let link = world.engine.invite(wanted, &by()).await.unwrap().secret;
    world.pass(MINUTE);
    let page = world
        .get(&Caller::Nobody, &format!("/login?link={link}"))
        .await;
    assert_eq!(page.status, 401);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("DWL-5068"), "{}", page.text);
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let world = World::new().await;
    let ana = world
        .person("ana@example.com", &[everywhere(Role::Admin)])
        .await;
    let path = "/api/v1/flows/orders/disable";
    let body = || Body::from(r#"{"reason":"prices"}"#);
    let from = |site: &str| {
        Request::post(path)
            .header("content-type", "application/json")
            .header("sec-fetch-site", site)
    };
    for site in ["cross-site", "same-site"] {
        let answer = world.send(&ana, from(site), body()).await;
        assert_eq!(answer.short(), "403 DWL-5066", "{site}");
    }
    assert_eq!(
        world.send(&ana, from("same-origin"), body()).await.status,
        200
    );
    // Nobody is signed in as somebody else without noticing.
    let login = Request::post("/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site");
    let answer = world
        .send(&Caller::Nobody, login, Body::from("token=x"))
        .await;
    assert_eq!(answer.short(), "403 DWL-5066");
}

#[tokio::test]
async fn a_page_sends_to_the_login_and_back() {
    let world = World::new().await;
    let page = world
        .get(&Caller::Nobody, "/login/device?code=BCDF-GHJK")
        .await;
    let expected = "/login?next=%2Flogin%2Fdevice%3Fcode%3DBCDF%2DGHJK";
    assert_eq!((page.status, page.header("location")), (303, expected));
    let login = world.get(&Caller::Nobody, expected).await;
    assert!(
        login
            .text
            .contains("value=\"/login/device?code=BCDF-GHJK\""),
        "{}",
        login.text
    );
    assert!(
        login
            .header("content-security-policy")
            .contains("frame-ancestors 'none'")
    );
}

#[tokio::test]
async fn a_token_signs_in_and_its_session_ends_with_it() {
    let world = World::new().await;
    let Caller::Token(text) = world.service(everywhere(Role::Viewer)).await else {
        panic!("a program has a token");
    };
    let entered = world
        .form(
            &Caller::Nobody,
            "/login",
            &format!("token={text}&next=/runs"),
        )
        .await;
    assert_eq!((entered.status, entered.header("location")), (303, "/runs"));
    let browser = Caller::Browser(entered.cookie(), String::new());
    let seen = world.get(&browser, "/api/v1/me").await.json();
    assert_eq!(
        (&seen["id"], &seen["roles"][0]),
        (&"service:viewer".into(), &"viewer".into())
    );
    let id = text.split('_').nth(1).unwrap();
    world
        .engine
        .revoke_token(id, &by(), |_| true)
        .await
        .unwrap();
    assert_eq!(me(&world, &browser).await, "401 DWL-5065");
}

#[tokio::test]
async fn who_guesses_waits() {
    let world = World::new().await;
    let guess = |n: u32| Caller::Token(format!("dwl_0a1b2c3d4e5f_{n:064x}"));
    for n in 0..11 {
        assert_eq!(me(&world, &guess(n)).await, "401 DWL-5064");
    }
    let answer = world.get(&guess(12), "/api/v1/me").await;
    assert_eq!(answer.short(), "429 DWL-5067");
    assert_eq!(answer.header("retry-after"), "5");
    let page = world.form(&Caller::Nobody, "/login", "token=x").await;
    assert_eq!((page.status, page.header("retry-after")), (429, "5"));
    world.pass(Duration::from_secs(5));
    assert_eq!(me(&world, &guess(12)).await, "401 DWL-5064");
    let request = request(&Method::GET, "/healthz");
    let answer = world.send(&guess(13), request, Body::empty()).await;
    assert_eq!(answer.status, 200, "what is open stays open");
}
