//! Secrets that are easy to find again are planted in every place that holds some, flows
//! run against an upstream that repeats the credential in whatever it answers, and then
//! everything that the host has written or said is searched.

use crate::world::{Host, dowel, eventually, repository};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What every planted value has in it.
const CANARY: &str = "cAnAry";

/// The same where it begins a text in base64 (RFC 4648).
const ENCODED: &str = "Y0FuQXJ5";

const FLOW: &str = "\
language: dowel/v1
flow: echoes
version: 1.0.0
connections: { bearer: http@^0.1, basic: http@^0.1, header: http@^0.1, query: http@^0.1 }
trigger: { webhook: { path: /echoes, verify: token } }
dedupe: { key: '${ .id }', window: 1d }
steps:
  - id: heard
    switch:
      cases:
        - if: '${ $trigger.by == \"bearer\" }'
          steps: [{ id: a, call: bearer.get, with: { path: '${ $trigger.path }' } }]
        - if: '${ $trigger.by == \"basic\" }'
          steps: [{ id: b, call: basic.get, with: { path: '${ $trigger.path }' } }]
        - if: '${ $trigger.by == \"header\" }'
          steps: [{ id: c, call: header.get, with: { path: '${ $trigger.path }' } }]
      default: [{ id: d, call: query.get, with: { path: '${ $trigger.path }' } }]
output: { by: '${ $trigger.by }' }
";

/// What the upstream says where no credential came.
const NOTHING: &str = "no credential came";

/// Requests that came with a credential.
static HEARD: AtomicUsize = AtomicUsize::new(0);

/// Answers every request with the status that its path names, and repeats the request's
/// head in the reason, the headers and the body.
fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let status = path
        .split(['/', '?'])
        .find(|part| part.parse::<u16>().is_ok());
    let status = status.unwrap_or("200");
    let is_planted = |line: &&str| line.contains(CANARY) || line.contains(ENCODED);
    let line = head.lines().find(is_planted);
    let line = line.unwrap_or(NOTHING);
    if line != NOTHING {
        HEARD.fetch_add(1, Ordering::SeqCst);
    }
    let body = json!({ "heard": line, "error": { "message": head } }).to_string();
    let answer = format!(
        "HTTP/1.1 {status} {line}\r\ncontent-type: application/json\r\nlocation: {path}\r\n\
         link: <http://127.0.0.1{path}>; rel=next\r\netag: \"{line}\"\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes())
}

fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A caller that goes away is not this test's matter.
            let _ = echo(stream);
        }
    });
    address
}

