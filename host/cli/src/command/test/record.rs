//! `--record`: a case made of a real run.

use super::load::{self, Found};
use super::update::replace;
use crate::args::{Format, Test};
use crate::source::{self, RunSource};
use crate::{connectors, exit, output, wiring};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_core::journal::{Entry, Event};
use dowel_core::port::Mapper;
use dowel_flow::diagnostic::Diagnostic;
use dowel_flow::flow_test::{TEST_FILE, append, apply};
use dowel_flow::source::FlowFolder;
use dowel_mapping::Mapping;
use dowel_testkit::flow_test::{Mismatch, record, specs};
use serde_json::json;
use std::fmt::Write;
use std::process::ExitCode;
use std::sync::Arc;

pub(crate) async fn run(
    test: &Test,
    run: &str,
    format: Format,
    mapping: &Mapping,
) -> Result<ExitCode> {
    let entries = source::journal(&RunSource {
        run,
        host: &test.host,
        data: test.data.as_deref(),
    })
    .await?;
    let flow = flow_of(&entries)?;
    let name = format!("recorded run {run}");
    let mut folder = one_folder(test, &flow)?;
    let connectors = connectors::read_manifests(&test.repository)?;
    let compiled = wiring::compile_all(
        &test.repository,
        std::slice::from_ref(&folder),
        &connectors,
        mapping,
    )?;
    let Some(plan) = compiled.plans.first() else {
        return Err(wiring::as_error(&compiled.findings));
    };
    let recorded = record(&entries, plan, &specs(&[plan], &connectors), &name)
        .ok_or_else(|| anyhow!("the journal of the run {run} cannot be used"))?;
    let before = folder.files.get(TEST_FILE).map(String::as_str);
    let text = append(before, &recorded.case)?;
    folder.files.insert(TEST_FILE.to_owned(), text.clone());
    let found = load::load(&test.repository, folder, &connectors, mapping)?;
    let (text, differences) = replay(&found, &text, &name, mapping)?;
    let file = format!("{}/{TEST_FILE}", found.folder.path);
    replace(&test.repository.repo.join(&file), &text)?;
    let human = human(&name, &file, &recorded.faked, &differences);
    let value = json!({
        "case": name,
        "file": file,
        "made_up": recorded.faked,
        "differences": differences.iter().map(|one| one.path.to_string()).collect::<Vec<_>>(),
    });
    output::print(format, &value, &human)?;
    Ok(exit::found(false))
}

fn flow_of(entries: &[Entry]) -> Result<String> {
    match entries.first().map(|entry| &entry.event) {
        Some(Event::Created(created)) => Ok(created.flow.to_string()),
        _ => bail!("the journal of the run does not begin with its creation"),
    }
}

fn one_folder(test: &Test, flow: &str) -> Result<FlowFolder> {
    let mut folders = test.repository.flows(&[flow.to_owned()])?;
    folders
        .pop()
        .with_context(|| format!("there is no flow `{flow}`"))
}

/// Runs the new case. Where it does not come to what the run came to, the file says what
/// it came to, and the difference is told: made-up values, ids, or a flow that has changed.
fn replay(
    found: &Found,
    text: &str,
    name: &str,
    mapping: &Mapping,
) -> Result<(String, Vec<Mismatch>)> {
    let Some(flow) = &found.flow else {
        let all: Vec<String> = found.findings.iter().map(Diagnostic::render).collect();
        bail!("the tests of the flow cannot be used\n\n{}", all.join("\n"));
    };
    let mut cases = flow.suite.cases.iter().enumerate();
    let (index, case) = cases
        .rfind(|(_, case)| case.name == name)
        .context("the new case cannot be found")?;
    let mapper: Arc<dyn Mapper> = Arc::new(mapping.clone());
    let report = flow.run(index, case, &mapper);
    let text = apply(text, &report.edits)?;
    Ok((text, report.mismatches))
}

fn human(name: &str, file: &str, faked: &[String], differences: &[Mismatch]) -> String {
    let mut text = format!("added the case `{name}` to {file}\n");
    if !faked.is_empty() {
        text.push_str("\nmasked values were replaced by made-up ones:\n");
        for place in faked {
            let _ = writeln!(text, "  {place}");
        }
    }
    if !differences.is_empty() {
        text.push_str("\nreplayed, the case comes to something else than the run did, and expects that now:\n");
        for one in differences {
            let actual = one
                .actual
                .as_ref()
                .map_or("(nothing)", |json| json.as_str());
            let _ = writeln!(
                text,
                "  {}: the run {}, the case {actual}",
                one.path, one.expected
            );
        }
    }
    text.push_str(
        "\nread it, give it a name of its own, and remove what it does not have to say\n",
    );
    text
}
