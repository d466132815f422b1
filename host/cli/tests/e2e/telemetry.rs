//! Metrics and alerts with the real program: what Prometheus makes of them, and that
//! nobody outside chooses what is counted.

use crate::world::{EVENTS_TOKEN, Host, World, dowel, eventually, host_of, repository};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Refuses what it is told to.
const FLOW: &str = "\
language: dowel/v1
flow: take-orders
version: 1.0.0
owner: order-ops@example.com
description: Takes an order.
runbook: runbook.md
sla: { success: 99%, within: 1m, resolve: 4h }
triggers:
  hand: { manual: {} }
  message: { event: { type: com.example.order } }
dedupe: { key: '${ .id }', window: 1d }
steps:
  - id: wanted
    switch:
      cases:
        - if: '${ $trigger.refuse == true }'
          steps:
            - id: refuse
              fail: { kind: rejected, code: not-wanted, message: We do not want this. }
      default:
        - id: take
          set: { taken: true }
output: null
";

const ENVIRONMENT: &str = "\
environment: dev
events: { senders: { shop: { verify_secret: shop_events } } }
";

fn write(folder: &Path) {
    for (name, owner) in [
        ("take-orders", None),
        ("take-parcels", Some("parcels@example.com")),
    ] {
        let flow = folder.join("flows").join(name);
        fs::create_dir_all(&flow).unwrap();
        let mut text = FLOW.replace("take-orders", name);
        if let Some(owner) = owner {
            text = text.replace("order-ops@example.com", owner);
            text = text.replace("com.example.order", "com.example.parcel");
        }
        fs::write(flow.join("flow.yaml"), text).unwrap();
        fs::write(flow.join("runbook.md"), "# What to do\n").unwrap();
    }
    fs::create_dir_all(folder.join("connectors")).unwrap();
    fs::write(folder.join("env.yaml"), ENVIRONMENT).unwrap();
}

async fn begin(host: &Host, flow: &str, payload: &Value) {
    let url = format!("{}/api/v1/flows/{flow}/runs", host.admin);
    let request = host
        .api
        .post(url)
        .header("content-type", "application/json");
    let response = request.body(payload.to_string()).send().await.unwrap();
    assert!(response.status().is_success(), "{}", response.status());
}

/// `dowel alerts`, as a person types it.
fn alerts(folder: &Path, arguments: &[&str]) -> String {
    let output = dowel(folder, &[&["alerts"], arguments].concat())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// What `promtool` says about a text; nothing where all is well.
fn promtool(arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed: apt-get install prometheus");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() || !said.is_empty());
    said
}

/// A Prometheus that ends with the test.
struct Prometheus {
    child: Child,
    address: String,
}

impl Prometheus {
    /// Scrapes a host every second, and evaluates the rules as often.
    fn start(folder: &Path, host: &Host, rules: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let rules_file = folder.join("rules.yaml");
        fs::write(&rules_file, rules).unwrap();
        let target = host.admin.strip_prefix("http://").unwrap();
        let config = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": [rules_file],
            "scrape_configs": [{ "job_name": "dowel", "static_configs": [{ "targets": [target] }] }],
        });
        let file = folder.join("prometheus.yaml");
        fs::write(&file, config.to_string()).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("tsdb").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .spawn()
            .expect("prometheus is installed: apt-get install prometheus");
        Self { child, address }
    }

    /// An answer of its API; nothing while it does not answer.
    async fn ask(&self, world: &World, path: &str) -> Option<Value> {
        let url = format!("http://{}{path}", self.address);
        let response = world.http.get(url).send().await.ok()?;
        let answer: Value = serde_json::from_str(&response.text().await.ok()?).ok()?;
        (answer["status"] == "success").then(|| answer["data"].clone())
    }

    /// The alerts that fire.
    async fn firing(&self, world: &World) -> Vec<Value> {
        let answer = self.ask(world, "/api/v1/alerts").await.unwrap_or_default();
        let alerts = answer["alerts"].as_array().cloned().unwrap_or_default();
        let fire = alerts.into_iter().filter(|one| one["state"] == "firing");
        fire.collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn prometheus_fires_an_alert_that_names_owner_and_runbook() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    write(folder.path());
    let rules = alerts(
        folder.path(),
        &["--runbooks", "https://git.example.com/shop"],
    );
    let host = host_of(folder.path());
    let prometheus = Prometheus::start(folder.path(), &host, &rules);
    // Both flows have been seen before anything happens.
    let seen = "/api/v1/query?query=count(dowel_runs_ended_total{status=%22failed%22}==0)";
    eventually("Prometheus to scrape the host", async || {
        let answer = prometheus.ask(&world, seen).await?;
        (answer["result"][0]["value"][1] == "2").then_some(())
    })
    .await;
    for number in 0..5 {
        let order = json!({ "id": number, "refuse": true });
        begin(&host, "take-orders", &order).await;
        begin(&host, "take-parcels", &json!({ "id": number })).await;
    }
    let alert = eventually("the alert", async || {
        let firing = prometheus.firing(&world).await;
        let burns = |one: &Value| one["labels"]["alertname"] == "DowelErrorBudgetBurn";
        firing
            .into_iter()
            .find(|one| burns(one) && one["labels"]["burn"] == "fast")
    })
    .await;
    assert_eq!(alert["labels"]["flow"], "take-orders");
    assert_eq!(alert["labels"]["owner"], "order-ops@example.com");
    assert_eq!(alert["labels"]["severity"], "page");
    assert_eq!(
        alert["annotations"]["runbook_url"],
        "https://git.example.com/shop/flows/take-orders/runbook.md"
    );
    let others = prometheus.firing(&world).await;
    let of_others: Vec<&Value> = others
        .iter()
        .filter(|one| one["labels"]["flow"] != "take-orders")
        .collect();
    assert!(of_others.is_empty(), "{of_others:?}");
    let answer = prometheus.ask(&world, "/api/v1/rules").await.unwrap();
    for group in answer["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            assert!(rule["lastError"].is_null(), "{rule}");
            assert_ne!(rule["health"], "err", "{rule}");
        }
    }
}

