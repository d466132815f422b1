//! Receivers in the manifest, and requests on their way to them.

use dowel_core::manifest::Manifest;
use dowel_sdk::http::Method;
use dowel_sdk::testing::{Exchange, FakeHost, Hook};
use dowel_sdk::{
    Connector, Context, Incoming, Reception, Reply, Result, SourceEvent, Subscription, connector,
    receiver,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

#[connector(
    name = "bell",
    summary = "Hears the bell.",
    egress = ["POST,DELETE {base_url}/bells", "DELETE {base_url}/bells/*"],
    receivers = [rung, knocked],
)]
#[derive(Deserialize, JsonSchema)]
struct Config {
    base_url: String,
}

#[derive(Deserialize, JsonSchema)]
struct Params {
    #[allow(dead_code)]
    door: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Ring {
    times: u32,
}

/// The bell is rung.
#[receiver(
    name = "ring",
    handshake = true,
    deadline = "2s",
    subscribe = installed,
    unsubscribe = removed,
)]
fn rung(_: &Context<Config>, _: Params, request: &Incoming) -> Result<Reception<Ring>> {
    let ring: Ring = request.json()?;
    let event = SourceEvent {
        id: "1".to_owned(),
        kind: "bell.rung".to_owned(),
        subject: None,
        time: None,
        data: ring,
    };
    let mut reception = Reception::of([event]);
    reception.answer = Some(Reply::json(&"heard")?.header("X-Bell", "ding"));
    Ok(reception)
}

/// Somebody knocks.
#[receiver]
fn knocked(_: &Context<Config>, _: Params, _: &Incoming) -> Result<Reception<u8>> {
    Ok(Reception::of([]))
}

fn installed(ctx: &Context<Config>, _: Params, url: &str) -> Result<Subscription> {
    let body = serde_json::json!({ "url": url, "key": ctx.idempotency_key() });
    ctx.http().post("/bells").json(&body).send()?;
    Ok(Subscription {
        id: "b-1".to_owned(),
        expires: Some(ctx.now() + Duration::from_secs(60)),
    })
}

fn removed(ctx: &Context<Config>, _: Params, id: &str) -> Result<()> {
    let request = ctx.http().delete("/bells/{id}").path("id", id);
    request.send().map(drop)
}

const DOOR: &str = r#"{"door":"front"}"#;

fn host() -> FakeHost<Config> {
    FakeHost::new(r#"{ "base_url": "https://bells.example" }"#)
}

#[test]
fn receivers_stand_in_a_manifest_that_the_host_accepts() {
    let text = dowel_sdk::manifest::<Config>();
    let manifest = Manifest::parse(text.as_bytes()).unwrap();
    let [ring, knocked] = &manifest.receivers[..] else {
        panic!("{text}");
    };
    assert_eq!(
        (ring.name.as_str(), &*ring.summary),
        ("ring", "The bell is rung.")
    );
    assert!(ring.handshake && ring.subscription);
    assert_eq!(ring.deadline_ms, Some(2000));
    assert_eq!(
        ring.params_schema.to_value()["required"],
        serde_json::json!(["door"])
    );
    assert_eq!(knocked.name.as_str(), "knocked");
    assert!(!knocked.handshake && !knocked.subscription && knocked.deadline_ms.is_none());
    assert!(manifest.receiver("ring").is_some() && manifest.receiver("rung").is_none());

    let twice = text.replace("\"knocked\"", "\"ring\"");
    let error = Manifest::parse(twice.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "the receiver `ring` is listed twice");
    let old = text.replace("\"contract\":\"0.2.0\"", "\"contract\":\"0.1.0\"");
    let error = Manifest::parse(old.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("its contract 0.1.0 has none"), "{error}");
}

#[test]
fn requests_go_to_the_named_function() {
    let host = host();
    let reception = host
        .receive::<rung>(DOOR, &Hook::post(r#"{"times":2}"#))
        .unwrap();
    assert_eq!(reception.events[0].data.as_str(), r#"{"times":2}"#);
    let answer = reception.answer.unwrap();
    assert_eq!((answer.status, &*answer.body), (200, r#""heard""#));
    let bell = ("x-bell".to_owned(), "ding".to_owned());
    assert_eq!(answer.headers.last(), Some(&bell));
    assert_eq!(
        host.receive::<knocked>(DOOR, &Hook::post(""))
            .unwrap()
            .events
            .len(),
        0
    );

    let code = |params, body| {
        let received = host.receive::<rung>(params, &Hook::post(body));
        received.unwrap_err().code().to_owned()
    };
    assert_eq!(code("{}", r#"{"times":2}"#), "invalid-params");
    assert_eq!(code(DOOR, r#"{"times":-2}"#), "invalid-body");
    let ctx = host.context().unwrap();
    let unknown = Config::receive(&ctx, "rung", DOOR, &Incoming::default()).unwrap_err();
    assert_eq!(unknown.code(), "unknown-receiver");
}

#[test]
fn subscriptions_are_made_renewed_and_ended() {
    let host = host();
    let url = "https://dowel.example/hooks/bell";
    let ask = || {
        let body = format!(r#"{{"key":"dowel-test-key","url":"{url}"}}"#);
        host.expect(Exchange::post("/bells").body(body).reply(201, "{}"));
    };
    ask();
    let made = host.subscribe::<rung>(DOOR, url).unwrap().unwrap();
    assert_eq!(made.id, "b-1");
    assert!(made.expires.is_some_and(|at| at > SystemTime::UNIX_EPOCH));
    // Without a way of its own it subscribes anew.
    ask();
    assert_eq!(host.renew::<rung>(DOOR, url, "b-1").unwrap(), Some(made));
    host.expect(Exchange::new(Method::Delete, "/bells/b-1").reply(204, ""));
    host.unsubscribe::<rung>(DOOR, "b-1").unwrap();
    let none = host.subscribe::<knocked>(DOOR, url).unwrap_err();
    assert_eq!(none.code(), "no-subscription");
}
