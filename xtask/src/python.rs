//! Suites in Python: other projects' own libraries send to a real host.

use crate::build::{self, Profile};
use crate::tally::Tally;
use crate::{run, suite};
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// Events from the CloudEvents project's SDK.
pub(crate) fn cloudevents() -> Result<Tally> {
    test("cloudevents", "test_events")
}

/// Everything that the description of the API promises, asked by schemathesis.
pub(crate) fn api() -> Result<Tally> {
    test("api", "test_api")
}

/// Webhooks signed by the Standard Webhooks project's library and by Python's own `hmac`.
pub(crate) fn webhooks() -> Result<Tally> {
    test("webhooks", "test_webhooks")
}

/// Requests with signatures, at an S3 API that checks them.
pub(crate) fn aws() -> Result<Tally> {
    build::guests(Profile::Dev)?;
    test("aws", "test_signatures")
}

/// Installs what the tests in `tests/<name>` need if it is missing, builds the host, and
/// runs the module.
fn test(name: &str, module: &str) -> Result<Tally> {
    let target = run::target()?;
    let venv = target.join(format!("{name}-venv"));
    let folder = run::root().join("tests").join(name);
    install(&venv, &folder)?;
    suite::all_built()?;
    let mut command = Command::new(venv.join("bin/python"));
    command
        .current_dir(&folder)
        .args(["-B", "-m", "unittest", "--verbose", module])
        .env("DOWEL", target.join("debug/dowel"))
        .env("CONNECTORS", run::root().join(".dowel/connectors"));
    tests(&mut command)
}

/// Runs `unittest` and counts.
pub(crate) fn tests(command: &mut Command) -> Result<Tally> {
    command.stdin(Stdio::null());
    let output = command.output().context("Python cannot be started")?;
    let text = String::from_utf8_lossy(&output.stderr);
    println!("{text}");
    count(&text).context("the tests did not say how many they are")
}

/// Makes the virtual environment. A file in it says for which requirements it was made.
pub(crate) fn install(venv: &Path, folder: &Path) -> Result<()> {
    let requirements = folder.join("requirements.txt");
    let wanted = std::fs::read(&requirements)?;
    let made_for = venv.join("requirements.txt");
    if std::fs::read(&made_for).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    let made = run::succeed(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(venv),
    );
    if made.is_err() {
        bail!(
            "Python cannot make a virtual environment; install it with `apt-get install python3-venv`"
        );
    }
    let mut pip = Command::new(venv.join("bin/python"));
    // Requirements may name folders beside theirs.
    pip.current_dir(folder).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    run::succeed(pip.arg("--requirement").arg(&requirements))?;
    std::fs::write(made_for, wanted)?;
    Ok(())
}

/// Reads `Ran 11 tests in 3.2s` and `FAILED (failures=1, errors=2)`.
fn count(text: &str) -> Option<Tally> {
    let words = |line: &str| line.split_whitespace().nth(1)?.parse::<u64>().ok();
    let ran = text.lines().rev().find(|line| line.starts_with("Ran "));
    let ran = words(ran?)?;
    let last = text.lines().rev().find(|line| !line.trim().is_empty())?;
    if last == "OK" {
        return Some(Tally {
            passed: ran,
            failed: 0,
        });
    }
    let numbers = last.split(|c: char| !c.is_ascii_digit());
    let failed: u64 = numbers
        .filter_map(|number| number.parse::<u64>().ok())
        .sum();
    let failed = failed.max(1);
    Some(Tally {
        passed: ran.saturating_sub(failed),
        failed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_read() {
        let of = |text: &str| count(text).map(|tally| (tally.passed, tally.failed));
        assert_eq!(
            of("x ... ok\n\nRan 11 tests in 3.2s\n\nOK\n"),
            Some((11, 0))
        );
        assert_eq!(
            of("Ran 11 tests in 3.2s\n\nFAILED (failures=1, errors=2)\n"),
            Some((8, 3))
        );
        assert_eq!(
            of("Ran 0 tests in 0.0s\n\nFAILED (errors=1)\n"),
            Some((0, 1))
        );
        assert_eq!(of("Traceback"), None);
    }
}