fn environment(upstream: SocketAddr) -> String {
    let connection = |name: &str, auth: &str| {
        format!(
            "  {name}:
    connector: http
    config: {{ base_url: 'http://{upstream}' }}
    auth: {{ {auth}, origins: ['http://{upstream}'] }}
    allow: ['* http://{upstream}/*']
    private_addresses: [127.0.0.1/32]
"
        )
    };
    let user = "username: { secret: basic_user }, password: { secret: basic_word }";
    let connections = [
        (
            "bearer",
            "bearer: { token: { secret: bearer_token } }".to_owned(),
        ),
        ("basic", format!("basic: {{ {user} }}")),
        (
            "header",
            "api_key: { header: X-Key, key: { secret: header_key } }".to_owned(),
        ),
        (
            "query",
            "api_key: { query: key, key: { secret: query_key } }".to_owned(),
        ),
    ];
    let connections = connections.map(|(name, auth)| connection(name, &auth));
    format!(
        "environment: dev
secrets:
  environment: {{}}
  age: {{ file: secrets.age, identity_file: identity }}
  files: {{ folder: mounted }}
triggers: {{ echoes: {{ webhook: {{ verify_secret: hook }} }} }}
connections:
{}",
        connections.concat()
    )
}

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("flows/echoes")).unwrap();
        fs::create_dir_all(root.join("mounted")).unwrap();
        fs::write(root.join("flows/echoes/flow.yaml"), FLOW).unwrap();
        fs::write(root.join("env.yaml"), environment(upstream())).unwrap();
        let built = repository().join(".dowel/connectors");
        std::os::unix::fs::symlink(built, root.join("connectors")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command about secrets, with a text on its standard input.
    fn secret(&self, arguments: &[&str], input: &str) -> Output {
        let mut all = vec!["secret"];
        all.extend(arguments);
        let mut child = dowel(self.folder.path(), &all)
            .arg("--env-file")
            .arg(self.path("env.yaml"))
            .env("DOWEL_SECRET_HEADER_KEY", format!("{CANARY}-header-key"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        for said in [&output.stdout, &output.stderr] {
            assert!(!String::from_utf8_lossy(said).contains(CANARY));
        }
        output
    }

    fn secret_done(&self, arguments: &[&str], input: &str) -> String {
        let output = self.secret(arguments, input);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A host that writes every line that it can into `log`.
    fn host(&self) -> Host {
        Host::spawn(self.serve())
    }

    fn serve(&self) -> Command {
        let mut command = dowel(self.folder.path(), &["serve"]);
        let log = fs::File::create(self.path("log")).unwrap();
        command
            .arg("--env-file")
            .arg(self.path("env.yaml"))
            .arg("--data")
            .arg(self.path("data"))
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .env("DOWEL_SECRET_HEADER_KEY", format!("{CANARY}-header-key"))
            .env("DOWEL_LOG", "trace")
            .stderr(log);
        command
    }

    async fn post(&self, host: &Host, token: &str, body: &Value) -> (u16, Value) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let response = http
            .post(format!("{}/hooks/echoes", host.public))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        assert!(!text.contains(CANARY), "{text}");
        (status, serde_json::from_str(&text).unwrap())
    }

    /// A resource of the admin listener; nothing of it may have a planted value.
    async fn get(&self, host: &Host, path: &str) -> String {
        let url = format!("{}{path}", host.admin);
        let response = host.api.get(url).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let text = response.text().await.unwrap();
        let is_clean = !text.contains(CANARY) && !text.contains(ENCODED);
        assert!(is_clean, "{path}: {text}");
        text
    }
}

/// Every file below a folder that holds a planted value, whatever form it has.
fn leaks(folder: &Path, found: &mut Vec<PathBuf>) {
    let has = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    let holds = |bytes: &[u8]| has(bytes, CANARY) || has(bytes, ENCODED);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            leaks(&path, found);
        } else if path.is_file() && holds(&fs::read(&path).unwrap()) {
            found.push(path);
        }
    }
}

