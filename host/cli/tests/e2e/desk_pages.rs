//! The desk's pages as a browser gets them, without a browser: what they hold, and what
//! keeps strangers out. `cargo xtask e2e` looks at them with one.

use crate::desk::parked;
use crate::world::{Host, World, order};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

/// Every page that needs nothing to be there.
const PAGES: [&str; 14] = [
    "",
    "/runs",
    "/runs?status=parked&flow=order-to-invoice",
    "/exceptions",
    "/exceptions?overdue=1",
    "/bulk",
    "/approvals",
    "/flows",
    "/flows/order-to-invoice?window=30d",
    "/schedules",
    "/connections",
    "/connectors",
    "/audit",
    "/keys",
];

/// Reaches the host by its socket, as the machine itself; goes nowhere by itself.
fn client(host: &Host) -> Client {
    let path = host.socket.trim_start_matches("unix:");
    let builder = Client::builder().redirect(Policy::none());
    builder.unix_socket(path).build().unwrap()
}

/// A browser that is not signed in.
fn stranger() -> Client {
    let builder = Client::builder().no_proxy().redirect(Policy::none());
    builder.build().unwrap()
}

async fn get(client: &Client, host: &Host, path: &str) -> Response {
    let url = format!("{}/desk{path}", host.admin);
    client.get(url).send().await.unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_answers_with_a_policy_that_lets_nothing_in() {
    let world = World::start().await;
    let host = world.host();
    let client = client(&host);
    let root = client.get(format!("{}/", host.admin)).send().await.unwrap();
    assert_eq!(header(&root, "location"), "/desk");
    for path in PAGES {
        let response = get(&client, &host, path).await;
        assert_eq!(response.status(), 200, "{path}");
        let policy = header(&response, "content-security-policy").to_owned();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        let page = response.text().await.unwrap();
        // The policy would keep them from working.
        for inline in [" style=\"", "<style", " onclick", "javascript:"] {
            assert!(!page.contains(inline), "{path} holds {inline}");
        }
    }
    for path in [
        "/nothing",
        "/runs/none",
        "/exceptions/none",
        "/flows/none",
        "/codes/none",
    ] {
        let response = get(&client, &host, path).await;
        assert_eq!(response.status(), 404, "{path}");
        assert!(
            header(&response, "content-type").starts_with("text/html"),
            "{path}"
        );
    }
    let response = get(&client, &host, "/runs?status=asleep").await;
    assert_eq!(response.status(), 400);
    assert!(response.text().await.unwrap().contains("DWL-4011"));
    let stranger = stranger();
    let sent_on = get(&stranger, &host, "/runs?flow=a").await;
    let login = "/login?next=%2Fdesk%2Fruns%3Fflow%3Da";
    assert_eq!(header(&sent_on, "location"), login);
    let missing = get(&stranger, &host, "/nothing").await;
    assert!(!missing.text().await.unwrap().contains("Exceptions"));
    let public = stranger.get(format!("{}/desk", host.public));
    let public = public.send().await.unwrap();
    assert_eq!(public.status(), 404, "the outside world has no desk");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_senders_write_is_text() {
    let world = World::start().await;
    let host = world.host();
    let client = client(&host);
    let hostile = r#"<img src=x onerror=alert(1)>"#;
    let story = world.order(&host, &order(hostile)).await;
    let run = story["id"].as_str().unwrap();
    for path in [
        format!("/runs/{run}"),
        "/runs".to_owned(),
        "/audit?actor=%3Cimg%20src%3Dx%3E".to_owned(),
    ] {
        let page = get(&client, &host, &path).await.text().await.unwrap();
        assert!(!page.contains("<img"), "{path}");
    }
    let found = get(
        &client,
        &host,
        "/search?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
    )
    .await;
    assert_eq!(header(&found, "location"), format!("/desk/runs/{run}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_decides_and_one_of_another_site_does_not() {
    let world = World::start().await;
    let host = world.host();
    let client = client(&host);
    let run = parked(&world, &host, "W1").await;
    let url = format!("{}/desk/exceptions/{run}/retry", host.admin);
    let form = "reason=&version=";
    let send = |site: &'static str| {
        let request = client.post(&url).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.header("sec-fetch-site", site).send()
    };
    let refused = send("cross-site").await.unwrap();
    assert_eq!(refused.status(), 403);
    assert!(refused.text().await.unwrap().contains("DWL-5066"));
    let taken = send("same-origin").await.unwrap();
    assert_eq!(taken.status(), 303);
    assert_eq!(
        header(&taken, "location"),
        format!("/desk/exceptions/{run}?done=retry")
    );
    let story = world.settled(&host, &run).await;
    assert_eq!(story["status"], "succeeded", "{story}");
    assert_eq!(story["decisions"][0]["actor"], "local:root", "{story}");
    let again = send("same-origin").await.unwrap();
    assert_eq!(again.status(), 404, "nothing waits any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_that_breaks_its_schema_comes_back_with_the_places() {
    let world = World::start().await;
    let host = world.host();
    let client = client(&host);
    let run = parked(&world, &host, "W2").await;
    let edit = async |input: &str| {
        let url = format!("{}/desk/exceptions/{run}/edit-input", host.admin);
        let escaped: String = input.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let body = format!("input={escaped}");
        let kind = "application/x-www-form-urlencoded";
        let request = client.post(url).header("content-type", kind);
        let response = request.body(body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, page) = edit(r#"{ "id": { "a": 7 } }"#).await;
    assert_eq!(status, 422);
    assert!(
        page.contains("<code>/id</code>")
            && page.contains("{ &quot;id&quot;: { &quot;a&quot;: 7 } }"),
        "{page}"
    );
    let (status, page) = edit("{").await;
    assert_eq!(status, 400);
    assert!(page.contains("DWL-4002"), "{page}");
    let (status, page) = edit(r#"{ "id": "•••" }"#).await;
    assert_eq!(status, 422);
    assert!(page.contains("write the real value"), "{page}");
    let (status, _) = edit(r#"{ "id": "C-W2" }"#).await;
    assert_eq!(status, 303);
    assert_eq!(world.settled(&host, &run).await["status"], "succeeded");
}
