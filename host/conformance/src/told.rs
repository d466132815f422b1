//! Cases of sources and receivers: what comes of one read, or of one request. They lie in
//! `cases/sources/` and `cases/receivers/`.

use crate::case::{CaseError, Exchange, ExpectedError, decode, files, read_file};
use crate::json;
use dowel_core::id::OperationName;
use dowel_core::port::{HookAnswer, SourceEvent};
use dowel_core::{JsonText, StepError, Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// One read of a source.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceCase {
    /// The name of its file, without the ending.
    #[serde(skip)]
    pub name: String,
    /// What it shows, in a sentence.
    #[serde(default)]
    pub about: Option<String>,
    /// The source that is read.
    pub source: OperationName,
    /// Its parameters.
    #[serde(default = "nothing")]
    pub params: JsonText,
    /// From where it is read; from the beginning unless given.
    #[serde(default)]
    pub cursor: Option<String>,
    /// The most events that it may give.
    #[serde(default = "limit")]
    pub limit: u32,
    /// The requests that it makes, and their answers.
    #[serde(default)]
    pub exchanges: Vec<Exchange>,
    /// What has to come of it.
    pub expect: ExpectedEvents,
}

/// One request to a receiver.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiverCase {
    /// The name of its file, without the ending.
    #[serde(skip)]
    pub name: String,
    /// What it shows, in a sentence.
    #[serde(default)]
    pub about: Option<String>,
    /// The receiver that gets it.
    pub receiver: OperationName,
    /// Its parameters.
    #[serde(default = "nothing")]
    pub params: JsonText,
    /// The secret of the webhook: one that was made for the case.
    #[serde(default)]
    pub key: Option<String>,
    /// When the request arrived (RFC 3339).
    #[serde(default, deserialize_with = "instant")]
    pub at: Timestamp,
    /// The request.
    pub request: HookCase,
    /// The requests that it makes itself, and their answers.
    #[serde(default)]
    pub exchanges: Vec<Exchange>,
    /// What has to come of it.
    pub expect: ExpectedEvents,
}

/// A request that comes in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookCase {
    /// The method.
    #[serde(default = "post")]
    pub method: String,
    /// What stands behind the `?`.
    #[serde(default)]
    pub query: Option<String>,
    /// The headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, byte by byte: it is signed.
    #[serde(default)]
    pub body: String,
}

/// What has to come of a read or a request: events, an answer, or an error.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedEvents {
    /// The events, in order.
    #[serde(default)]
    pub events: Option<Vec<ExpectedEvent>>,
    /// Where the page ends.
    #[serde(default)]
    pub cursor: Option<String>,
    /// The body of the answer to the sender.
    #[serde(default)]
    pub answer: Option<String>,
    /// The error.
    #[serde(default)]
    pub error: Option<ExpectedError>,
}

/// An event, as far as it counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedEvent {
    /// Its id.
    pub id: String,
    /// What happened.
    #[serde(default)]
    pub kind: Option<String>,
    /// Its data.
    #[serde(default)]
    pub data: Option<JsonText>,
}

fn nothing() -> JsonText {
    JsonText::object([])
}

const fn limit() -> u32 {
    100
}

fn post() -> String {
    "POST".to_owned()
}

fn instant<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || serde::de::Error::custom("`at` is not a time such as 2026-01-05T15:00:00Z");
    Timestamp::parse(&text).ok_or_else(wrong)
}

/// Reads the cases of a folder's part.
pub(crate) fn sources(folder: &Path) -> Result<Vec<SourceCase>, CaseError> {
    read(&folder.join("sources"), |case: &mut SourceCase, name| {
        case.name = name;
    })
}

/// Reads the cases of a folder's part.
pub(crate) fn receivers(folder: &Path) -> Result<Vec<ReceiverCase>, CaseError> {
    read(
        &folder.join("receivers"),
        |case: &mut ReceiverCase, name| case.name = name,
    )
}

fn read<T: for<'de> Deserialize<'de>>(
    folder: &Path,
    named: impl Fn(&mut T, String),
) -> Result<Vec<T>, CaseError> {
    let mut cases = Vec::new();
    for path in files(folder)? {
        let mut case: T = decode(&path.display().to_string(), &read_file(&path)?)?;
        let stem = path.file_stem().unwrap_or_default();
        named(&mut case, stem.to_string_lossy().into_owned());
        cases.push(case);
    }
    Ok(cases)
}

/// What came of a read or a request.
pub(crate) struct Told {
    pub(crate) events: Vec<SourceEvent>,
    pub(crate) cursor: Option<String>,
    pub(crate) answer: Option<HookAnswer>,
}

impl Told {
    /// The ids of the events, in order.
    pub(crate) fn ids(&self) -> Vec<&str> {
        self.events.iter().map(|event| &*event.id).collect()
    }
}

impl ExpectedEvents {
    /// What is different from what is expected.
    pub(crate) fn problems(&self, found: &Result<Told, StepError>) -> Vec<String> {
        match (found, &self.error) {
            (Ok(_), Some(_)) => vec!["it succeeded, and an error is expected".to_owned()],
            (Ok(told), None) => self.differences(told),
            (Err(error), None) => vec![format!("it failed: {error}")],
            (Err(error), Some(expected)) => {
                let code = expected.code.as_ref();
                let is_other = code.is_some_and(|code| *code != error.code);
                if error.kind == expected.kind && !is_other {
                    return Vec::new();
                }
                let code = code.map_or("", String::as_str);
                vec![format!(
                    "the error is {error}, and {} {code} is expected",
                    expected.kind
                )]
            }
        }
    }

    fn differences(&self, told: &Told) -> Vec<String> {
        let mut found = Vec::new();
        let expected = self.events.as_deref().unwrap_or_default();
        let ids: Vec<&str> = expected.iter().map(|event| &*event.id).collect();
        if ids != told.ids() {
            found.push(format!(
                "the events are {:?}, and {ids:?} are expected",
                told.ids()
            ));
            return found;
        }
        for (expected, event) in expected.iter().zip(&told.events) {
            let id = &event.id;
            if expected
                .kind
                .as_ref()
                .is_some_and(|kind| *kind != event.kind)
            {
                found.push(format!("the event {id} is of the kind `{}`", event.kind));
            }
            let data = expected.data.as_ref();
            if data.is_some_and(|data| !json::same(data, &event.data)) {
                found.push(format!("the data of the event {id} is {}", event.data));
            }
        }
        if self.cursor.is_some() && self.cursor != told.cursor {
            found.push(format!("the cursor is {:?}", told.cursor));
        }
        let answer = told.answer.as_ref().map(|answer| answer.body.as_str());
        if self.answer.as_deref() != answer {
            found.push(format!(
                "the answer is {answer:?}, and {:?} is expected",
                self.answer
            ));
        }
        found
    }
}