#[tokio::test]
async fn prometheus_tools_find_nothing_to_say_about_metrics_and_rules() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    write(folder.path());
    let host = host_of(folder.path());
    begin(&host, "take-orders", &json!({ "id": 1 })).await;
    let (status, text) = world.get(&host, "/metrics").await;
    assert_eq!(status, 200);
    assert_eq!(promtool(&["check", "metrics"], &text), "");
    // The tool does find what is wrong.
    let wrong = text.replace("_total", "");
    assert!(promtool(&["check", "metrics"], &wrong).contains("_total"));
    for repository in [folder.path(), &repository()] {
        let file = folder.path().join("rules.yaml");
        fs::write(&file, alerts_of(repository)).unwrap();
        let checked = Command::new("promtool")
            .args(["check", "rules"])
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        let errors = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{said}{errors}");
        assert!(said.contains("SUCCESS"), "{said}");
    }
}

/// The rules of a repository; the project's own has its connectors elsewhere.
fn alerts_of(folder: &Path) -> String {
    if folder != repository() {
        return alerts(folder, &[]);
    }
    assert!(
        folder.join(".dowel/connectors").is_dir(),
        "the connectors are not built: run `cargo xtask guests`"
    );
    let output = Command::new(env!("CARGO_BIN_EXE_dowel"))
        .args(["alerts", "--repo"])
        .arg(folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The series of a scrape without their values.
async fn series(world: &World, host: &Host) -> BTreeSet<String> {
    let (status, text) = world.get(host, "/metrics").await;
    assert_eq!(status, 200);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()))
        .collect()
}

/// Everything in it is chosen by whoever sends it.
async fn attack(world: &World, host: &Host, number: usize) {
    let mark = format!("chosen{number}");
    let event = json!({
        "specversion": "1.0", "id": mark, "source": format!("/{mark}"),
        "type": format!("com.example.{mark}"), "subject": mark, "data": { "id": mark },
    });
    let known = json!({
        "specversion": "1.0", "id": mark, "source": format!("/{mark}"),
        "type": "com.example.order", "data": { "id": mark, "refuse": number.is_multiple_of(2), "by": mark },
    });
    for event in [event, known] {
        let request = world.http.post(format!("{}/events", host.public));
        let request = request
            .bearer_auth(EVENTS_TOKEN)
            .header("x-request-id", &mark);
        let request = request.header("content-type", "application/cloudevents+json");
        let sent = request.body(event.to_string()).send().await.unwrap();
        assert!(sent.status().as_u16() < 500, "{}", sent.status());
    }
    for path in ["hooks", "events", "api/v1/flows", "other"] {
        let request = world.http.post(format!("{}/{path}/{mark}", host.public));
        let request = request.header("user-agent", &mark).bearer_auth(&mark);
        let refused = request.body(mark.clone()).send().await.unwrap();
        assert!(refused.status().is_client_error());
    }
    let url = format!("{}/api/v1/flows/{mark}/runs", host.admin);
    let refused = host.api.post(url).body("{}").send().await.unwrap();
    assert!(refused.status().is_client_error());
}

