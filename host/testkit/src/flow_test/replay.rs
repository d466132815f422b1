//! A real run once more, on the version that it was on and on another one, with the answers
//! that it had.

use super::Specs;
use super::judge::{judge, summary};
use super::observe::{Observed, ObservedRun};
use super::record::record;
use super::world::{CaseError, observe};
use dowel_core::JsonText;
use dowel_core::journal::Entry;
use dowel_core::port::Mapper;
use dowel_flow::flow_test::{Case, TEST_FILE, append, parse};
use dowel_flow::plan::Plan;
use dowel_flow::source::FlowFolder;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The name of the case that a run becomes.
const CASE: &str = "replayed";

/// A version of a flow, with the flows that it runs.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// The flow.
    pub plan: &'a Plan,
    /// The flows that it runs, and those that these run.
    pub others: &'a [Plan],
}

/// Where two versions come to something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What is different, such as `output.total` or `calls.invoice.with.tax`.
    pub path: String,
    /// What the version before comes to; nothing if it has nothing there.
    pub before: Option<JsonText>,
    /// What the new version comes to.
    pub after: Option<JsonText>,
}

/// A run on both versions.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Where they come to something else.
    pub differences: Vec<Difference>,
    /// Steps of the new version that make calls for which the run has no answer: nobody
    /// knows what becomes of the run from there on.
    pub unanswered: Vec<String>,
    /// Masked values that were replaced by made-up ones, for both versions alike.
    pub made_up: Vec<String>,
    /// Whether the version before came to what the run had come to.
    pub is_faithful: bool,
}

/// Why a run cannot be replayed.
#[derive(Debug)]
pub enum ReplayError {
    /// The journal is not whole.
    Journal,
    /// What is made of it is no case.
    Case(String),
    /// The run does not come to its end in this process.
    Stopped {
        /// The version.
        version: semver::Version,
        /// Why.
        error: CaseError,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal => f.write_str("its journal cannot be used"),
            Self::Case(reason) => write!(f, "no case can be made of it: {reason}"),
            Self::Stopped { version, error } => {
                write!(
                    f,
                    "it does not come to its end on version {version}: {error}"
                )
            }
        }
    }
}

impl std::error::Error for ReplayError {}

/// Replays the run of a journal. Nothing leaves the process: every call is answered as it was
/// in the run, wherever the new version makes it.
///
/// # Errors
/// The run cannot be replayed.
pub fn replay(
    entries: &[Entry],
    (before, after): (Version<'_>, Version<'_>),
    specs: &Specs,
    mapper: &Arc<dyn Mapper>,
) -> Result<Replayed, ReplayError> {
    let recorded = record(entries, before.plan, specs, CASE).ok_or(ReplayError::Journal)?;
    let case = case(&recorded.case, before)?;
    let old = run(before, &case, mapper)?;
    let new = run(after, &case, mapper)?;
    let mut differences = Vec::new();
    differ(&told(&old), &told(&new), "", &mut differences);
    let missing = new.calls.iter().filter(|call| !call.is_mocked);
    let asked = new.unanswered.iter().map(|open| open.step.to_string());
    let awaited = new.unreceived.iter().map(|open| open.step.to_string());
    let unanswered: BTreeSet<String> = missing
        .map(|call| call.step.clone())
        .chain(asked)
        .chain(awaited)
        .collect();
    Ok(Replayed {
        differences,
        unanswered: unanswered.into_iter().collect(),
        made_up: recorded.faked,
        is_faithful: judge(&case.expect, &old).is_empty(),
    })
}

fn case(text: &JsonText, version: Version<'_>) -> Result<Case, ReplayError> {
    let wrong = |error: String| ReplayError::Case(error);
    let text = append(None, text).map_err(|error| wrong(error.to_string()))?;
    let folder = FlowFolder {
        path: format!("flows/{}", version.plan.flow),
        files: BTreeMap::from([(TEST_FILE.to_owned(), text)]),
    };
    let suite = match parse(&folder, version.plan, version.others) {
        Some(Ok(suite)) => suite,
        Some(Err(findings)) => {
            let first = findings.first().map(|finding| finding.message.clone());
            return Err(wrong(first.unwrap_or_default()));
        }
        None => return Err(wrong("it is empty".to_owned())),
    };
    let mut cases = suite.cases.into_iter();
    cases.next().ok_or_else(|| wrong("it is empty".to_owned()))
}

