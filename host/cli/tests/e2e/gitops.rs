//! A host that follows a repository, whose commits the real program `git` makes.

use crate::world::{Host, PATIENCE, eventually};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

pub(crate) const TOKEN: &str = "hook-token";

/// A clone that people work in, and what hosts keep.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) http: reqwest::Client,
}

fn dowel() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dowel"));
    command.env("DOWEL_LOG", "error");
    command
}

pub(crate) fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

impl World {
    /// A repository as `dowel init` writes it, committed.
    pub(crate) fn new() -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build();
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            http: http.unwrap(),
        };
        let made = world.dowel(&["init", world.clone_path().to_str().unwrap()]);
        assert!(made.status.success(), "{}", text(&made));
        world.git(&["config", "user.name", "Ana"]);
        world.git(&["config", "user.email", "ana@example.com"]);
        world.commit("first flow");
        world
    }

    pub(crate) fn clone_path(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    pub(crate) fn dowel(&self, arguments: &[&str]) -> Output {
        let mut command = dowel();
        if self.clone_path().is_dir() {
            command.current_dir(self.clone_path());
        }
        command.args(arguments).output().unwrap()
    }

    /// It has to succeed.
    pub(crate) fn does(&self, arguments: &[&str]) -> String {
        let output = self.dowel(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        text(&output)
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command
            .current_dir(self.clone_path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HOME", "/nonexistent");
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let path = self.clone_path().join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// The host of an environment. It looks when it is asked to.
    pub(crate) fn host(&self, environment: &str, more: &str) -> Host {
        self.host_with(environment, "", more)
    }

    /// The same, with further keys of `repository`.
    pub(crate) fn host_with(&self, environment: &str, repository: &str, more: &str) -> Host {
        let file = self.folder.path().join(format!("{environment}.host.yaml"));
        let data = self.folder.path().join(format!("{environment}.data"));
        let text = format!(
            "host: dowel/v1\nenvironment: {environment}\nstore: {{ sled: '{}' }}\n\
             repository: {{ url: '{}', poll: 1h{repository} }}\n{more}",
            data.display(),
            self.clone_path().display()
        );
        std::fs::write(&file, text).unwrap();
        let mut command = dowel();
        command
            .arg("serve")
            .arg("--host-file")
            .arg(file)
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .current_dir(self.folder.path())
            .env("DOWEL_SECRET_HOOK_TOKEN", TOKEN);
        Host::spawn(command)
    }

    pub(crate) async fn status(&self, host: &Host) -> Value {
        let url = format!("{}/api/v1/environment", host.admin);
        let text = host
            .api
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Lets the host look, and waits until it has seen this commit.
    pub(crate) async fn looks(&self, host: &Host, commit: &str) -> Value {
        let url = format!("{}/api/v1/environment/sync", host.admin);
        host.api.post(url).send().await.unwrap();
        let seen = async || {
            let status = self.status(host).await;
            (status["repository"]["commit"] == json!(commit)).then_some(status)
        };
        eventually("the host to look at the commit", seen).await
    }

    pub(crate) async fn says(
        &self,
        host: &Host,
        change: &Value,
        word: &str,
        actor: &str,
    ) -> (u16, Value) {
        let digest = change["digest"].as_str().unwrap();
        let url = format!("{}/api/v1/environment/changes/{digest}/{word}", host.admin);
        let body = json!({ "reason": "looked at it" }).to_string();
        let request = host.api.post(url).header("dowel-as", actor);
        let request = request.header("content-type", "application/json");
        let response = request.body(body).send().await.unwrap();
        let status = response.status().as_u16();
        (
            status,
            serde_json::from_str(&response.text().await.unwrap()).unwrap(),
        )
    }

    /// Sends an order and waits for its run's story.
    pub(crate) async fn order(&self, host: &Host, id: &str) -> Value {
        let url = format!("{}/hooks/first-orders", host.public);
        let body = format!(r#"{{"order_id":"{id}","lines":[{{"qty":2,"price":"1.50"}}]}}"#);
        let request = self.http.post(url).bearer_auth(TOKEN);
        let request = request
            .header("content-type", "application/json")
            .body(body);
        let response = request.send().await.unwrap();
        let status = response.status();
        let accepted: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert!(status.is_success(), "{status} {accepted}");
        let url = format!(
            "{}/api/v1/runs/{}",
            host.admin,
            accepted["run"].as_str().unwrap()
        );
        let ended = async || {
            let text = host
                .api
                .get(&url)
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap();
            let story: Value = serde_json::from_str(&text).unwrap();
            (story["status"] == json!("succeeded")).then_some(story)
        };
        eventually("the run to succeed", ended).await
    }

    /// Pins the flow's version in staging and production, on `main`.
    pub(crate) fn promoted(&self, version: &str) -> String {
        let name = format!("first-orders@{version}");
        self.does(&["flow", "release", "first-orders"]);
        self.commit(&format!("Release {name}"));
        self.does(&["promote", &name, "--env", "staging", "--direct"]);
        self.does(&["promote", &name, "--env", "prod", "--direct"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Pins the flow's version in production by hand, as nobody should.
    pub(crate) fn promoted_past_the_soak(&self, version: &str) -> String {
        let name = format!("first-orders@{version}");
        self.does(&["flow", "release", "first-orders"]);
        self.commit(&format!("Release {name}"));
        self.does(&["promote", &name, "--env", "staging", "--direct"]);
        let soak = self.git(&["show", "HEAD:environments/prod.yaml"]);
        let soak = soak.contains("soak: 1h").then_some("soak: 1h, ");
        let path = "environments/prod.yaml";
        let soak = soak.unwrap_or_default();
        self.edit(path, soak, "");
        self.commit("without the soak");
        self.does(&["promote", &name, "--env", "prod", "--direct"]);
        self.edit(path, "from: staging, ", &format!("from: staging, {soak}"));
        self.commit("as if nothing had been")
    }

    pub(crate) fn new_version(&self, from: &str, to: &str) {
        let path = "flows/first-orders/flow.yaml";
        self.edit(path, &format!("version: {from}"), &format!("version: {to}"));
        self.commit(&format!("Version {to}"));
    }
}

#[test]
fn what_init_writes_passes_check_and_test() {
    let world = World::new();
    for template in ["webhook", "schedule", "event"] {
        let name = format!("my-{template}");
        world.does(&["flow", "new", &name, "--template", template]);
    }
    for environment in ["dev", "staging", "prod"] {
        let said = world.does(&["check", "--env", environment]);
        assert!(
            said.contains("4 flow(s) checked: 0 error(s), 0 warning(s)"),
            "{said}"
        );
    }
    let said = world.does(&["test"]);
    assert!(said.contains("4 passed, 0 failed"), "{said}");
    let again = world.dowel(&["init", "."]);
    assert_eq!(again.status.code(), Some(3));
    assert!(
        text(&again).contains("nothing was written"),
        "{}",
        text(&again)
    );
    let again = world.dowel(&["flow", "new", "my-event"]);
    assert!(text(&again).contains("already"), "{}", text(&again));
}

#[test]
fn a_released_version_keeps_its_content() {
    let world = World::new();
    world.does(&["flow", "release", "first-orders"]);
    world.commit("release");
    assert!(
        world
            .does(&["flow", "releases"])
            .contains("first-orders@0.1.0")
    );
    world.edit("flows/first-orders/runbook.md", "Owner", "Who answers");
    world.does(&["check"]);
    world.edit("flows/first-orders/flow.yaml", "window: 7d", "window: 8d");
    let changed = world.dowel(&["check"]);
    assert_eq!(changed.status.code(), Some(1));
    assert!(text(&changed).contains("DWL-6208"), "{}", text(&changed));
    let release = world.dowel(&["flow", "release", "first-orders"]);
    assert!(
        text(&release).contains("not committed"),
        "{}",
        text(&release)
    );
    world.commit("changed");
    let release = world.dowel(&["flow", "release", "first-orders"]);
    assert!(text(&release).contains("DWL-6208"), "{}", text(&release));
    world.new_version("0.1.0", "0.2.0");
    world.does(&["flow", "release", "first-orders"]);
    world.does(&["check"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_follows_its_branch_without_a_restart() {
    let world = World::new();
    let host = world.host("dev", "");
    let first = world.git(&["rev-parse", "HEAD"]);
    let status = world.looks(&host, &first).await;
    assert_eq!(status["in_sync"], json!(true), "{status}");
    let story = world.order(&host, "1").await;
    assert_eq!(
        (&story["commit"], &story["version"]),
        (&json!(first), &json!("0.1.0"))
    );

    // A commit that cannot be used changes nothing, and says why.
    world.edit(
        "flows/first-orders/flow.yaml",
        "${ $vars.total }",
        "${ $vars.totl }",
    );
    let bad = world.commit("a mistake");
    let status = world.looks(&host, &bad).await;
    assert_eq!(
        status["repository"]["outcome"],
        json!("refused"),
        "{status}"
    );
    assert_eq!(status["active"]["commit"], json!(first));
    let message = status["repository"]["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("totl") && message.contains("flow.yaml:"),
        "{message}"
    );
    let metrics = host
        .api
        .get(format!("{}/metrics", host.admin))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("dowel_environment_looks_total{outcome=\"refused\"} 1"),
        "{metrics}"
    );
    assert_eq!(world.order(&host, "2").await["commit"], json!(first));

    world.git(&["revert", "--no-edit", "HEAD"]);
    world.new_version("0.1.0", "0.2.0");
    let good = world.git(&["rev-parse", "HEAD"]);
    let status = world.looks(&host, &good).await;
    assert_eq!(status["active"]["commit"], json!(good), "{status}");
    let story = world.order(&host, "3").await;
    assert_eq!(
        (&story["commit"], &story["version"]),
        (&json!(good), &json!("0.2.0"))
    );

    // The history is rewritten, and the remote is gone: what was active goes on.
    world.git(&["reset", "--quiet", "--hard", &first]);
    let other = world.commit("another history");
    let status = world.looks(&host, &other).await;
    assert_eq!(status["repository"]["rewritten"], json!(true), "{status}");
    host.kill();
    std::fs::rename(world.clone_path(), world.folder.path().join("away")).unwrap();
    let host = world.host("dev", "");
    let away = async || {
        let status = world.status(&host).await;
        (status["repository"]["outcome"] == json!("unreachable")).then_some(status)
    };
    eventually("the host to miss its repository", away).await;
    assert_eq!(world.order(&host, "4").await["version"], json!("0.1.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_alone_never_skips_four_eyes() {
    let world = World::new();
    world.edit(
        "policy.yaml",
        "deployers: []",
        "deployers: [ana@example.com, ben@example.com]",
    );
    world.commit("people");
    let first = world.promoted("0.1.0");
    let floor = "policy_floor: { approvals: 1, forbid_author: true }\n";
    let host = world.host("prod", floor);
    // The first tree is judged by the floor.
    let status = world.looks(&host, &first).await;
    let waiting = &status["awaiting"][0];
    assert_eq!(waiting["authors"], json!(["ana@example.com"]), "{status}");
    assert_eq!(
        world
            .says(&host, waiting, "approve", "ana@example.com")
            .await
            .0,
        403
    );
    assert_eq!(
        world
            .says(&host, waiting, "approve", "lea@example.com")
            .await
            .0,
        200
    );
    let active = async || {
        let status = world.status(&host).await;
        (status["active"]["commit"] == json!(first)).then_some(status)
    };
    eventually("the first tree to become active", active).await;
    assert_eq!(world.order(&host, "1").await["version"], json!("0.1.0"));

    // A hostile commit: another version, no approvals any more, other people in the group.
    world.new_version("0.1.0", "0.2.0");
    world.edit(
        "environments/prod.yaml",
        "approvals: 1, forbid_author: true, approvers: deployers",
        "approvals: 0",
    );
    world.edit(
        "policy.yaml",
        "ana@example.com, ben",
        "mallory@example.com, ben",
    );
    world.git(&["config", "user.email", "mallory@example.com"]);
    world.commit("nothing to see");
    let hostile = world.promoted("0.2.0");
    let status = world.looks(&host, &hostile).await;
    assert_eq!(
        status["repository"]["outcome"],
        json!("awaiting-approval"),
        "{status}"
    );
    assert_eq!(status["active"]["commit"], json!(first));
    let waiting = &status["awaiting"][0];
    for (actor, code) in [
        // An author; in the group only by the hostile commit; in no group at all.
        ("mallory@example.com", 403),
        ("Mallory@Example.com", 403),
        ("lea@example.com", 403),
        ("ana@example.com", 403),
    ] {
        let (status, said) = world.says(&host, waiting, "approve", actor).await;
        assert_eq!(status, code, "{actor}: {said}");
    }
    assert_eq!(world.order(&host, "2").await["version"], json!("0.1.0"));

    // A pin that is edited by hand has to be what it says.
    world.git(&["config", "user.email", "ana@example.com"]);
    let head = world.git(&["rev-parse", "HEAD"]);
    world.edit("environments/prod.yaml", "version: 0.2.0", "version: 0.1.0");
    let edited = world.commit("edited");
    let status = world.looks(&host, &edited).await;
    assert_eq!(
        status["repository"]["error"]["code"],
        json!("DWL-6207"),
        "{status}"
    );

    world.git(&["reset", "--quiet", "--hard", &head]);
    let status = world.looks(&host, &head).await;
    let (code, said) = world
        .says(&host, &status["awaiting"][0], "approve", "ben@example.com")
        .await;
    assert_eq!(code, 200, "{said}");
    let active = async || {
        let status = world.status(&host).await;
        (status["active"]["commit"] == json!(head)).then_some(status)
    };
    let status = eventually("the approved tree to become active", active).await;
    assert_eq!(
        status["active"]["approvals"][0]["actor"],
        json!("ben@example.com")
    );
    assert_eq!(world.order(&host, "3").await["version"], json!("0.2.0"));

    // A kill switch works at once, and is drift.
    let url = format!("{}/api/v1/flows/first-orders/disable", host.admin);
    let request = host
        .api
        .post(url)
        .header("content-type", "application/json");
    let body = json!({ "reason": "harm" }).to_string();
    assert!(
        request
            .body(body)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    let status = world.status(&host).await;
    assert_eq!(
        status["drift"]["switched_off"],
        json!(["first-orders"]),
        "{status}"
    );
    assert_eq!(status["in_sync"], json!(false));
}

#[test]
fn promote_and_rollback_change_the_pin_alone() {
    let world = World::new();
    let unreleased = world.dowel(&["promote", "first-orders@0.1.0", "--env", "prod"]);
    assert!(
        text(&unreleased).contains("flows.lock"),
        "{}",
        text(&unreleased)
    );
    world.does(&["flow", "release", "first-orders"]);
    world.commit("release");
    let skipped = world.dowel(&["promote", "first-orders@0.1.0", "--env", "prod"]);
    assert!(text(&skipped).contains("`staging`"), "{}", text(&skipped));
    world.promoted("0.1.0");
    world.does(&["check", "--env", "prod"]);
    assert!(
        world
            .does(&["promote", "first-orders@0.1.0", "--env", "prod"])
            .contains("already")
    );
    let only = world.dowel(&["rollback", "first-orders", "--env", "prod"]);
    assert!(
        text(&only).contains("has never pinned another version"),
        "{}",
        text(&only)
    );
    world.new_version("0.1.0", "0.2.0");
    world.promoted("0.2.0");
    let before = world.git(&["rev-parse", "HEAD"]);
    world.does(&["rollback", "first-orders", "--env", "prod"]);
    assert_eq!(world.git(&["rev-parse", "HEAD"]), before);
    let branch = "rollback/prod/first-orders-0.1.0";
    assert_eq!(
        world.git(&["diff", "--name-only", "HEAD", branch]),
        "environments/prod.yaml"
    );
    world.git(&["merge", "--quiet", branch]);
    world.does(&["check", "--env", "prod"]);
    let file = std::fs::read_to_string(world.clone_path().join("environments/prod.yaml")).unwrap();
    assert!(
        file.contains("version: 0.1.0") && !file.contains("0.2.0"),
        "{file}"
    );
    assert!(
        file.starts_with("# Released versions that were in staging"),
        "comments stay: {file}"
    );
}

#[test]
fn promote_pushes_its_branch() {
    let world = World::new();
    let bare = world.folder.path().join("flows.git");
    let bare = bare.to_str().unwrap();
    world.git(&["init", "--quiet", "--bare", bare]);
    world.git(&["remote", "add", "origin", bare]);
    world.git(&["push", "--quiet", "origin", "main"]);
    world.does(&["flow", "release", "first-orders"]);
    world.commit("release");
    world.does(&[
        "promote",
        "first-orders@0.1.0",
        "--env",
        "staging",
        "--push",
    ]);
    let listed = world.git(&["ls-remote", "origin", "refs/heads/promote/*"]);
    assert!(
        listed.ends_with("refs/heads/promote/staging/first-orders-0.1.0"),
        "{listed}"
    );
    assert!(Path::new(bare).is_dir());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_does_not_say_which_files_of_the_machine_are_secrets() {
    let world = World::new();
    let host = world.host("dev", "");
    let first = world.git(&["rev-parse", "HEAD"]);
    world.looks(&host, &first).await;
    let places = "environment: dev\nsecrets: { files: { folder: /etc } }\n";
    world.edit("environments/dev.yaml", "environment: dev\n", places);
    let bad = world.commit("the files of the machine");
    let status = world.looks(&host, &bad).await;
    assert_eq!(status["active"]["commit"], json!(first), "{status}");
    let code = &status["repository"]["error"]["code"];
    assert_eq!(code, &json!("DWL-6107"), "{status}");
    host.kill();

    let host = world.host("dev", "secrets: { environment: {} }\n");
    let status = world.looks(&host, &bad).await;
    assert_eq!(status["active"]["commit"], json!(bad), "{status}");
}
