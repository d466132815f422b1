//! The commands for those who write connectors and those who add them.

use crate::world::{World, repository};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The secret key of test 1 of RFC 8032, section 7.1, as OpenSSL writes it.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

/// Its public key.
const PUBLIC: &str = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// The secret key of test 2.
const OTHER_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7
-----END PRIVATE KEY-----
";

/// A command's output and its exit code.
pub(crate) fn run(arguments: &[&str]) -> (String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dowel"));
    let output = command
        .arg("connector")
        .args(arguments)
        .env("DOWEL_SECRET_CRM_TOKEN", "crm-token")
        .env("DOWEL_SECRET_ERP_TOKEN", "erp-token")
        .env_remove("DOWEL_REPO")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (text, output.status.code().unwrap())
}

pub(crate) fn good(arguments: &[&str]) -> String {
    let (text, code) = run(arguments);
    assert_eq!(code, 0, "{arguments:?}: {text}");
    text
}

fn bad(arguments: &[&str], expected: &str) {
    let (text, code) = run(arguments);
    assert_ne!(code, 0, "{arguments:?}: {text}");
    assert!(text.contains(expected), "{text}");
}

/// A connector that was built.
pub(crate) fn built(name: &str) -> PathBuf {
    let path = repository().join(format!(".dowel/connectors/{name}-0.1.0.wasm"));
    assert!(
        path.is_file(),
        "the connectors are not built: run `cargo xtask guests`"
    );
    path
}

pub(crate) fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder with a copy of a connector, and a repository beside it.
struct Place {
    folder: tempfile::TempDir,
    component: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let component = folder.path().join("crm-0.1.0.wasm");
        fs::copy(built("crm"), &component).unwrap();
        fs::create_dir_all(folder.path().join("repo/flows")).unwrap();
        Self { folder, component }
    }

    fn repo(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sign(&self, key: &str) {
        let file = self.path("key.pem");
        fs::write(&file, key).unwrap();
        good(&["sign", shown(&self.component), "--key", shown(&file)]);
    }

    fn trust(&self, key: &str) {
        let text = format!("signers: {{ acme: '{key}' }}\n");
        fs::write(self.repo().join("trusted-signers.yaml"), text).unwrap();
    }

    fn add(&self) -> String {
        good(&["add", shown(&self.component), "--repo", shown(&self.repo())])
    }

    fn installed(&self) -> PathBuf {
        self.repo().join(".dowel/connectors/crm-0.1.0.wasm")
    }

    /// A command that loads the repository's connectors.
    fn check(&self) -> (String, i32) {
        let output = Command::new(env!("CARGO_BIN_EXE_dowel"))
            .args(["check", "--repo", shown(&self.repo())])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (text, output.status.code().unwrap())
    }
}

#[test]
fn a_connector_is_signed_added_and_loaded() {
    let place = Place::new();
    place.sign(KEY);
    place.trust(PUBLIC);
    let text = place.add();
    assert!(text.contains("signed    by acme"), "{text}");
    assert!(
        text.contains("needs     GET {base_url}/contacts/*"),
        "{text}"
    );
    assert_eq!(place.check().1, 0, "{}", place.check().0);
    let repo = place.repo();
    let inspect = ["inspect", shown(&place.component), "--repo", shown(&repo)];
    let text = good(&inspect);
    assert!(text.contains("signed    by acme, who is trusted"), "{text}");
    assert!(text.contains("locked    from file:"), "{text}");
    let json: Value =
        serde_json::from_str(&good(&[&inspect[..], &["--format", "json"]].concat())).unwrap();
    assert_eq!(
        json["capabilities"]["egress"][0],
        "GET {base_url}/contacts/*"
    );
}

#[test]
fn a_changed_byte_is_refused_and_brought_back() {
    let place = Place::new();
    place.add();
    // Still a component, with the same manifest: only a byte of a custom section more.
    let mut bytes = fs::read(place.installed()).unwrap();
    bytes.extend_from_slice(b"\0\x03\x01xy");
    fs::write(place.installed(), &bytes).unwrap();
    let (text, code) = place.check();
    assert_eq!(code, 3);
    assert!(
        text.contains("DWL-5014") && text.contains("connector install"),
        "{text}"
    );
    // The source may be gone: the cache has it.
    fs::remove_file(&place.component).unwrap();
    let repo = place.repo();
    good(&["install", "--repo", shown(&repo)]);
    assert_eq!(place.check().1, 0, "{}", place.check().0);
}

#[test]
fn strangers_and_forgers_are_refused() {
    let place = Place::new();
    place.trust(PUBLIC);
    let repo = place.repo();
    let add = ["add", shown(&place.component), "--repo", shown(&repo)];
    bad(&add, "DWL-5015");
    place.sign(OTHER_KEY);
    bad(&add, "DWL-5015");
    place.sign(KEY);
    let mut bytes = fs::read(&place.component).unwrap();
    bytes.extend_from_slice(b"\0\x03\x01xy");
    fs::write(&place.component, bytes).unwrap();
    bad(&add, "DWL-5016");
    assert!(!place.installed().exists());
}

