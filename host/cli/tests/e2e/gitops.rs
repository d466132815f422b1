//! Repositories of people, whose commits the real program `git` makes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A clone that people work in.
struct World {
    folder: TempDir,
}

fn dowel() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dowel"));
    command.env("DOWEL_LOG", "error");
    command
}

fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

impl World {
    /// A repository as `dowel init` writes it, committed.
    fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let made = world.dowel(&["init", world.clone_path().to_str().unwrap()]);
        assert!(made.status.success(), "{}", text(&made));
        world.git(&["config", "user.name", "Ana"]);
        world.git(&["config", "user.email", "ana@example.com"]);
        world.commit("first flow");
        world
    }

    fn clone_path(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    fn dowel(&self, arguments: &[&str]) -> Output {
        let mut command = dowel();
        if self.clone_path().is_dir() {
            command.current_dir(self.clone_path());
        }
        command.args(arguments).output().unwrap()
    }

    /// It has to succeed.
    fn does(&self, arguments: &[&str]) -> String {
        let output = self.dowel(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        text(&output)
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command
            .current_dir(self.clone_path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HOME", "/nonexistent");
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let path = self.clone_path().join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Pins the flow's version in staging and production, on `main`.
    fn promoted(&self, version: &str) -> String {
        let name = format!("first-orders@{version}");
        self.does(&["flow", "release", "first-orders"]);
        self.commit(&format!("Release {name}"));
        self.does(&["promote", &name, "--env", "staging", "--direct"]);
        self.does(&["promote", &name, "--env", "prod", "--direct"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn new_version(&self, from: &str, to: &str) {
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