#[tokio::test]
async fn what_senders_choose_never_becomes_a_label() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    write(folder.path());
    let host = host_of(folder.path());
    // Each outcome once, and the series that come with it.
    for number in 0..2 {
        attack(&world, &host, number).await;
    }
    let ended = "dowel_run_duration_seconds_count{flow=\"take-orders\"}";
    let before = eventually("the runs to end", async || {
        let seen = series(&world, &host).await;
        seen.contains(ended).then_some(seen)
    })
    .await;
    for number in 2..40 {
        attack(&world, &host, number).await;
    }
    let after = series(&world, &host).await;
    let new: Vec<&String> = after.difference(&before).collect();
    assert!(new.is_empty(), "{new:?}");
    assert!(!after.iter().any(|one| one.contains("chosen")), "{after:?}");
}

/// The names of metrics in a text, without what the kind of metric adds to them.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c: char| !is_part(c));
    let ours = words.filter(|word| word.starts_with("dowel_"));
    let base = |word: &str| {
        let ends = ["_total", "_bucket", "_count", "_sum"];
        let cut = ends.iter().find_map(|end| word.strip_suffix(end));
        cut.unwrap_or(word).to_owned()
    };
    ours.map(base).collect()
}

/// The metrics that the engine registers, by its sources: one without a series is in no
/// answer of a host.
fn registered() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![repository().join("host/engine/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(path).unwrap();
                let quoted = text.split('"').skip(1).step_by(2);
                // A line of an answer, as unit tests have them, is no name.
                let is_name = |word: &&str| {
                    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
                    word.starts_with("dowel_") && word.chars().all(is_part)
                };
                names.extend(quoted.filter(is_name).map(str::to_owned));
            }
        }
    }
    names
}

#[test]
fn every_metric_of_the_dashboard_the_rules_and_the_guide_exists() {
    let registered = registered();
    assert!(registered.contains("dowel_runs_accepted"));
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let rules = alerts(folder.path(), &[]);
    let dashboard = fs::read_to_string(repository().join("docs/grafana-dashboard.json")).unwrap();
    let parsed: Value = serde_json::from_str(&dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 8);
    let guide = fs::read_to_string(repository().join("docs/guide/operator.md")).unwrap();
    // The name of a crate, in the filter of the log.
    let guide = guide.replace("dowel_engine", "");
    for text in [&rules, &dashboard, &guide] {
        let unknown: Vec<_> = named(text).difference(&registered).cloned().collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
    let missing: Vec<_> = registered.difference(&named(&guide)).cloned().collect();
    assert!(
        missing.is_empty(),
        "not in docs/guide/operator.md: {missing:?}"
    );
}

#[test]
fn every_alert_has_an_owner_and_a_page_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let flow = folder.path().join("flows/take-orders/flow.yaml");
    let text = fs::read_to_string(&flow).unwrap();
    let text = text.replace("owner: order-ops@example.com\n", "");
    fs::write(&flow, text.replace("runbook: runbook.md\n", "")).unwrap();
    let rules = alerts(folder.path(), &["--format", "json", "--owner", "host-ops"]);
    let rules: Value = serde_json::from_str(&rules).unwrap();
    let groups = rules["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 3, "the host and two flows");
    for rule in groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
    {
        let expected = match rule["labels"]["flow"].as_str() {
            Some("take-parcels") => "parcels@example.com",
            _ => "host-ops",
        };
        assert_eq!(rule["labels"]["owner"], expected, "{rule}");
        let page = rule["annotations"]["runbook_url"].as_str().unwrap();
        let (file, anchor) = page.split_once('#').unwrap_or((page, ""));
        let root = match file.starts_with("flows/") {
            true => folder.path().to_owned(),
            false => repository(),
        };
        let text = fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("{rule}"));
        let headings = text.lines().filter(|line| line.starts_with('#'));
        let slugs = headings.map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.collect::<String>().replace(' ', "-")
        });
        assert!(
            anchor.is_empty() || slugs.into_iter().any(|slug| slug == anchor),
            "{rule}"
        );
    }
}
