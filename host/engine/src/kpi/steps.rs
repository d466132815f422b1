//! How often the steps of flows ended, and how often they failed, since the start.

use dowel_core::journal::{Command, Entry, Event};
use dowel_core::{FlowName, StepPath};
use dowel_flow::picture::{Numbers, StepNumbers};
use parking_lot::Mutex;
use std::collections::HashMap;

/// What steps came to.
#[derive(Debug, Default)]
pub(super) struct Steps(Mutex<HashMap<FlowName, Numbers>>);

/// The step that an event ends, and whether it failed.
fn end(event: &Event) -> Option<(&StepPath, bool)> {
    match event {
        Event::CallSucceeded { path, .. }
        | Event::ValueSet { path, .. }
        | Event::Emitted { path, .. }
        | Event::WaitEnded { path }
        | Event::BlockEnded { path, .. }
        | Event::ChildConcluded { path, .. } => Some((path, false)),
        Event::EventReceived(received) => Some((&received.path, false)),
        Event::StepFailed { path, .. } => Some((path, true)),
        Event::Commanded(commanded) => match &commanded.command {
            Command::Decide { path, .. } | Command::Complete { path, .. } => Some((path, false)),
            _ => None,
        },
        _ => None,
    }
}

impl Steps {
    /// These entries are written.
    pub(super) fn written(&self, flow: &FlowName, entries: &[Entry]) {
        let ends = entries.iter().filter_map(|entry| end(&entry.event));
        let mut ends = ends.peekable();
        if ends.peek().is_none() {
            return;
        }
        let mut flows = self.0.lock();
        if !flows.contains_key(flow) {
            flows.insert(flow.clone(), Numbers::new());
        }
        let Some(numbers) = flows.get_mut(flow) else {
            return;
        };
        for (path, has_failed) in ends {
            let key = key(path.as_str());
            if !numbers.contains_key(key) {
                numbers.insert(key.to_owned(), StepNumbers::default());
            }
            if let Some(step) = numbers.get_mut(key) {
                step.done += 1;
                step.failed += u64::from(has_failed);
            }
        }
    }

    /// The numbers of a flow.
    pub(super) fn of(&self, flow: &FlowName) -> Numbers {
        self.0.lock().get(flow).cloned().unwrap_or_default()
    }
}

/// A step's key in a picture: the end of its path, without the number of a page.
pub(super) fn key(path: &str) -> &str {
    let name = path.rsplit('.').next().unwrap_or(path);
    let page = "~page";
    match name.find(page) {
        Some(at) => &name[..at + page.len()],
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_keys() {
        for (path, expected) in [
            ("invoice", "invoice"),
            ("lines[3].invoice", "invoice"),
            ("fan[left].a[10].b~compensate", "b~compensate"),
        ] {
            assert_eq!(key(path), expected);
        }
    }
}