fn run(
    version: Version<'_>,
    case: &Case,
    mapper: &Arc<dyn Mapper>,
) -> Result<Observed, ReplayError> {
    let (observed, error) = observe(version.plan, version.others, case, mapper);
    match error {
        None => Ok(observed),
        Some(error) => Err(ReplayError::Stopped {
            version: version.plan.version.clone(),
            error,
        }),
    }
}

/// What happened, with calls by their steps: one more at the beginning does not move all
/// others.
fn told(observed: &Observed) -> JsonText {
    let fields = summary(observed).fields().unwrap_or_default().into_iter();
    let others = fields.filter(|(name, _)| name != "calls" && name != "emitted");
    let mut calls: BTreeMap<String, JsonText> = BTreeMap::new();
    for call in &observed.calls {
        let name = JsonText::string(&call.name);
        let attempts = JsonText::of(&call.attempts).unwrap_or_else(|_| JsonText::null());
        let document = JsonText::object([
            ("call", &name),
            ("with", &call.input),
            ("attempts", &attempts),
        ]);
        let place = (1..).map(|number| match number {
            1 => call.step.clone(),
            number => format!("{} ({number})", call.step),
        });
        let free = place.into_iter().find(|place| !calls.contains_key(place));
        calls.extend(free.map(|place| (place, document)));
    }
    let calls = JsonText::object(calls.iter().map(|(step, call)| (step.as_str(), call)));
    let emitted = observed.runs.iter().flat_map(ObservedRun::emitted);
    let emitted = emitted.map(|(name, data)| {
        JsonText::object([("type", &JsonText::string(&name)), ("data", &data)])
    });
    let emitted = JsonText::array(&emitted.collect::<Vec<_>>());
    let more = [("calls".to_owned(), calls), ("emitted".to_owned(), emitted)];
    let all: Vec<(String, JsonText)> = others.chain(more).collect();
    JsonText::object(all.iter().map(|(name, value)| (name.as_str(), value)))
}

/// Every place where two documents are not the same. Numbers are what they are written as.
fn differ(before: &JsonText, after: &JsonText, at: &str, out: &mut Vec<Difference>) {
    if let (Some(old), Some(new)) = (before.fields(), after.fields()) {
        let names: BTreeSet<&String> = old.iter().chain(&new).map(|(name, _)| name).collect();
        for name in names {
            let of = |fields: &[(String, JsonText)]| {
                let found = fields.iter().find(|(other, _)| other == name);
                found.map(|(_, value)| value.clone())
            };
            let place = match at {
                "" => name.clone(),
                at => format!("{at}.{name}"),
            };
            one(of(&old), of(&new), place, out);
        }
        return;
    }
    if let (Some(old), Some(new)) = (before.items(), after.items()) {
        for index in 0..old.len().max(new.len()) {
            let place = format!("{at}[{index}]");
            one(old.get(index).cloned(), new.get(index).cloned(), place, out);
        }
        return;
    }
    let same = match (before.as_string(), after.as_string()) {
        (Some(old), Some(new)) => old == new,
        (None, None) => before.as_str() == after.as_str(),
        _ => false,
    };
    if !same {
        out.push(Difference {
            path: at.to_owned(),
            before: Some(before.clone()),
            after: Some(after.clone()),
        });
    }
}

fn one(before: Option<JsonText>, after: Option<JsonText>, path: String, out: &mut Vec<Difference>) {
    match (before, after) {
        (Some(before), Some(after)) => differ(&before, &after, &path, out),
        (None, None) => {}
        (before, after) => out.push(Difference {
            path,
            before,
            after,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> JsonText {
        JsonText::parse(text).unwrap()
    }

    fn places(before: &str, after: &str) -> Vec<String> {
        let mut out = Vec::new();
        differ(&json(before), &json(after), "", &mut out);
        out.into_iter().map(|one| one.path).collect()
    }

    #[test]
    fn every_place_that_is_not_the_same_is_named() {
        let before = r#"{"status":"succeeded","output":{"total":1.10,"list":[1,2]},"gone":1}"#;
        let after = r#"{"output":{"list":[1,3,4],"total":1.1},"status":"succeeded","new":"a"}"#;
        assert_eq!(
            places(before, after),
            [
                "gone",
                "new",
                "output.list[1]",
                "output.list[2]",
                "output.total"
            ]
        );
        assert!(places(before, before).is_empty());
        assert_eq!(places(r#"{"a":"1"}"#, r#"{"a":1}"#), ["a"]);
        assert!(places(r#""\u0061""#, r#""a""#).is_empty());
    }
}
