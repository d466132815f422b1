//! Suites in JavaScript: other projects' servers talk to a real host.

use crate::build::{self, Profile};
use crate::e2e::Node;
use crate::tally::Tally;
use crate::{e2e, run, suite};
use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// People sign in at the provider of the `oidc-provider` project, and connections ask it for
/// access tokens.
pub(crate) fn oidc() -> Result<Tally> {
    test("oidc")
}

/// Copies `tests/<name>` into the target folder, installs what it needs there if that is
/// missing, builds the host, and runs the tests.
fn test(name: &str) -> Result<Tally> {
    let target = run::target()?;
    let folder = run::root().join("tests").join(name);
    let work = target.join(format!("{name}-node"));
    fs::create_dir_all(&work)?;
    let node = program()?;
    let wanted = fs::read(folder.join("package.json"))?;
    let is_made = fs::read(work.join("installed.json")).is_ok_and(|made| made == wanted);
    fs::write(work.join("package.json"), &wanted)?;
    if !is_made {
        npm_install(&node, &work)?;
        fs::write(work.join("installed.json"), &wanted)?;
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let file = entry?.file_name();
        if file.to_string_lossy().ends_with(".test.js") {
            fs::copy(folder.join(&file), work.join(&file))?;
            files.push(file);
        }
    }
    suite::all_built()?;
    build::guests(Profile::Dev)?;
    let mut command = node.command("node");
    command
        .current_dir(&work)
        .args(["--test", "--test-reporter=tap"])
        .args(files)
        .env("CONNECTORS", run::root().join(".dowel/connectors"))
        .env("DOWEL", target.join("debug/dowel"))
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null());
    counted(&mut command)
}

/// Runs tests whose report is TAP, and counts.
fn counted(command: &mut Command) -> Result<Tally> {
    let output = command.output().context("Node.js cannot be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    count(&text).context("the tests did not say how many they are")
}

fn npm_install(node: &Node, folder: &Path) -> Result<()> {
    let mut install = node.command("npm");
    install.current_dir(folder).args([
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ]);
    run::succeed(&mut install)
}

/// Node.js, and where it lies if it is not the system's.
fn program() -> Result<Node> {
    let shared = run::target()?.join("e2e");
    fs::create_dir_all(&shared)?;
    e2e::node(&shared)
}

/// Installs what a connector names, and the SDK as it is now: npm copies it.
pub(crate) fn install(connector: &Path, sdk: &Path) -> Result<()> {
    let wanted = fs::read(connector.join("package.json"))?;
    let modules = connector.join("node_modules");
    let made_for = modules.join("installed.json");
    if !fs::read(&made_for).is_ok_and(|made| made == wanted) {
        npm_install(&program()?, connector)?;
        fs::write(made_for, wanted)?;
    }
    copy(sdk, &modules.join("dowel-sdk"))
}

/// Lets a folder use what is installed in another. The SDK is copied, because the engine
/// that is initialised with the modules sees the folder alone.
pub(crate) fn lend(from: &Path, to: &Path) -> Result<()> {
    let (from, to) = (from.join("node_modules"), to.join("node_modules"));
    if to.exists() {
        return Ok(());
    }
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(&from)? {
        let name = entry?.file_name();
        if name == "dowel-sdk" {
            copy(&from.join(&name), &to.join(&name))?;
        } else {
            std::os::unix::fs::symlink(from.join(&name), to.join(&name))?;
        }
    }
    Ok(())
}

/// The files of the SDK that are published.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.join("src"))?;
    fs::copy(from.join("package.json"), to.join("package.json"))?;
    for entry in fs::read_dir(from.join("src"))? {
        let entry = entry?;
        fs::copy(entry.path(), to.join("src").join(entry.file_name()))?;
    }
    Ok(())
}

/// `npm test`.
pub(crate) fn npm_test(folder: &Path) -> Result<Tally> {
    let mut command = program()?.command("npm");
    command
        .current_dir(folder)
        .args(["test", "--silent"])
        .env("NODE_OPTIONS", "--test-reporter=tap")
        .stdin(Stdio::null());
    counted(&mut command)
}

/// Lets a program find Node.js.
pub(crate) fn on_path(command: &mut Command) -> Result<()> {
    let Some(programs) = program()?.programs else {
        return Ok(());
    };
    let before = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(programs).chain(std::env::split_paths(&before));
    command.env("PATH", std::env::join_paths(paths)?);
    Ok(())
}

/// Reads the last lines `# pass 6` and `# fail 0`.
fn count(text: &str) -> Option<Tally> {
    let number = |name: &str| {
        let lines = text.lines().rev();
        let mut found = lines.filter_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        found.next()
    };
    let passed: u64 = number("# pass ")?;
    let (failed, cancelled): (u64, u64) = (number("# fail ")?, number("# cancelled ")?);
    Some(Tally {
        passed,
        failed: failed + cancelled,
    })
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn what_node_says_is_counted() {
        let said = "ok 1 - a\n1..6\n# tests 6\n# pass 5\n# fail 1\n# cancelled 0\n";
        let tally = count(said).unwrap();
        assert_eq!((tally.passed, tally.failed), (5, 1));
        assert!(count("# pass 5").is_none());
    }
}
