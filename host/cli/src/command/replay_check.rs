//! `dowel replay-check`: recorded runs of the version that is pinned, once more on another
//! one, in this process.

use crate::args::{Format, Host, ReplayCheck};
use crate::client::Client;
use crate::source::{self, RunSource};
use crate::state::States;
use crate::{connectors, exit, output, wiring};
use anyhow::{Context as _, Result, anyhow};
use dowel_core::FlowName;
use dowel_core::port::Mapper;
use dowel_flow::plan::Plan;
use dowel_testkit::flow_test::{Difference, Replayed, Specs, Version, replay, specs};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

/// Runs of a page of the host's list.
const PAGE: usize = 200;

/// Runs that are looked through for those of the version.
const MAX_LOOKED_AT: usize = 20_000;

/// Differences of one run that are shown to people.
const SHOWN: usize = 8;

/// A flow on two versions.
pub(crate) struct Pair {
    pub(crate) before: Vec<Plan>,
    pub(crate) after: Vec<Plan>,
    pub(crate) flow: FlowName,
}

/// What became of the runs.
pub(crate) struct Report {
    flow: FlowName,
    before: semver::Version,
    after: semver::Version,
    runs: Vec<(String, Result<Replayed, String>)>,
}

pub(crate) async fn run(command: ReplayCheck, format: Format) -> Result<ExitCode> {
    let runs = usize::from(command.runs);
    let (pair, specs, mapper, command) =
        tokio::task::spawn_blocking(move || prepare(command)).await??;
    let report = check(&pair, &command.host, runs, &specs, mapper).await?;
    output::print(format, &report.json(), &report.text())?;
    Ok(exit::found(report.differs()))
}

type Prepared = (Pair, Specs, Arc<dyn Mapper>, ReplayCheck);

/// Compiles both versions.
fn prepare(command: ReplayCheck) -> Result<Prepared> {
    let repository = &command.repository;
    let connectors = connectors::read_manifests(repository)?;
    let mapping = wiring::mapping(repository)?;
    let states = States {
        repository,
        connectors: &connectors,
        mapping: &mapping,
    };
    let here = states.here()?;
    let (flow, version) = match command.flow.split_once('@') {
        Some((flow, version)) => (flow, Some(version)),
        None => (command.flow.as_str(), None),
    };
    let flow = FlowName::new(flow)?;
    let before = states.running(&here)?.plans;
    let after = match version {
        Some(version) => {
            let version = version
                .parse()
                .with_context(|| format!("`{version}` is not a version such as 1.5.0"))?;
            states
                .running(&states.pinning(&here, &flow, &version)?)?
                .plans
        }
        None => states.flows(&here)?,
    };
    let pair = Pair {
        before,
        after,
        flow,
    };
    let all: Vec<&Plan> = pair.before.iter().chain(&pair.after).collect();
    let specs = specs(&all, &connectors);
    let mapper: Arc<dyn Mapper> = Arc::new(mapping.clone());
    Ok((pair, specs, mapper, command))
}

/// One flow out of several, and the others.
fn apart(plans: &[Plan], flow: &FlowName) -> Result<(Plan, Vec<Plan>)> {
    let (of_flow, others): (Vec<&Plan>, Vec<&Plan>) =
        plans.iter().partition(|plan| plan.flow == *flow);
    let plan = of_flow.first().copied().cloned();
    let plan = plan.ok_or_else(|| anyhow!("there is no flow `{flow}`"))?;
    Ok((plan, others.into_iter().cloned().collect()))
}

/// Replays the newest runs of the version before on both.
pub(crate) async fn check(
    pair: &Pair,
    host: &Host,
    runs: usize,
    specs: &Specs,
    mapper: Arc<dyn Mapper>,
) -> Result<Report> {
    let (before, others_before) = apart(&pair.before, &pair.flow)?;
    let (after, others_after) = apart(&pair.after, &pair.flow)?;
    let ids = newest(host, &before, runs).await?;
    let mut report = Report {
        flow: pair.flow.clone(),
        before: before.version.clone(),
        after: after.version.clone(),
        runs: Vec::new(),
    };
    let (before, after) = (
        Arc::new((before, others_before)),
        Arc::new((after, others_after)),
    );
    let specs = Arc::new(specs.clone());
    for id in ids {
        let source = RunSource {
            run: &id,
            host,
            data: None,
        };
        let entries = source::journal(&source).await?;
        let (before, after) = (before.clone(), after.clone());
        let (specs, mapper) = (specs.clone(), mapper.clone());
        // A replay computes, and does not let go of its thread.
        let replayed = tokio::task::spawn_blocking(move || {
            let both = (version(&before), version(&after));
            replay(&entries, both, &specs, &mapper).map_err(|error| error.to_string())
        });
        report.runs.push((id, replayed.await?));
    }
    Ok(report)
}

