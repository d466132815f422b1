//! Requests that come in, and receivers that do with them what they must not.

use crate::support::Known;
use crate::support::{DEADLINE, NOWHERE, TOKEN, built, connection};
use axum::Router;
use dowel_core::port::{
    HookAnswer, HookRequest, Invoker, ReceiverRequest, Reception, Secret, SubscriptionAsk,
    SubscriptionRequest,
};
use dowel_core::{Digest, JsonText, StepError, Timestamp};
use dowel_wasm::{ConnectorHost, HostOptions, package};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// HMAC-SHA-256 of `signed take`, and of others, with the key `key-1`.
fn signature(body: &str) -> String {
    use aws_lc_rs::hmac;
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"key-1");
    let tag = hmac::sign(&key, body.as_bytes());
    tag.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

struct Bench {
    host: ConnectorHost,
    digest: Digest,
}

impl Bench {
    fn new(base_url: &str) -> Self {
        let options = HostOptions {
            max_instances: 8,
            ..HostOptions::default()
        };
        let host = ConnectorHost::new(options, Arc::new(Known)).unwrap();
        let component = package::describe(&built("examples/receiver.wasm")).unwrap();
        let digest = host.add(&component).unwrap().digest;
        let mut connection = connection(base_url);
        connection.connector = "receiver".parse().unwrap();
        host.bind(vec![connection]).unwrap();
        Self { host, digest }
    }

