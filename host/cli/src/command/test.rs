//! `dowel test`: the tests beside the flows, in this process.

mod diff;
mod glob;
mod junit;
pub(crate) mod load;
mod record;
mod report;
mod update;
mod watch;

use crate::args::{Format, Test};
use crate::{connectors, exit, output, wiring};
use anyhow::Result;
use dowel_core::port::Mapper;
use dowel_mapping::Mapping;
use dowel_testkit::flow_test::{Job, run_all};
use load::{Found, Tested};
use std::process::ExitCode;
use std::sync::Arc;

pub(crate) async fn run(test: &Test, format: Format) -> Result<ExitCode> {
    let mapping = wiring::mapping(&test.repository)?;
    if let Some(run) = &test.record {
        return record::run(test, run, format, &mapping).await;
    }
    if !test.watch {
        let is_good = round(test, format, &mapping)?;
        return Ok(exit::found(!is_good));
    }
    loop {
        let seen = watch::Snapshot::of(&test.repository)?;
        if let Err(error) = round(test, format, &mapping) {
            // Half a file is saved now and then; the next change mends it.
            output::print(
                format,
                &serde_json::json!({ "error": format!("{error:#}") }),
                &format!("error: {error:#}"),
            )?;
        }
        if !seen.changed(&test.repository).await? {
            return Ok(exit::found(false));
        }
    }
}

/// Reads everything, runs the cases and prints what came of them; whether all passed.
fn round(test: &Test, format: Format, mapping: &Mapping) -> Result<bool> {
    let mut tested = run_once(test, mapping)?;
    let mut notes = Vec::new();
    if test.update {
        notes = update::write(&test.repository, &tested)?;
        if notes.iter().any(|note| note.has_written) {
            tested = run_once(test, mapping)?;
        }
    }
    if let Some(path) = &test.junit {
        junit::write(path, &tested)?;
    }
    let value = report::json(&tested, &notes);
    output::print(format, &value, &report::human(&tested, &notes))?;
    Ok(tested.iter().all(Tested::is_good))
}

/// Reads flows and tests anew and runs the chosen cases.
fn run_once(test: &Test, mapping: &Mapping) -> Result<Vec<Tested>> {
    let folders = test.repository.flows(&test.flows)?;
    let connectors = connectors::read_manifests(&test.repository)?;
    let found: Vec<Found> = folders
        .into_iter()
        .map(|folder| load::load(&test.repository, folder, &connectors, mapping))
        .collect::<Result<_>>()?;
    let is_chosen = |name: &str| {
        let pattern = test.case.as_deref();
        pattern.is_none_or(|pattern| glob::matches(pattern, name))
    };
    let mut jobs = Vec::new();
    for (place, found) in found.iter().enumerate() {
        let Some(flow) = &found.flow else { continue };
        for (index, case) in flow.suite.cases.iter().enumerate() {
            if is_chosen(&case.name) {
                jobs.push((place, Job { flow, index }));
            }
        }
    }
    let mapper: Arc<dyn Mapper> = Arc::new(mapping.clone());
    let only: Vec<Job<'_>> = jobs.iter().map(|(_, job)| *job).collect();
    let mut cases: Vec<Vec<_>> = found.iter().map(|_| Vec::new()).collect();
    for ((place, job), report) in jobs.iter().zip(run_all(&only, &mapper)) {
        cases[*place].push((job.index, report));
    }
    let tested = found.into_iter().zip(cases);
    Ok(tested
        .map(|(found, cases)| Tested { found, cases })
        .collect())
}