fn plant(world: &World) {
    world.secret_done(&["init"], "");
    for name in ["bearer_token", "basic_user", "basic_word", "hook"] {
        let value = format!("{CANARY}-{name}\n");
        world.secret_done(&["set", name], &value);
    }
    let value = format!("{CANARY}/query+key");
    fs::write(world.path("mounted/query_key"), value).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_anything_that_the_host_writes_or_says() {
    let world = World::new();
    plant(&world);
    let host = world.host();
    let hook = format!("{CANARY}-hook");
    let mut runs = Vec::new();
    for by in ["bearer", "basic", "header", "query"] {
        for status in [200, 302, 401, 403, 404, 409, 422, 429, 500, 503] {
            let body =
                json!({ "id": format!("{by}-{status}"), "by": by, "path": status.to_string() });
            let (answered, body) = world.post(&host, &hook, &body).await;
            assert_eq!(answered, 202, "{body}");
            runs.push(body["run"].as_str().unwrap().to_owned());
        }
    }
    eventually("every run to have called", async || {
        (HEARD.load(Ordering::SeqCst) >= runs.len()).then_some(())
    })
    .await;
    for run in &runs {
        let story = world.get(&host, &format!("/api/v1/runs/{run}")).await;
        assert!(!story.contains(NOTHING), "{story}");
        world.get(&host, &format!("/desk/runs/{run}")).await;
    }
    for path in [
        "/metrics",
        "/api/v1/runs?limit=100",
        "/api/v1/exceptions",
        "/api/v1/flows",
        "/api/v1/connections",
        "/desk",
        "/desk/connections",
        "/desk/exceptions",
        "/desk/flows/echoes",
        "/desk/audit",
    ] {
        world.get(&host, path).await;
    }
    let backup = Command::new(env!("CARGO_BIN_EXE_dowel"))
        .args(["backup", "--host", &host.socket])
        .arg(world.path("backup"))
        .output()
        .unwrap();
    assert!(backup.status.success(), "{backup:?}");
    assert_eq!(host.terminate(), Some(0));

    assert!(fs::metadata(world.path("log")).unwrap().len() > 10_000);
    let mut found = Vec::new();
    leaks(world.folder.path(), &mut found);
    // What was planted there is there: the search finds what there is to find.
    assert_eq!(found, [world.path("mounted/query_key")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_rotated_under_a_running_host_without_a_lost_request() {
    let world = World::new();
    plant(&world);
    let host = world.host();
    let send = async |id: &str, token: &str| {
        let body = json!({ "id": id, "by": "bearer", "path": "200" });
        let token = format!("{CANARY}-{token}");
        world.post(&host, &token, &body).await.0
    };
    assert_eq!(send("1", "hook").await, 202);
    assert_eq!(send("2", "hook-2027").await, 401);
    let value = format!("{CANARY}-hook-2027");
    world.secret_done(&["rotate", "hook", "--overlap", "1h"], &value);
    assert_eq!(send("3", "hook").await, 202, "the old one is still valid");
    assert_eq!(send("4", "hook-2027").await, 202, "the new one is valid");
    let list = world.secret_done(&["list"], "");
    assert!(
        list.contains("hook  since") && list.contains("the value before until"),
        "{list}"
    );
    let checked = world.secret_done(&["check"], "");
    assert!(checked.contains("ok    hook  age, 2 values"), "{checked}");
    world.secret_done(&["set", "hook"], &value);
    assert_eq!(send("5", "hook").await, 401, "the old one has ended");
    assert_eq!(send("6", "hook-2027").await, 202);
}

#[test]
fn what_is_missing_or_wrong_is_said_and_values_never_come_from_arguments() {
    let world = World::new();
    let refused = |arguments: &[&str], input: &str, expected: &str| {
        let output = world.secret(arguments, input);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(expected),
            "{said}"
        );
    };
    refused(&["set", "hook"], "x", "DWL-6103");
    world.secret_done(&["init"], "");
    refused(&["set", "hook"], "", "DWL-6106");
    refused(&["set", "hook"], &"x".repeat(70_000), "DWL-6106");
    refused(&["rotate", "hook"], "x", "DWL-6105");
    refused(&["set", "hook", "value"], "", "unexpected argument");
    let checked = world.secret(&["check"], "");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(1));
    assert!(said.contains("MEND  hook  DWL-6105"), "{said}");
    assert!(said.contains("ok    header_key  environment"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy_variables_lead_no_request_and_no_credential_elsewhere() {
    let world = World::new();
    plant(&world);
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = world.serve();
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env(name, &address);
    }
    let host = {
        command.env_remove("NO_PROXY").env_remove("no_proxy");
        Host::spawn(command)
    };
    let body = json!({ "id": "1", "by": "bearer", "path": "200" });
    let hook = format!("{CANARY}-hook");
    let (_, accepted) = world.post(&host, &hook, &body).await;
    let run = format!("/api/v1/runs/{}", accepted["run"].as_str().unwrap());
    eventually("the run to have called", async || {
        let text = world.get(&host, &run).await;
        let story: Value = serde_json::from_str(&text).unwrap();
        (story["status"] == "succeeded").then_some(())
    })
    .await;
    assert!(proxy.accept().is_err(), "nobody came to the proxy");
}
