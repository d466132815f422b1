//! `dowel eval --run` and `--case`: what an expression sees at a step.

use crate::args::Eval;
use crate::command::test::load::{self, Found};
use crate::connectors;
use crate::source::{self, RunSource};
use anyhow::{Context as _, Result, bail};
use dowel_core::expression::{Bindings, Needs, StepNeeds};
use dowel_core::journal::{ChildEnd, Entry, Event};
use dowel_core::port::Mapper;
use dowel_core::{JsonText, StepPath};
use dowel_engine::scope::{self, Scope};
use dowel_engine::state::RunState;
use dowel_mapping::Mapping;
use dowel_testkit::flow_test::observe;
use std::sync::Arc;

/// What an expression sees in the run or case that was named; `None` if none was.
pub(crate) async fn bindings(
    eval: &Eval,
    mapping: &Mapping,
    variables: &[&str],
) -> Result<Option<Bindings>> {
    let entries = match (&eval.run, &eval.case) {
        (Some(run), _) => {
            source::journal(&RunSource {
                run,
                host: &eval.host,
                data: eval.data.as_deref(),
            })
            .await?
        }
        (None, Some(case)) => entries_of_case(eval, case, mapping)?,
        (None, None) => return Ok(None),
    };
    seen_at(&entries, eval.at.as_deref(), variables).map(Some)
}

fn entries_of_case(eval: &Eval, name: &str, mapping: &Mapping) -> Result<Vec<Entry>> {
    let folders = eval.repository.flows(&[])?;
    let connectors = connectors::read_manifests(&eval.repository)?;
    let found: Vec<Found> = folders
        .into_iter()
        .map(|folder| load::load(&eval.repository, folder, &connectors, mapping))
        .collect::<Result<_>>()?;
    let flows = found.iter().filter_map(|found| found.flow.as_ref());
    let cases = flows.flat_map(|flow| flow.suite.cases.iter().map(move |case| (flow, case)));
    let matching: Vec<_> = cases.filter(|(_, case)| case.name == name).collect();
    let (flow, case) = match matching.as_slice() {
        [one] => *one,
        [] => bail!("no test file that can be used has a case `{name}`; `dowel test` lists them"),
        _ => bail!("several flows have a case `{name}`: give one of them another name"),
    };
    let mapper: Arc<dyn Mapper> = Arc::new(mapping.clone());
    let (observed, error) = observe(&flow.plan, &flow.others, case, &mapper);
    if let Some(error) = error {
        bail!("the case could not be run: {error}");
    }
    let mut runs = observed.runs.into_iter().map(|run| run.entries);
    runs.rfind(|entries| !entries.is_empty())
        .context("the case begins no run: its payload is refused")
}

/// What an expression of a step saw, or sees at the end of the run.
fn seen_at(entries: &[Entry], at: Option<&str>, variables: &[&str]) -> Result<Bindings> {
    let needs = Needs {
        input: true,
        variables: variables.iter().map(|name| (*name).to_owned()).collect(),
        steps: StepNeeds::All,
    };
    let Some(at) = at else {
        let state = RunState::fold(entries)?;
        let scope = Scope::default();
        return Ok(scope::bindings(&state, &scope, &needs, state.updated_at));
    };
    let (index, path) = begins(entries, at)?;
    let state = RunState::fold(&entries[..index])?;
    let scope = Scope::of(&path);
    let now = entries[index].at;
    let mut bindings = scope::bindings(&state, &scope, &needs, now);
    // What the step's own `output` mapping has as `.`.
    let result = entries.iter().find_map(|entry| match &entry.event {
        Event::CallSucceeded {
            path: of, result, ..
        } if *of == path => Some(result.clone()),
        Event::ChildEnded {
            path: of,
            end: ChildEnd::Succeeded { output },
            ..
        } if *of == path => Some(output.clone()),
        _ => None,
    });
    bindings.input = result.unwrap_or_else(JsonText::null);
    Ok(bindings)
}

/// The entry with which a step begins, by its path or, for the first time, by its id.
fn begins(entries: &[Entry], at: &str) -> Result<(usize, StepPath)> {
    let paths: Vec<(usize, StepPath)> = entries
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| Some((index, path(&entry.event)?)))
        .collect();
    let exact = paths.iter().find(|(_, path)| path.as_str() == at);
    let last_id = |path: &StepPath| path.as_str().rsplit('.').next() == Some(at);
    if let Some((index, path)) = exact.or_else(|| paths.iter().find(|(_, path)| last_id(path))) {
        return Ok((*index, path.clone()));
    }
    let mut seen: Vec<&str> = paths.iter().map(|(_, path)| path.as_str()).collect();
    seen.dedup();
    seen.sort_unstable();
    seen.dedup();
    bail!(
        "the run did not come to a step `{at}`; it came to: {}",
        seen.join(", ")
    )
}

/// The step that an event is about. Read from the event's own form, so that kinds of
/// events which are added later are known as well.
fn path(event: &Event) -> Option<StepPath> {
    let value = serde_json::to_value(event).ok()?;
    let body = value.as_object()?.values().next()?;
    serde_json::from_value(body.get("path")?.clone()).ok()
}
