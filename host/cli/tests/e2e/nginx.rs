//! The examples in `docs/deploy`, with the real nginx and TLS, and with the real systemd.

use crate::gitops::{TOKEN, World, text};
use crate::world::{Host, PATIENCE, eventually, repository};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// A machine's second address, to tell the caller from the proxy.
const CALLER: [u8; 4] = [127, 0, 0, 2];

/// nginx with the example; stopped with the test.
struct Proxy {
    child: Child,
    port: u16,
    certificate: PathBuf,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let (pem, key) = (folder.join("tls.pem"), folder.join("tls.key"));
    let names = "subjectAltName=DNS:hooks.example.com,DNS:flows.example.com";
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", "/CN=hooks.example.com", "-addext", names])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&pem)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    (pem, key)
}

impl Proxy {
    /// The example with this machine's ports and certificates, and nothing else changed.
    fn start(folder: &Path, public: &str, admin: &str) -> Self {
        let (certificate, key) = certificate(folder);
        let port = free_port();
        let example = repository().join("docs/deploy/nginx.conf");
        let mut example = std::fs::read_to_string(example).unwrap();
        for (from, to) in [
            ("listen 443 ssl", format!("listen 127.0.0.1:{port} ssl")),
            ("http://127.0.0.1:8080", public.to_owned()),
            ("http://127.0.0.1:8081", admin.to_owned()),
            (
                "/etc/ssl/dowel/hooks.pem",
                certificate.display().to_string(),
            ),
            (
                "/etc/ssl/dowel/flows.pem",
                certificate.display().to_string(),
            ),
            ("/etc/ssl/dowel/hooks.key", key.display().to_string()),
            ("/etc/ssl/dowel/flows.key", key.display().to_string()),
        ] {
            assert!(example.contains(from), "the example has no {from}");
            example = example.replace(from, &to);
        }
        let here = folder.display();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let paths = paths.map(|name| format!("{name}_temp_path {here}/{name};"));
        let config = format!(
            "daemon off;\nmaster_process off;\npid {here}/nginx.pid;\nerror_log {here}/error.log;\n\
             events {{}}\nhttp {{\naccess_log off;\n{}\n{example}\n}}\n",
            paths.join("\n")
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let child = Command::new(program())
            .arg("-e")
            .arg(folder.join("error.log"))
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(&file)
            .spawn()
            .unwrap();
        Self {
            child,
            port,
            certificate,
        }
    }

    /// A caller elsewhere, who knows the proxy by its certificate.
    fn caller(&self) -> reqwest::Client {
        let root = std::fs::read(&self.certificate).unwrap();
        let at = std::net::SocketAddr::from(([127, 0, 0, 1], self.port));
        reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .local_address(IpAddr::from(CALLER))
            .tls_certs_only([reqwest::Certificate::from_pem(&root).unwrap()])
            .resolve("hooks.example.com", at)
            .resolve("flows.example.com", at)
            .build()
            .unwrap()
    }

    fn hooks(&self, path: &str) -> String {
        format!("https://hooks.example.com:{}{path}", self.port)
    }

    fn flows(&self, path: &str) -> String {
        format!("https://flows.example.com:{}{path}", self.port)
    }

    async fn is_up(&self, caller: &reqwest::Client) {
        let up = async || caller.get(self.hooks("/healthz")).send().await.ok();
        eventually("nginx to listen", up).await;
    }
}

/// Packages put it where only administrators look.
fn program() -> PathBuf {
    let usual = Path::new("/usr/sbin/nginx");
    if usual.is_file() {
        return usual.to_owned();
    }
    "nginx".into()
}

/// A host behind the proxy, as the host file in `docs/deploy` has it.
fn host(world: &World) -> Host {
    let example = repository().join("docs/deploy/host.yaml");
    let example = std::fs::read_to_string(example).unwrap();
    let trusted = example
        .lines()
        .find(|line| line.starts_with("trusted_proxies"));
    world.host("dev", &format!("{}\n", trusted.unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_passes_on_who_calls_and_lets_the_host_judge_sizes() {
    let world = World::new();
    let flow = "flows/first-orders/flow.yaml";
    world.edit(
        flow,
        "verify: token, schema: schemas/order.json }",
        "verify: token, schema: schemas/order.json, respond: { when: completed, within: 1m } }",
    );
    world.edit(
        flow,
        "  - id: announce",
        "  - { id: pause, wait: { duration: 500ms } }\n\n  - id: announce",
    );
    let commit = world.commit("answers with the result");
    let host = host(&world);
    world.looks(&host, &commit).await;
    let proxy = Proxy::start(world.folder.path(), &host.public, &host.admin);
    let caller = proxy.caller();
    proxy.is_up(&caller).await;

    // A sender that waits for the end of its run.
    let order = r#"{"order_id":"1","lines":[{"qty":2,"price":"1.50"}]}"#;
    let sends = |body: String| {
        let request = caller
            .post(proxy.hooks("/hooks/first-orders"))
            .bearer_auth(TOKEN);
        request
            .header("content-type", "application/json")
            .body(body)
    };
    let answer = sends(order.to_owned()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let answer = answer.text().await.unwrap();
    assert!(answer.contains(r#""3.00""#), "{answer}");

    // What is too large is said by the host, in its own words; beyond that by the proxy.
    let padded = |bytes: usize| format!("{order}{}", " ".repeat(bytes));
    let answer = sends(padded(2 << 20)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 413);
    let problem = answer.text().await.unwrap();
    assert!(problem.contains("DWL-"), "{problem}");
    let answer = sends(padded(900 << 10)).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let answer = sends(padded(5 << 20)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 413);
    assert!(!answer.text().await.unwrap().contains("DWL-"));

    // The admin name does not serve hooks, and the public one nothing administrative.
    let hooks = caller
        .get(proxy.hooks("/api/v1/runs"))
        .send()
        .await
        .unwrap();
    assert_eq!(hooks.status().as_u16(), 404);
    check_addresses(&world, &host, &proxy).await;
}

/// Who decided something through the proxy, from where: the caller's address, whatever the
/// caller claims.
async fn check_addresses(world: &World, host: &Host, proxy: &Proxy) {
    let caller = proxy.caller();
    let stranger = caller
        .get(proxy.flows("/api/v1/runs"))
        .send()
        .await
        .unwrap();
    assert_eq!(stranger.status().as_u16(), 401);
    let invite = ["admin", "invite", "ana@example.com", "--role", "admin"];
    let to_host = ["--host", &host.socket, "--format", "json"];
    // The network is let in once there is a user.
    world.does(&[&invite[..], &to_host].concat());
    let make = [
        "token",
        "create",
        "robot",
        "--service",
        "robot",
        "--role",
        "operator",
    ];
    let made = world.does(&[&make[..], &to_host].concat());
    let made: Value = serde_json::from_str(&made).unwrap();
    let token = made["token"].as_str().unwrap();
    let request = caller
        .post(proxy.flows("/api/v1/flows/first-orders/disable"))
        .bearer_auth(token)
        .header("x-forwarded-for", "192.0.2.66")
        .header("content-type", "application/json");
    let body = json!({ "reason": "from afar" }).to_string();
    let answer = request.body(body).send().await.unwrap();
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap()
    );
    let audit = world.does(&[&["audit", "list"][..], &to_host].concat());
    assert!(
        audit.contains("from afar") && audit.contains("127.0.0.2"),
        "{audit}"
    );
    assert!(!audit.contains("192.0.2.66"), "{audit}");
}

/// An upstream that begins an answer and keeps it open.
fn streaming() -> (String, std::sync::mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (go_on, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).unwrap() > 0);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"8\r\ndata: 1\n\r\n").unwrap();
        told.recv().unwrap();
        stream.write_all(b"8\r\ndata: 2\n\r\n0\r\n\r\n").unwrap();
    });
    (address, go_on)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_passes_on_server_sent_events_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let (admin, go_on) = streaming();
    let proxy = Proxy::start(folder.path(), "http://127.0.0.1:1", &admin);
    let caller = proxy.caller();
    proxy.is_up(&caller).await;
    let mut answer = caller.get(proxy.flows("/events")).send().await.unwrap();
    // The second part is only sent when the first one was read.
    let first = answer.chunk().await.unwrap().unwrap();
    assert_eq!(&first[..], b"data: 1\n");
    go_on.send(()).unwrap();
    let second = answer.chunk().await.unwrap().unwrap();
    assert_eq!(&second[..], b"data: 2\n");
}

#[test]
fn systemd_understands_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let example = std::fs::read_to_string(repository().join("docs/deploy/dowel.service")).unwrap();
    let start = "/usr/local/bin/dowel serve";
    assert!(example.contains(start), "{example}");
    // The program has to be where the unit says.
    let unit = example.replace(start, &format!("{} serve", env!("CARGO_BIN_EXE_dowel")));
    let file = folder.path().join("dowel.service");
    std::fs::write(&file, unit).unwrap();
    let mut verify = Command::new("systemd-analyze");
    let output = verify
        .args(["verify", "--man=no"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(text(&output), "");
}
