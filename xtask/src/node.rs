//! Suites in JavaScript: other projects' servers talk to a real host.

use crate::build::{self, Profile};
use crate::tally::Tally;
use crate::{e2e, run, suite};
use anyhow::{Context as _, Result};
use std::fs;
use std::process::Stdio;

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
    let shared = target.join("e2e");
    fs::create_dir_all(&shared)?;
    let node = e2e::node(&shared)?;
    let wanted = fs::read(folder.join("package.json"))?;
    let is_made = fs::read(work.join("installed.json")).is_ok_and(|made| made == wanted);
    fs::write(work.join("package.json"), &wanted)?;
    if !is_made {
        let mut install = node.command("npm");
        install.current_dir(&work).args([
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--loglevel=error",
        ]);
        run::succeed(&mut install)?;
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
    let output = command.output().context("Node.js cannot be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    count(&text).context("the tests did not say how many they are")
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
