//! Helpers in processes of their own: the shop, and the bare client.
//!
//! Both sides of the comparison talk to the same shop process, and the bare client is a
//! process as the host is one, so that both pay for sockets, wake-ups and switches
//! between processes. A helper is this program again; it takes one line of text for
//! each request on its standard input, answers with one line, and ends with its input.

pub(crate) mod bare;
pub(crate) mod shop;

use anyhow::{Context as _, Result, bail};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The longest time until a helper answers: the longest round, and patience.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// What begins the answer of a helper that failed.
const FAILED: &str = "failed: ";

/// A running helper.
pub(crate) struct Helper {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// Killed when this is dropped.
    _child: Child,
}

impl Helper {
    /// Starts this program again as `role`.
    pub(crate) fn start(role: &str) -> Result<Self> {
        let program = std::env::current_exe().context("this program does not know its file")?;
        let mut child = Command::new(program)
            .args(["--helper", role])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("the helper `{role}` cannot be started"))?;
        let input = child.stdin.take().context("the helper has no input")?;
        let output = child.stdout.take().context("the helper has no output")?;
        Ok(Self {
            input,
            output: BufReader::new(output).lines(),
            _child: child,
        })
    }

    /// One request and its answer.
    pub(crate) async fn ask(&mut self, line: &str) -> Result<String> {
        self.input.write_all(format!("{line}\n").as_bytes()).await?;
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.output.next_line()).await;
        let answer = answer.context("the helper does not answer")??;
        let answer = answer.context("the helper has ended")?;
        match answer.strip_prefix(FAILED) {
            Some(why) => bail!("{why}"),
            None => Ok(answer),
        }
    }
}

/// Serves requests until the input ends.
pub(crate) async fn serve<F>(answer: impl Fn(String) -> F) -> Result<()>
where
    F: Future<Output = Result<String>>,
{
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let text = match answer(line).await {
            Ok(text) => text,
            Err(error) => format!("{FAILED}{error:#}").replace('\n', " "),
        };
        println!("{text}");
    }
    Ok(())
}
