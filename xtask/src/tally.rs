//! Counts tests from what cargo prints, passing every line on.

use anyhow::{Context as _, Result};
use std::io::{BufRead, BufReader};
use std::ops::AddAssign;
use std::process::{Command, Stdio};

/// How tests ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Runs `cargo test` or `dowel test`, prints what it prints, and counts. A run that fails without a
/// failed test (it did not compile, it crashed) counts as one failure.
pub(crate) fn count(command: &mut Command) -> Result<Tally> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().context("the tests cannot be started")?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            tally += read(&line).unwrap_or_default();
        }
    }
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        tally.failed = 1;
    }
    Ok(tally)
}

/// Reads `test result: ok. 3 passed; 1 failed; …` and `3 passed, 1 failed`.
fn read(line: &str) -> Option<Tally> {
    let counts = match line.strip_prefix("test result: ") {
        Some(result) => result.split_once(". ")?.1,
        None if line.starts_with(|c: char| c.is_ascii_digit()) => line,
        None => return None,
    };
    let number = |name: &str| {
        let part = counts
            .split([';', ','])
            .find_map(|part| part.trim().strip_suffix(name));
        part.and_then(|digits| digits.trim().parse().ok())
    };
    Some(Tally {
        passed: number(" passed")?,
        failed: number(" failed")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read() {
        let line = "test result: FAILED. 17 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.09s";
        let expected = Tally {
            passed: 17,
            failed: 1,
        };
        assert_eq!(read(line), Some(expected));
        let line = "17 passed, 1 failed";
        assert_eq!(read(line), Some(expected));
        assert_eq!(read("test a::b ... ok"), None);
        assert_eq!(read("test result: what"), None);
    }

    #[test]
    fn a_run_that_breaks_off_is_a_failure() {
        let tally = count(Command::new("sh").args(["-c", "echo test; exit 3"])).unwrap();
        assert_eq!(tally.failed, 1);
        let line = "test result: ok. 2 passed; 0 failed; 0 ignored";
        let tally = count(Command::new("echo").arg(line)).unwrap();
        assert_eq!((tally.passed, tally.failed), (2, 0));
    }
}
