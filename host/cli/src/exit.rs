//! Exit codes, the same for every command.

use std::process::ExitCode;

/// The command did what it was asked.
pub(crate) const OK: u8 = 0;

/// The command worked and found something wrong: a flow with errors, a failed run.
pub(crate) const FINDINGS: u8 = 1;

/// The command could not do its work: a missing file, a host that does not answer.
/// (2 is a wrong use of the command line, by convention of the argument parser.)
pub(crate) const FAILED: u8 = 3;

/// Shown at the end of every help text.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done
  1  done, and something is wrong: errors in a flow, a run that failed or is parked
  2  the command line cannot be understood
  3  the command could not do its work";

/// Success or findings.
pub(crate) fn found(wrong: bool) -> ExitCode {
    ExitCode::from(if wrong { FINDINGS } else { OK })
}

/// Tells why a command could not do its work.
#[allow(clippy::print_stderr)] // This is where the program talks to the person who runs it.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::from(FAILED)
}
