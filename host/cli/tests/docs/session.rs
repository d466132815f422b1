//! A reader who follows a page: a copy of the repository, a shop, a host with one
//! order, and a shell.

use crate::curl;
use crate::flows::{self, Shown};
use crate::markdown::Block;
use crate::output;
use crate::pages::root;
use crate::world::{EVENTS_TOKEN, HOOK_TOKEN, Host, World, order};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The order that the pages speak of.
const ORDER: &str = "4711";

/// What the pages call the listeners of the host.
const PUBLIC: &str = "http://127.0.0.1:8080";
const ADMIN: &str = "http://127.0.0.1:8081";

/// How the pages write the reader's token.
const TOKEN: &str = "$DOWEL_TOKEN";

/// Ends a line whose command finds something wrong.
const EXITS_1: &str = "# exits 1";

/// Programs of the toolchain; the pages name them, the suites run them.
const TOOLCHAIN: [&str; 5] = ["cargo", "git", "rustup", "cd", "apt-get"];

/// Begins commands that build: the connectors that were built already stand for it.
const BUILDS: &str = "dowel connector build";

pub(crate) struct Session {
    world: World,
    host: Host,
    folder: PathBuf,
    variables: BTreeMap<String, String>,
    /// What the last command printed.
    printed: Option<String>,
}

impl Session {
    pub(crate) async fn start() -> Self {
        let world = World::start().await;
        let folder = world.folder.path().join("repository");
        for part in ["flows", "connectors", ".dowel/connectors"] {
            copy(&root().join(part), &folder.join(part));
        }
        fs::copy(root().join("policy.yaml"), folder.join("policy.yaml")).unwrap();
        let environments = folder.join("environments");
        fs::create_dir_all(&environments).unwrap();
        fs::copy(
            world.folder.path().join("dev.yaml"),
            environments.join("dev.yaml"),
        )
        .unwrap();
        let host = world.host();
        world.order(&host, &order(ORDER)).await;
        let secrets = [
            ("CRM_TOKEN", "crm-token"),
            ("ERP_TOKEN", "erp-token"),
            ("SHOP_HOOK", HOOK_TOKEN),
            ("SHOP_EVENTS", EVENTS_TOKEN),
        ];
        let secrets =
            secrets.map(|(name, value)| (format!("DOWEL_SECRET_{name}"), value.to_owned()));
        Self {
            folder,
            variables: secrets
                .into_iter()
                .chain([("DOWEL_HOST".to_owned(), host.socket.clone())])
                .collect(),
            world,
            host,
            printed: None,
        }
    }

    pub(crate) async fn play(&mut self, block: &Block) {
        match block.language.as_str() {
            "sh" => {
                self.printed = None;
                for line in lines(&block.text) {
                    self.run(&line, &block.place).await;
                }
            }
            "text" => {
                if let Some(printed) = self.printed.take() {
                    let wrong = output::difference(&block.text, &printed);
                    let place = &block.place;
                    assert!(
                        wrong.is_none(),
                        "{place}: differs at `{}`:\n{printed}",
                        wrong.unwrap_or_default()
                    );
                }
            }
            "yaml" => self.check(block),
            _ => {}
        }
    }

    fn check(&mut self, block: &Block) {
        if let Shown::Clean(arguments) = flows::write(&self.folder, block) {
            let (code, printed) = self.shell(&format!("dowel check {}", arguments.join(" ")));
            let clean = code == Some(0) && printed.contains(" 0 error(s), 0 warning(s)");
            assert!(clean, "{}: {printed}", block.place);
        }
    }

    async fn run(&mut self, line: &str, place: &str) {
        let expected = i32::from(line.ends_with(EXITS_1));
        let first = line.split_whitespace().next().unwrap_or_default();
        if line.starts_with("cargo xtask") {
            let known = is_task(line.split_whitespace().nth(2));
            assert!(known, "{place}: there is no such task: {line}");
        } else if TOOLCHAIN.contains(&first) || line.starts_with(BUILDS) {
            // The suites build and test; here only the reader's other commands count.
        } else if line.starts_with("dowel connector inspect") {
            // Guides build connectors of their own; the demo's stands for them.
            self.expect(
                "dowel connector inspect .dowel/connectors/crm-0.1.0.wasm",
                expected,
                place,
            );
        } else if let Some(assignment) = line.strip_prefix("export ") {
            let (name, value) = assignment.split_once('=').unwrap();
            self.variables
                .insert(name.to_owned(), curl::words(value).concat());
        } else if line.starts_with("dowel serve") {
            self.serve(line, place);
        } else if first == "curl" {
            let line = self
                .with_token(line)
                .replace(PUBLIC, &self.host.public)
                .replace(ADMIN, &self.host.admin);
            self.printed =
                Some(curl::send(&self.world.http, &self.folder, &curl::words(&line)).await);
        } else {
            self.expect(line, expected, place);
        }
    }

