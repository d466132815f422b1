//! A reader of the pages about git: a repository, the production host that follows it, and
//! every command as it is written.

use crate::pages;
use crate::world::{Host, eventually};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Stands for the digest that `dowel environment show` tells.
const DIGEST: &str = "<digest>";

/// Ends a line whose command finds something wrong.
const EXITS_1: &str = "# exits 1";

struct Reader {
    folder: TempDir,
    host: Option<Host>,
}

pub(crate) async fn follow_the_pages() {
    let mut reader = Reader {
        folder: tempfile::tempdir().unwrap(),
        host: None,
    };
    let [guide, promotion, rollback] = pages::about_git();
    let commands = commands_of(&guide);
    let (init, rest) = commands.split_first().unwrap();
    reader.shell(reader.folder.path(), init, "git.md");
    reader.prepare();
    reader.serve().await;
    for line in rest {
        reader.play(line, "git.md").await;
    }
    // The runbook begins with the release.
    reader.quiet("git checkout --quiet flows.lock");
    for line in commands_of(&promotion) {
        reader.play(&line, "promotion.md").await;
    }
    assert_eq!(reader.version().await, "0.1.0");
    reader.quiet(
        "sed -i 's/^version: 0.1.0/version: 0.2.0/' flows/first-orders/flow.yaml && git commit --quiet --all --message 0.2.0",
    );
    for line in commands_of(&promotion) {
        let line = line.replace("0.1.0", "0.2.0");
        reader.play(&line, "promotion.md").await;
    }
    assert_eq!(reader.version().await, "0.2.0");
    for line in commands_of(&rollback) {
        reader.play(&line, "rollback.md").await;
    }
    assert_eq!(reader.version().await, "0.1.0");
}

/// The commands of a page, also of blocks within lists.
fn commands_of(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let (mut commands, mut is_in) = (Vec::new(), false);
    for line in text.lines().map(str::trim) {
        match line {
            "```sh" => is_in = true,
            "```" => is_in = false,
            line if is_in && !line.is_empty() => commands.push(line.to_owned()),
            _ => {}
        }
    }
    assert!(!commands.is_empty(), "{}", page.display());
    commands
}

impl Reader {
    fn repository(&self) -> PathBuf {
        self.folder.path().join("my-flows")
    }

    /// What the pages take for granted: people, and everything committed.
    fn prepare(&self) {
        let policy = self.repository().join("policy.yaml");
        let text = std::fs::read_to_string(&policy).unwrap();
        let people = text.replace("deployers: []", "deployers: [ben@example.com]");
        std::fs::write(policy, people).unwrap();
        self.quiet("git config user.name Ana && git config user.email ana@example.com");
        self.quiet("git add --all && git commit --quiet --message 'First flow'");
    }

    async fn serve(&mut self) {
        let file = self.folder.path().join("host.yaml");
        let text = format!(
            "host: dowel/v1\nenvironment: prod\nrepository: {{ url: '{}', poll: 1h }}\nstore: {{ sled: data }}\n",
            self.repository().display()
        );
        std::fs::write(&file, text).unwrap();
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_dowel")), self.folder.path());
        command.arg("serve").arg("--host-file").arg(file).args([
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ]);
        self.host = Some(Host::spawn(command));
        self.looks().await;
    }

    async fn play(&self, line: &str, page: &str) {
        if line.starts_with("dowel environment") || line.starts_with("dowel flow ") {
            self.looks().await;
        }
        let mut line = line.to_owned();
        if line.contains(DIGEST) {
            let status = self.status().await;
            let digest = status["awaiting"][0]["digest"].as_str().unwrap();
            line = line.replace(DIGEST, digest);
        }
        self.shell(&self.repository(), &line, page);
    }

    /// The host looks, and is done with what is at the head of the branch.
    async fn looks(&self) {
        let head = self.quiet("git rev-parse main");
        let host = self.host.as_ref().unwrap();
        let url = format!("{}/api/v1/environment/sync", host.admin);
        host.api.post(url).send().await.unwrap();
        let seen = async || {
            let status = self.status().await;
            (status["repository"]["commit"] == json!(head)).then_some(())
        };
        eventually("the host to look", seen).await;
    }

    /// The version that is active once nothing waits any more.
    async fn version(&self) -> String {
        let in_sync = async || (self.status().await["in_sync"] == json!(true)).then_some(());
        eventually("the host to be in sync", in_sync).await;
        let flows = self.get("/api/v1/flows").await;
        flows["flows"][0]["version"].as_str().unwrap().to_owned()
    }

    async fn status(&self) -> Value {
        self.get("/api/v1/environment").await
    }

    async fn get(&self, path: &str) -> Value {
        let host = self.host.as_ref().unwrap();
        let url = format!("{}{path}", host.admin);
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

    fn socket(&self) -> &str {
        self.host.as_ref().map_or("", |host| host.socket.as_str())
    }

    fn quiet(&self, line: &str) -> String {
        self.shell(&self.repository(), line, "between the pages")
    }

    fn shell(&self, folder: &Path, line: &str, page: &str) -> String {
        let expected = i32::from(line.ends_with(EXITS_1));
        let output = self
            .command(Path::new("sh"), folder)
            .args(["-c", line])
            .output()
            .unwrap();
        let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{page}: {line}\n{said}"
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn command(&self, program: &Path, folder: &Path) -> Command {
        let dowel = Path::new(env!("CARGO_BIN_EXE_dowel"))
            .parent()
            .unwrap()
            .to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path: OsString =
            std::env::join_paths([dowel].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env("PATH", path)
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("DOWEL_HOST", self.socket())
            .env("DOWEL_SECRET_HOOK_TOKEN", "hook-token")
            .env("DOWEL_LOG", "error");
        command
    }
}