    fn request(&self, receiver: &str, body: &str) -> ReceiverRequest {
        ReceiverRequest {
            connection: "it".parse().unwrap(),
            component: self.digest,
            receiver: receiver.parse().unwrap(),
            params: JsonText::parse(r#"{"a":1.10}"#).unwrap(),
            http: HookRequest {
                method: "POST".to_owned(),
                url: "https://dowel.example/hooks/it?x=%20".to_owned(),
                path: "/hooks/it".to_owned(),
                query: Some("x=%20".to_owned()),
                headers: vec![
                    ("authorization".to_owned(), format!("Bearer {TOKEN}")),
                    ("cookie".to_owned(), "a=b".to_owned()),
                    ("x-signature".to_owned(), signature(body)),
                ],
                body: body.as_bytes().to_vec(),
            },
            at: Timestamp::from_millis(1),
            keys: vec![Secret::new("key-2"), Secret::new("key-1")],
            deadline: DEADLINE,
        }
    }

    async fn receive(&self, receiver: &str, body: &str) -> Result<Reception, StepError> {
        self.host.receive(self.request(receiver, body)).await
    }

    async fn code(&self, receiver: &str, body: &str) -> String {
        let received = self.receive(receiver, body).await;
        let code = received.expect_err(body).code;
        let good = self.receive("strict", "signed take").await;
        good.unwrap_or_else(|error| panic!("after `{body}`: {error}"));
        code
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_taken_of_what_is_signed_with_either_key() {
    let bench = Bench::new(NOWHERE);
    let reception = bench.receive("strict", "signed take").await.unwrap();
    let event = &reception.events[0];
    assert_eq!((&*event.id, &*event.kind), ("e-1", "thing.happened"));
    assert_eq!(event.data.as_str(), r#"{"price":1.10}"#);
    assert_eq!(reception.answer, None);

    let mut other = bench.request("strict", "signed take");
    other.keys = vec![Secret::new("key-3")];
    let error = bench.host.receive(other).await.unwrap_err();
    assert_eq!(error.kind, dowel_core::ErrorKind::Unauthenticated);

    let mut token = bench.request("strict", "token take");
    token.keys = vec![Secret::new("old"), Secret::new(TOKEN)];
    assert_eq!(bench.host.receive(token).await.unwrap().events.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_vouched_for_is_not_taken() {
    let bench = Bench::new(NOWHERE);
    assert_eq!(bench.code("strict", "blind take").await, "DWL-2381");
    assert_eq!(bench.code("polite", "blind take").await, "DWL-2381");
    assert_eq!(bench.code("strict", "blind greet").await, "DWL-2381");
    let greeting = bench.receive("polite", "blind greet").await.unwrap();
    let answer = HookAnswer {
        status: 200,
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        body: "hello".to_owned(),
    };
    assert_eq!((greeting.events.len(), greeting.answer), (0, Some(answer)));
    // One call's proof is not another's.
    bench.receive("strict", "signed take").await.unwrap();
    assert_eq!(bench.code("strict", "blind take").await, "DWL-2381");
    assert_eq!(bench.code("strict", "blind guess").await, "after-16");
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_is_refused_and_the_next_request_is_well() {
    let bench = Bench::new(NOWHERE);
    for (body, code) in [
        ("signed many", "DWL-2382"),
        ("signed nameless", "DWL-2382"),
        ("signed junk", "DWL-2105"),
        ("signed page", "DWL-2383"),
        ("signed cookie", "DWL-2383"),
        ("signed moved", "DWL-2383"),
        ("signed huge", "DWL-2383"),
        ("signed trap", "DWL-2102"),
        ("signed memory", "DWL-2103"),
        ("signed no-such-deed", "no-such-deed"),
    ] {
        assert_eq!(bench.code("strict", body).await, code, "{body}");
    }
    assert_eq!(bench.code("nobody", "signed take").await, "DWL-2380");
    let mut endless = bench.request("strict", "signed spin");
    endless.deadline = Duration::from_millis(200);
    assert_eq!(
        bench.host.receive(endless).await.unwrap_err().code,
        "DWL-2101"
    );
    bench.receive("strict", "signed take").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_a_request_stay_with_the_host() {
    let bench = Bench::new(NOWHERE);
    let body = "signed show";
    let shown = bench.receive("strict", body).await.unwrap();
    let wanted = format!(
        r#""POST https://dowel.example/hooks/it?x=%20 /hooks/it Some(\"x=%20\") [x-signature={}] {{\"a\":1.10}}""#,
        signature(body)
    );
    assert_eq!(shown.events[0].data.as_str(), wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_out_for_what_nobody_vouched_for() {
    let heard = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&heard);
    let app = Router::new().fallback(move || {
        let count = Arc::clone(&count);
        async move {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let bench = Bench::new(&base_url);
    assert_eq!(bench.code("strict", "blind fetch").await, "DWL-2381");
    assert_eq!(heard.load(Ordering::SeqCst), 0);
    bench.receive("strict", "signed fetch").await.unwrap();
    assert_eq!(
        heard.load(Ordering::SeqCst),
        1,
        "its connection's egress, after the proof"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_asked_for_with_a_key() {
    let bench = Bench::new(NOWHERE);
    let ask = async |receiver: &str, ask| {
        let request = SubscriptionRequest {
            connection: "it".parse().unwrap(),
            component: bench.digest,
            receiver: receiver.parse().unwrap(),
            params: JsonText::parse("{}").unwrap(),
            ask,
            idempotency_key: "key-9".to_owned(),
            deadline: DEADLINE,
        };
        bench.host.subscription(request).await
    };
    let (url, id) = (
        "https://dowel.example/hooks/it".to_owned(),
        "s-1".to_owned(),
    );
    let subscribe = SubscriptionAsk::Subscribe { url: url.clone() };
    let made = ask("polite", subscribe.clone()).await.unwrap().unwrap();
    assert_eq!(made.id, format!("polite {url} key-9"));
    assert_eq!(made.expires_ms, Some(1));
    let renew = SubscriptionAsk::Renew {
        url,
        id: id.clone(),
    };
    let renewed = ask("polite", renew).await.unwrap().unwrap();
    assert_eq!((&*renewed.id, renewed.expires_ms), ("s-1 again", None));
    let ended = ask("polite", SubscriptionAsk::Unsubscribe { id }).await;
    assert_eq!(ended.unwrap_err().code, "s-1");
    assert_eq!(ask("strict", subscribe).await.unwrap_err().code, "DWL-2380");
}