    /// The line with a token of an admin in the place of the reader's.
    fn with_token(&self, line: &str) -> String {
        if !line.contains(TOKEN) {
            return line.to_owned();
        }
        let (code, printed) = self.shell("dowel token create docs --service docs --role admin");
        assert_eq!(code, Some(0), "{printed}");
        line.replace(TOKEN, printed.lines().next().unwrap())
    }

    fn expect(&mut self, line: &str, expected: i32, place: &str) {
        let (code, printed) = self.shell(line);
        assert_eq!(code, Some(expected), "{place}: {line}\n{printed}");
        self.printed = Some(printed);
    }

    /// A host of the page's own: it has to become ready, and to stop when it is told.
    fn serve(&self, line: &str, place: &str) {
        let line = line.split(" #").next().unwrap_or_default();
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_dowel")));
        command.args(curl::words(line).into_iter().skip(1));
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        assert_eq!(Host::spawn(command).terminate(), Some(0), "{place}: {line}");
    }

    fn shell(&self, line: &str) -> (Option<i32>, String) {
        let output = self
            .command(Path::new("sh"))
            .args(["-c", line])
            .output()
            .unwrap();
        let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.code().is_none_or(|code| code > 1) {
            printed.push_str(&String::from_utf8_lossy(&output.stderr));
        }
        (output.status.code(), printed)
    }

    /// A program in the copy of the repository, with `dowel` in its path.
    fn command(&self, program: &Path) -> Command {
        let dowel = Path::new(env!("CARGO_BIN_EXE_dowel"))
            .parent()
            .unwrap()
            .to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path: OsString =
            std::env::join_paths([dowel].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .envs(&self.variables)
            .env("PATH", path);
        command.env("DOWEL_LOG", "error");
        command
    }
}

/// Commands of a block: without comments, continued lines and here-documents joined.
fn lines(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut until: Option<String> = None;
    let mut continues = false;
    for line in text.lines() {
        match (&until, commands.last_mut()) {
            (Some(end), Some(last)) => {
                last.push('\n');
                last.push_str(line);
                if line == end {
                    until = None;
                }
                continue;
            }
            (None, Some(last)) if continues => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ if line.is_empty() || line.starts_with('#') => continue,
            _ => commands.push(line.to_owned()),
        }
        let last = commands.last_mut().unwrap();
        continues = last.ends_with('\\');
        if continues {
            last.pop();
        }
        until = last
            .split_once("<<'")
            .and_then(|(_, rest)| Some(rest.split_once('\'')?.0.to_owned()));
    }
    commands
}

/// Whether `cargo xtask help` lists the task.
fn is_task(name: Option<&str>) -> bool {
    let help = fs::read_to_string(root().join("xtask/src/arguments.rs")).unwrap();
    let tasks = help
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    name.is_some_and(|name| tasks.into_iter().any(|task| task == name))
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from)
        .unwrap_or_else(|_| panic!("{}: run `cargo xtask guests`", from.display()))
    {
        let entry = entry.unwrap();
        // Toolchains that other suites have installed beside the examples.
        if [".venv", "node_modules"]
            .iter()
            .any(|name| entry.file_name() == *name)
        {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn continued_lines_and_here_documents_are_one_command() {
    let text = "# why\ndowel a \\\n  --b\n\ncat > x <<'END'\n{ \"a\":\n1 }\nEND\ndowel c\n";
    assert_eq!(
        lines(text),
        [
            "dowel a  --b",
            "cat > x <<'END'\n{ \"a\":\n1 }\nEND",
            "dowel c"
        ]
    );
    assert!(is_task(Some("demo")) && !is_task(Some("dance")) && !is_task(None));
}
