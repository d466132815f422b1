//! When runs end, from the host's log.
//!
//! The last step of `order-to-invoice` emits an event. The host writes it to its log
//! right after the commit that ends the run, and it does so whether or not somebody
//! measures: reading that line costs the host nothing, where polling 64 runs would.

use serde::Deserialize;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::oneshot;

/// The target of the line.
const TARGET: &str = "dowel::emit";

/// Lines of the log that are kept for the message about a host that does not start.
const TAIL: usize = 20;

/// Who waits for which run.
#[derive(Default)]
pub(crate) struct Ends(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: HashMap<String, oneshot::Sender<Instant>>,
    /// Ended before the answer to the order was read.
    early: HashMap<String, Instant>,
    tail: VecDeque<String>,
}

#[derive(Deserialize)]
struct Line<'a> {
    target: &'a str,
    #[serde(borrow)]
    fields: Fields<'a>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    run: Option<&'a str>,
}

impl Ends {
    /// Reads a log to its end, in the background.
    pub(crate) fn read(log: impl AsyncRead + Unpin + Send + 'static) -> Arc<Self> {
        let ends = Arc::new(Self::default());
        let told = Arc::clone(&ends);
        tokio::spawn(async move {
            let mut lines = BufReader::with_capacity(1 << 16, log).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                told.line(line, Instant::now());
            }
        });
        ends
    }

    /// When the run ended; waits for it.
    pub(crate) async fn wait(&self, run: &str) -> Option<Instant> {
        let waiting = {
            let mut state = self.state();
            if let Some(at) = state.early.remove(run) {
                return Some(at);
            }
            let (tell, told) = oneshot::channel();
            state.waiting.insert(run.to_owned(), tell);
            told
        };
        waiting.await.ok()
    }

    /// The last lines that were about something else.
    pub(crate) fn tail(&self) -> String {
        let state = self.state();
        let lines: Vec<&str> = state.tail.iter().map(String::as_str).collect();
        lines.join("\n")
    }

    fn line(&self, line: String, at: Instant) {
        let mut state = self.state();
        match ended(&line) {
            Some(run) => match state.waiting.remove(run) {
                // A client that no longer waits has no use for it.
                Some(tell) => drop(tell.send(at)),
                None => drop(state.early.insert(run.to_owned(), at)),
            },
            None => {
                if state.tail.len() == TAIL {
                    state.tail.pop_front();
                }
                state.tail.push_back(line);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ended(line: &str) -> Option<&str> {
    // Most lines are these; anything else is not worth parsing.
    if !line.contains(TARGET) {
        return None;
    }
    let line: Line<'_> = serde_json::from_str(line).ok()?;
    (line.target == TARGET).then_some(line.fields.run).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"timestamp":"t","level":"INFO","fields":{"message":"event emitted","run":"r1","bytes":7},"target":"dowel::emit"}"#;

    #[tokio::test]
    async fn early_and_late_ends_are_told() {
        let ends = Arc::new(Ends::default());
        let at = Instant::now();
        ends.line(LINE.to_owned(), at);
        assert_eq!(ends.wait("r1").await, Some(at));
        let waiter = Arc::clone(&ends);
        let waiting = tokio::spawn(async move { waiter.wait("r1").await });
        while ends.state().waiting.is_empty() {
            tokio::task::yield_now().await;
        }
        ends.line(LINE.to_owned(), at);
        assert_eq!(waiting.await.unwrap(), Some(at));
    }

    #[test]
    fn other_lines_are_kept_for_the_message() {
        let ends = Ends::default();
        ends.line(
            r#"{"target":"dowel","fields":{}}"#.to_owned(),
            Instant::now(),
        );
        ends.line("no JSON, dowel::emit".to_owned(), Instant::now());
        assert_eq!(ends.tail().lines().count(), 2);
    }
}