#[test]
fn a_folder_is_a_registry_too() {
    let place = Place::new();
    place.sign(KEY);
    let target = place.path("published");
    let text = good(&["publish", shown(&place.component), shown(&target)]);
    assert!(text.contains("published, signed"), "{text}");
    place.trust(PUBLIC);
    let (source, repo) = (target.join("crm-0.1.0.wasm"), place.repo());
    good(&["add", shown(&source), "--repo", shown(&repo)]);
    assert_eq!(place.check().1, 0);
    let against = [
        "check",
        shown(&place.component),
        "--against",
        shown(&source),
    ];
    let text = good(&against);
    assert!(
        text.contains("nothing that others see has changed"),
        "{text}"
    );
    bad(
        &["check", shown(&built("erp")), "--against", shown(&source)],
        "0.1.0 is too low",
    );
}

#[test]
fn a_connector_is_tested_and_certified() {
    let cases = repository().join("connectors/erp/cases");
    let erp = built("erp");
    let folder = tempfile::tempdir().unwrap();
    let junit = folder.path().join("report.xml");
    let arguments = [
        "test",
        shown(&erp),
        "--cases",
        shown(&cases),
        "--level",
        "gold",
        "--junit",
        shown(&junit),
    ];
    let text = good(&arguments);
    assert!(text.contains("level: gold"), "{text}");
    assert!(text.contains("  -        gold    pages"), "{text}");
    let report = fs::read_to_string(junit).unwrap();
    assert!(
        report.contains("tests=\"25\" failures=\"0\" skipped=\"0\""),
        "{report}"
    );
    // Without cases there is nothing to certify by.
    let (text, code) = run(&["test", shown(&erp), "--cases", shown(folder.path())]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("level: none\nbronze needs: cases\n"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_is_called_shown_and_recorded() {
    let world = World::start().await;
    let environment = world.folder.path().join("dev.yaml");
    let connectors = repository().join(".dowel/connectors");
    let repo = world.folder.path();
    let place = [
        "--repo",
        shown(repo),
        "--env-file",
        shown(&environment),
        "--connectors",
        shown(&connectors),
    ];
    let call = |arguments: &[&str]| run(&[arguments, &place[..]].concat());
    let get = [
        "call",
        "crm.get-contact",
        "--with",
        r#"{"id": "C-1042"}"#,
        "--wire",
    ];
    let (text, code) = tokio::task::block_in_place(|| call(&get));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("> authorization: [redacted]"), "{text}");
    assert!(
        text.contains("< 200") && text.contains("\"id\":\"C-1042\""),
        "{text}"
    );
    assert!(!text.contains("crm-token"), "{text}");
    let wrong = ["call", "crm.get-contact", "--with", r#"{"id": true}"#];
    let (text, code) = tokio::task::block_in_place(|| call(&wrong));
    assert!(
        code == 3 && text.contains("schema of `get-contact`"),
        "{text}"
    );

    let cases = repo.join("cases");
    let record = [
        "record",
        "crm.get-contact",
        "--with",
        r#"{"id": "C-1042"}"#,
        "--out",
        shown(&cases),
    ];
    let (text, code) = tokio::task::block_in_place(|| call(&record));
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("of `email` replaced") && text.contains("of `name` replaced"),
        "{text}"
    );
    let recorded = fs::read_to_string(cases.join("get-contact.yaml")).unwrap();
    assert!(
        !recorded.contains("Ada") && !recorded.contains("crm-token"),
        "{recorded}"
    );
    let crm = built("crm");
    let test = [
        "test",
        shown(&crm),
        "--cases",
        shown(&cases),
        "--level",
        "none",
    ];
    let (text, code) = tokio::task::block_in_place(|| run(&test));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("  ok       bronze  cases"), "{text}");
}

/// Nobody but the gateway decides where a request goes: not the process's environment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_of_the_environment_see_nothing() {
    let world = World::start().await;
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_dowel"));
    command
        .args([
            "connector",
            "call",
            "crm.get-contact",
            "--with",
            r#"{"id": "C-1042"}"#,
            "--repo",
        ])
        .arg(world.folder.path())
        .arg("--env-file")
        .arg(world.folder.path().join("dev.yaml"))
        .arg("--connectors")
        .arg(repository().join(".dowel/connectors"))
        .env("DOWEL_SECRET_CRM_TOKEN", "crm-token");
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env(name, &url);
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    let output = tokio::task::block_in_place(|| command.output()).unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let seen = proxy.accept().map_err(|error| error.kind());
    assert_eq!(seen.unwrap_err(), std::io::ErrorKind::WouldBlock);
}
