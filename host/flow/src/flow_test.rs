//! The test file beside a flow, `flow.test.yaml`: read, checked against the flow's plan,
//! and edited in place.

mod check;
mod edit;
mod pages;
mod read;

pub use edit::{CannotEdit, Edit, append, apply, yaml};

use crate::compile::path_in;
use crate::diagnostic::{Diagnostic, Report};
use crate::plan::Plan;
use crate::shape::Shape;
use crate::source::FlowFolder;
use crate::surface::test::TestFile;
use crate::text::Source;
use crate::yaml::{Node, parse as parse_yaml};
use dowel_core::expression::Position;
use dowel_core::{CloudEvent, JsonText, SendRecord, StepError, Timestamp};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The name of the file that holds a flow's tests.
pub const TEST_FILE: &str = "flow.test.yaml";

/// The version of the format that this crate reads.
pub const FORMAT: &str = "dowel/v1";

/// The tests of a flow.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The cases, in the order of the file.
    pub cases: Vec<Case>,
    /// Findings that do not stop them, in order of their place.
    pub warnings: Vec<Diagnostic>,
    source: Arc<Source>,
    tree: Node,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Unique in the file.
    pub name: String,
    /// Where it stands.
    pub position: Position,
    /// What comes in, one after the other; at least one.
    pub payloads: Vec<Payload>,
    /// When it begins.
    pub now: Timestamp,
    /// `$env`: an object.
    pub env: JsonText,
    /// What earlier runs have left, by name; the flow's initial values where nothing is
    /// said.
    pub state: BTreeMap<String, JsonText>,
    /// Answers by `<connection>.<operation>`, or by the step that asks or waits.
    pub mocks: BTreeMap<String, Vec<Answer>>,
    /// What has to come of it, as it is written: an object.
    pub expect: JsonText,
}

/// One event that comes in.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The trigger; the flow's first one unless given.
    pub via: Option<String>,
    /// The payload, as it arrives.
    pub json: JsonText,
    /// Request headers, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// How long after the run before has come to rest.
    pub after: Duration,
}

/// One answer of a mock.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What the attempt comes to.
    pub outcome: Outcome,
    /// How long that takes.
    pub after: Duration,
    /// How many attempts it answers, where that is written.
    pub times: Option<u32>,
    /// Only for calls in the loop item of this index.
    pub item: Option<usize>,
    /// Only for calls whose input has these values.
    pub with: Option<JsonText>,
}

/// What a mocked attempt comes to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The operation returns this.
    Return(JsonText),
    /// Somebody decides an approval.
    Decide {
        /// What.
        decision: String,
        /// Who.
        by: String,
        /// Why.
        comment: Option<String>,
    },
    /// Nobody decides an approval, no event comes.
    Silence,
    /// An event comes.
    Event {
        /// The event.
        event: Box<CloudEvent>,
        /// Its id, where that is written.
        id: Option<String>,
    },
    /// The operation fails.
    Fail {
        /// Why.
        error: StepError,
        /// How far the attempt got.
        sent: SendRecord,
    },
}

/// A step on the way from a case to a value in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// A key of a map.
    Key(String),
    /// An index of a list, from 0.
    Index(usize),
}

impl From<&str> for Segment {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

/// The way from a case to a value in it, such as `expect.calls[1].with`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<Segment>);

impl Path {
    /// The path one step further.
    #[must_use]
    pub fn then(&self, segment: impl Into<Segment>) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment.into());
        Self(segments)
    }

    /// The path of an item of the list at this path.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        self.then(Segment::Index(index))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if index == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Reads the tests of a flow; `None` if its folder has none. `others` are the flows that it
/// runs, and those that these run.
///
/// # Errors
/// Everything that is wrong, in order of place, warnings included.
pub fn parse(
    folder: &FlowFolder,
    plan: &Plan,
    others: &[Plan],
) -> Option<Result<Suite, Vec<Diagnostic>>> {
    let text = folder.files.get(TEST_FILE)?;
    let path = path_in(folder, TEST_FILE);
    let source = Arc::new(Source::new(&path, text));
    let mut report = Report::new(Arc::clone(&source));
    let read = parse_yaml(text, &mut report).and_then(|tree| {
        let file = TestFile::decode(&tree, &mut report)?;
        let cases = read::cases(&file, folder, (plan, others), &mut report)?;
        Some((tree, cases))
    });
    Some(match read {
        Some((tree, cases)) if !report.has_errors() => Ok(Suite {
            cases,
            warnings: report.into_sorted(),
            source,
            tree,
        }),
        _ => Err(report.into_sorted()),
    })
}

impl Suite {
    /// Where a value of a case stands, or the nearest one around it.
    pub fn position(&self, case: usize, path: &Path) -> Position {
        let node = edit::nearest(&self.tree, case, path);
        self.source.position(node.span().start)
    }
}
