//! `dowel run`: one flow, one payload, in this process.

use crate::args::{Format, Run};
use crate::catalogue::InstalledConnectors;
use crate::command::eval::read;
use crate::system::{SystemClock, SystemRandomness};
use crate::{connectors, exit, output, secrets, story_text, wiring};
use anyhow::{Result, anyhow};
use dowel_core::port::{Clock, Invoker};
use dowel_engine::state::RunStatus;
use dowel_engine::story::Story;
use dowel_engine::{Engine, EngineOptions, IntakeRequest, Ports};
use dowel_flow::plan::Plan;
use dowel_mapping::Mapping;
use dowel_testkit::{Answer, FakeConnectors, MemoryStore, VirtualClock};
use dowel_wasm::{ConnectorHost, HostOptions};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How often to look whether the run waits for somebody.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(crate) async fn run(run: &Run, format: Format) -> Result<ExitCode> {
    let payload = read(&run.payload)?;
    let mapping = wiring::mapping(&run.repository)?;
    let mut outside = Outside::open(run)?;
    let folders = run.repository.flows(std::slice::from_ref(&run.flow))?;
    let compiled = wiring::compile_all(&run.repository, &folders, &outside.connectors, &mapping)?;
    let plan = match compiled.plans.into_iter().next() {
        Some(plan) if !compiled.has_errors => plan,
        _ => return Err(wiring::as_error(&compiled.findings)),
    };
    let request = IntakeRequest::new(plan.flow.clone(), trigger(run, &plan)?, payload);
    let connectors = &outside.connectors;
    let reached = wiring::compile_reached(&run.repository, &plan.flow, connectors, &mapping)?;
    if reached.has_errors {
        return Err(wiring::as_error(&reached.findings));
    }
    let mut plans = vec![plan];
    plans.extend(reached.plans);
    outside.complete(run, &plans)?;
    let engine = outside.start(plans, mapping).await?;
    let accepted = match engine.accept(request).await {
        Ok(accepted) => accepted,
        Err(dowel_engine::IntakeError::Schema(violations)) => {
            let lines: Vec<String> = violations
                .iter()
                .map(|v| format!("  {}: {}", v.pointer, v.message))
                .collect();
            let human = format!(
                "the payload does not follow the schema of the trigger:\n{}",
                lines.join("\n")
            );
            output::print(format, &serde_json::json!({ "errors": violations }), &human)?;
            return Ok(exit::found(true));
        }
        Err(error) => return Err(anyhow!("{}: {error}", error.code())),
    };
    tokio::select! {
        biased;
        settled = engine.settled(accepted.run()) => settled.map(|_| ())?,
        // What has ended is still as well: the story says which of the two it is.
        still = until_still(&engine) => still?,
    };
    let story = engine
        .story(accepted.run())
        .await?
        .ok_or_else(|| anyhow!("the run is gone"))?;
    let text = serde_json::to_string(&story)?;
    let mut human = story_text::render(&serde_json::from_str(&text)?);
    if !story.status.is_at_rest() {
        human.push_str(&advice(&story));
    }
    output::print(format, &story, &human)?;
    Ok(exit::found(story.status != RunStatus::Succeeded))
}

