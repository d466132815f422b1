//! The shop as its callers see it: over HTTP.

// The helpers beside the tests are test code as well.
#![allow(clippy::unwrap_used)]

use dowel_shop::{Route, Rule, Shop, ShopHandle, Silence, Switches};
use reqwest::{Client, Response, StatusCode};
use std::net::SocketAddr;

const BODY: &str = r#"{"order_id":12345678901234567890,"customer":"ERP-c1","currency":"EUR","lines":[{"sku":"A","qty":3,"amount":"59.97"}],"total":"60.27"}"#;

async fn shop(rules: Vec<Rule>) -> (ShopHandle, Client) {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let shop = Shop::start(any).await.unwrap();
    shop.set_switches(Switches { rules, chaos: None });
    (shop, Client::new())
}

async fn post(
    shop: &ShopHandle,
    client: &Client,
    key: &str,
    body: &str,
) -> reqwest::Result<Response> {
    let request = client.post(format!("{}/erp/invoices", shop.url()));
    let request = request
        .bearer_auth("erp-token")
        .header("Idempotency-Key", key);
    request.body(body.to_owned()).send().await
}

async fn contact(shop: &ShopHandle, client: &Client, id: &str, token: &str) -> Response {
    let request = client.get(format!("{}/crm/contacts/{id}", shop.url()));
    request.bearer_auth(token).send().await.unwrap()
}

#[tokio::test]
async fn a_contact_has_an_erp_id_and_needs_the_token() {
    let (shop, client) = shop(Vec::new()).await;
    let found = contact(&shop, &client, "c1", "crm-token").await;
    let text = found.text().await.unwrap();
    assert_eq!(
        text,
        r#"{"id":"c1","name":"Contact c1","email":"c1@example.com","erp_id":"ERP-c1"}"#
    );
    let refused = contact(&shop, &client, "c1", "erp-token").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let missing = contact(&shop, &client, "missing-1", "crm-token").await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    let statuses: Vec<_> = shop.calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [Some(200), Some(401), Some(404)]);
    shop.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_invoice_is_made_once_and_keeps_its_bytes() {
    let (shop, client) = shop(Vec::new()).await;
    let first = post(&shop, &client, "k1", BODY).await.unwrap();
    assert_eq!(first.status(), StatusCode::CREATED);
    let first = first.text().await.unwrap();
    let again = post(&shop, &client, "k1", BODY).await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(again.text().await.unwrap(), first);
    let other = BODY.replace("60.27", "60.28");
    let other = post(&shop, &client, "k1", &other).await.unwrap();
    assert_eq!(other.status(), StatusCode::CONFLICT);
    let junk = post(&shop, &client, "k2", "{}").await.unwrap();
    assert_eq!(junk.status(), StatusCode::UNPROCESSABLE_ENTITY);

    let url = format!("{}/ledger", shop.url());
    let text = client.get(url).send().await.unwrap().text().await.unwrap();
    let ledger: dowel_shop::Ledger = serde_json::from_str(&text).unwrap();
    assert_eq!(ledger, shop.ledger());
    let invoice = &ledger.invoices["k1"];
    assert_eq!(invoice.body, BODY);
    assert!(invoice.answered);
    assert_eq!((invoice.requests, ledger.conflicts), (2, 1));
    assert!(!ledger.invoices.contains_key("k2"));
    shop.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_void_invoice_says_so() {
    let (shop, client) = shop(Vec::new()).await;
    let made = post(&shop, &client, "k", BODY).await.unwrap();
    let made: serde_json::Value = serde_json::from_str(&made.text().await.unwrap()).unwrap();
    let id = made["id"].as_str().unwrap();
    let url = format!("{}/erp/invoices/{id}/void", shop.url());
    let voided = client
        .post(url)
        .bearer_auth("erp-token")
        .send()
        .await
        .unwrap();
    assert!(voided.text().await.unwrap().contains(r#""status":"void""#));
    assert_eq!(shop.ledger().invoices["k"].status, "void");
    shop.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_busy_crm_says_when_to_come_back() {
    let (shop, client) = shop(vec![Rule {
        fail_times: 1,
        status: 429,
        retry_after_s: Some(3),
        ..Rule::new(Route::CrmContact)
    }])
    .await;
    let busy = contact(&shop, &client, "c1", "crm-token").await;
    assert_eq!(busy.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(busy.headers()["retry-after"], "3");
    let served = contact(&shop, &client, "c1", "crm-token").await;
    assert_eq!(served.status(), StatusCode::OK);
    shop.shutdown().await.unwrap();
}

fn silent_once(silence: Silence) -> Vec<Rule> {
    vec![Rule {
        timeout_after_success: 1,
        silence,
        ..Rule::new(Route::ErpCreate)
    }]
}

#[tokio::test]
async fn a_cut_answer_leaves_its_effect() {
    let (shop, client) = shop(silent_once(Silence::Drop)).await;
    let lost = post(&shop, &client, "k", BODY).await;
    assert!(lost.is_err(), "the connection is cut");
    check_unanswered_then_repeated(&shop, &client).await;
    shop.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_withheld_answer_leaves_its_effect() {
    let (shop, client) = shop(silent_once(Silence::Hang)).await;
    let lost = tokio::spawn(lost_request(shop.url()));
    while shop.ledger().invoices.is_empty() {
        tokio::task::yield_now().await;
    }
    check_unanswered_then_repeated(&shop, &client).await;
    assert!(!lost.is_finished());
    shop.shutdown().await.unwrap();
    lost.await.unwrap();
}

async fn check_unanswered_then_repeated(shop: &ShopHandle, client: &Client) {
    assert!(!shop.ledger().invoices["k"].answered);
    assert_eq!(shop.calls()[0].status, None);
    let again = post(shop, client, "k", BODY).await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    assert!(shop.ledger().invoices["k"].answered);
}

async fn lost_request(url: String) {
    let request = Client::new().post(format!("{url}/erp/invoices"));
    let request = request
        .bearer_auth("erp-token")
        .header("Idempotency-Key", "k");
    assert!(request.body(BODY).send().await.is_err());
}

#[tokio::test]
async fn switches_are_set_over_http() {
    let (shop, client) = shop(Vec::new()).await;
    let url = format!("{}/switches", shop.url());
    let put = |text: &'static str| {
        let request = client.put(&url).header("content-type", "application/json");
        request.body(text).send()
    };
    let set = put(r#"{"rules":[{"route":"crm-contact","prefix":"x","fail_times":1}]}"#);
    assert_eq!(set.await.unwrap().status(), StatusCode::NO_CONTENT);
    let failed = contact(&shop, &client, "x1", "crm-token").await;
    assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let unknown = put(r#"{"rulez":[]}"#).await.unwrap();
    assert!(unknown.status().is_client_error());
    shop.shutdown().await.unwrap();
}