fn version((plan, others): &(Plan, Vec<Plan>)) -> Version<'_> {
    Version { plan, others }
}

/// The newest runs of a version that have come to rest.
async fn newest(host: &Host, plan: &Plan, runs: usize) -> Result<Vec<String>> {
    let is_one = |run: &Value| {
        let ended = ["succeeded", "succeeded_with_failures", "failed", "parked"];
        let status = run["status"].as_str().unwrap_or_default();
        run["version"] == plan.version.to_string() && ended.contains(&status)
    };
    let client = Client::new(host)?;
    let (mut found, mut looked_at, mut cursor) = (Vec::new(), 0, None::<String>);
    while found.len() < runs && looked_at < MAX_LOOKED_AT {
        let mut query = vec![("flow", plan.flow.to_string()), ("limit", PAGE.to_string())];
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let text = client
            .get("/api/v1/runs", &query)
            .await?
            .unwrap_or_default();
        let page: Value = serde_json::from_str(&text)?;
        let all = page["runs"].as_array().cloned().unwrap_or_default();
        looked_at += all.len();
        let ids = all.iter().filter(|run| is_one(run));
        found.extend(ids.filter_map(|run| Some(run["id"].as_str()?.to_owned())));
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() || all.is_empty() {
            break;
        }
    }
    found.truncate(runs);
    Ok(found)
}

impl Report {
    /// Whether the versions come to something else anywhere, or it cannot be said.
    pub(crate) fn differs(&self) -> bool {
        self.runs.iter().any(|(_, replayed)| match replayed {
            Ok(replayed) => !replayed.differences.is_empty() || !replayed.unanswered.is_empty(),
            Err(_) => true,
        })
    }

    fn summary(&self) -> String {
        let same = |(_, replayed): &&(String, Result<Replayed, String>)| {
            let good = replayed.as_ref().ok();
            good.is_some_and(|one| one.differences.is_empty() && one.unanswered.is_empty())
        };
        let same = self.runs.iter().filter(same).count();
        format!(
            "{}: {} of {} runs of {} come to the same on {}",
            self.flow,
            same,
            self.runs.len(),
            self.before,
            self.after
        )
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.summary());
        for (run, replayed) in &self.runs {
            match replayed {
                Err(error) => {
                    let _ = writeln!(text, "\n{run} cannot be replayed: {error}");
                }
                Ok(one) if one.differences.is_empty() && one.unanswered.is_empty() => {}
                Ok(one) => told(&mut text, run, one),
            }
        }
        text
    }

    fn json(&self) -> Value {
        let runs = self.runs.iter().map(|(run, replayed)| match replayed {
            Err(error) => json!({ "run": run, "error": error }),
            Ok(one) => json!({
                "run": run,
                "differences": one.differences.iter().map(document).collect::<Vec<_>>(),
                "unanswered": one.unanswered,
                "made_up": one.made_up,
                "faithful": one.is_faithful,
            }),
        });
        json!({
            "flow": self.flow,
            "before": self.before.to_string(),
            "after": self.after.to_string(),
            "same": !self.differs(),
            "runs": runs.collect::<Vec<_>>(),
        })
    }
}

fn document(one: &Difference) -> Value {
    let text = |value: &Option<dowel_core::JsonText>| {
        value.as_ref().map(|value| value.as_str().to_owned())
    };
    // As text: numbers stay as the run has them.
    json!({ "path": one.path, "before": text(&one.before), "after": text(&one.after) })
}

fn told(text: &mut String, run: &str, replayed: &Replayed) {
    let _ = writeln!(text, "\n{run}");
    for one in replayed.differences.iter().take(SHOWN) {
        let shown = |value: &Option<dowel_core::JsonText>| {
            let text = value.as_ref().map_or("(nothing)", |value| value.as_str());
            text.chars().take(80).collect::<String>()
        };
        let _ = writeln!(
            text,
            "  {}: {} -> {}",
            one.path,
            shown(&one.before),
            shown(&one.after)
        );
    }
    let more = replayed.differences.len().saturating_sub(SHOWN);
    if more > 0 {
        let _ = writeln!(text, "  and {more} more");
    }
    for step in &replayed.unanswered {
        let _ = writeln!(
            text,
            "  {step}: the run has no answer for what is asked here"
        );
    }
    if !replayed.is_faithful {
        let _ = writeln!(
            text,
            "  (replayed on its own version, the run comes to something else than it did: masked values or times)"
        );
    }
}