/// Ends when nothing goes on any more: a run that has not ended then waits for somebody or
/// something that this process cannot give it.
async fn until_still(engine: &Engine) -> Result<()> {
    while !engine.is_still().await? {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// What the run waits for, and how it would be answered.
fn advice(story: &Story) -> String {
    let asked = story.steps.iter().filter(|step| step.status == "waiting");
    let asked = asked.filter_map(|step| Some((step, step.approval.as_ref()?)));
    let mut text = String::new();
    for (step, approval) in asked {
        let (path, groups) = (&step.path, approval.groups.join(", "));
        let decision = approval
            .decisions
            .first()
            .map_or("approved", String::as_str);
        text.push_str(&format!(
            "\nThe run waits for the approval `{path}` ({groups}), and `dowel run` has nobody to ask.\n\
             Answer it in a test: `mocks: {{ {}: {{ decide: {decision} }} }}`; or serve the flow and decide with\n\
             `dowel approvals decide <run> {path} {decision} --as <name>`.\n",
            path.id()
        ));
    }
    if text.is_empty() {
        let what = story.waits_for.unwrap_or("event");
        text = format!(
            "\nThe run waits for something from outside ({what}), which `dowel run` does not receive: serve the flow.\n"
        );
    }
    text
}

fn trigger(run: &Run, plan: &Plan) -> Result<String> {
    match &run.trigger {
        Some(name) if plan.trigger(name).is_some() => Ok(name.clone()),
        Some(name) => Err(anyhow!("the flow `{}` has no trigger `{name}`", plan.flow)),
        None => {
            let first = plan
                .triggers
                .first()
                .ok_or_else(|| anyhow!("the flow `{}` has no trigger", plan.flow))?;
            Ok(first.name.clone())
        }
    }
}

/// What the flow talks to: real connectors with an environment, examples without.
struct Outside {
    connectors: InstalledConnectors,
    invoker: Arc<dyn Invoker>,
    clock: Arc<dyn Clock>,
    options: EngineOptions,
    host: Option<ConnectorHost>,
}

impl Outside {
    fn open(run: &Run) -> Result<Self> {
        let repository = &run.repository;
        match repository.environment()? {
            None => Ok(Self {
                connectors: connectors::read_manifests(repository)?,
                invoker: Arc::new(FakeConnectors::default()),
                clock: Arc::new(VirtualClock::at(SystemClock.now())),
                options: EngineOptions::default(),
                host: None,
            }),
            Some(Err(findings)) => Err(wiring::as_error(&findings)),
            Some(Ok(environment)) => {
                let secrets = Arc::new(secrets::of(repository)?);
                let options = HostOptions {
                    cache_dir: Some(repository.work("cache")),
                    ..HostOptions::default()
                };
                let host = ConnectorHost::new(options, secrets)?;
                Ok(Self {
                    connectors: connectors::install(&host, repository)?,
                    invoker: Arc::new(host.clone()),
                    clock: Arc::new(SystemClock),
                    options: wiring::engine_options(&environment),
                    host: Some(host),
                })
            }
        }
    }

    /// Binds the environment's connections, or scripts each call with its operation's
    /// example.
    fn complete(&mut self, run: &Run, plans: &[Plan]) -> Result<()> {
        if let (Some(host), Some(Ok(environment))) = (&self.host, run.repository.environment()?) {
            let problems = wiring::check_configs(&environment, plans, &self.connectors);
            problems.map_err(|problems| anyhow!(problems.join("\n")))?;
            return host.bind(environment.connections).map_err(|errors| {
                anyhow!(
                    errors
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join("\n")
                )
            });
        }
        let examples = FakeConnectors::default();
        for (connection, pinned) in plans.iter().flat_map(|plan| &plan.connectors) {
            let operations = self
                .connectors
                .by_digest(pinned.digest)
                .map(|manifest| manifest.operations.as_slice());
            for operation in operations.unwrap_or_default() {
                if let Some(example) = &operation.example_output {
                    examples.script(
                        &format!("{connection}.{}", operation.name),
                        [Answer::Return(example.clone())],
                    );
                }
            }
        }
        self.invoker = Arc::new(examples);
        Ok(())
    }

    async fn start(self, plans: Vec<Plan>, mapping: Mapping) -> Result<Engine> {
        let ports = Ports {
            store: Arc::new(MemoryStore::default()),
            invoker: self.invoker,
            mapper: Arc::new(mapping),
            clock: self.clock,
            randomness: Arc::new(SystemRandomness),
        };
        if let Some(host) = &self.host {
            wiring::keep_blobs(host, &ports);
        }
        Ok(Engine::start(ports, self.options, plans).await?)
    }
}
