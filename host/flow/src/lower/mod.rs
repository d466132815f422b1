//! From the language as it is written to the plan.

mod approve;
mod blocks;
mod call;
mod connections;
mod event;
mod expression;
mod files;
mod head;
mod input;
mod pages;
mod poll;
mod program;
mod receive;
mod receiver;
mod respond;
mod run;
mod schedule;
mod sensitive;
mod state;
mod step;
mod value;
mod wait;

use crate::check::{Known, Scope, StepIndex};
use crate::diagnostic::Report;
use crate::plan::{Calendars, FORMAT, OnFailure, Plan, Sla};
use crate::source::{Context, FlowFolder};
use crate::surface::flow::FlowFile;
use crate::text::Span;
use connections::Bound;
use dowel_core::Digest;
use dowel_core::code::{change, flow as code, reference};
use dowel_core::expression::{ExpressionReport, Needs};
use dowel_core::id::{ConnectionName, FlowName};
pub(crate) use expression::suggestion;
use files::SchemaFile;
pub(crate) use files::file_within;
pub(crate) use run::flow_and_range;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The name of the file that a flow's folder must have.
pub(crate) const FLOW_FILE: &str = "flow.yaml";

/// The version of the language that this crate reads.
const LANGUAGE: &str = "dowel/v1";

/// The work on one flow.
pub(crate) struct Lowering<'a> {
    folder: &'a FlowFolder,
    context: Context<'a>,
    report: Report,
    /// What the checker said, by source.
    checked: HashMap<String, ExpressionReport>,
    connections: BTreeMap<ConnectionName, Bound<'a>>,
    schemas: HashMap<String, Option<SchemaFile>>,
    /// The calendars that the flow names.
    calendars: Calendars,
    /// Files that belong to the flow's identity.
    used_files: BTreeSet<String>,
    index: StepIndex,
    scope: Scope,
    /// What the expressions of the program in hand read.
    needs: Needs,
    /// How many blocks have been entered, for the scope's block numbers.
    blocks: usize,
    /// The name of the flow.
    own: Option<FlowName>,
}

/// What a failure means that nothing caught.
fn on_failure(file: &FlowFile) -> OnFailure {
    let Some(written) = &file.on_failure else {
        return OnFailure::default();
    };
    let names = written.notify.iter().flatten();
    OnFailure {
        compensate: written.compensate.clone().unwrap_or_default(),
        notify: names.map(|name| name.value.0.clone()).collect(),
    }
}

fn labels(file: &FlowFile) -> BTreeMap<String, String> {
    let written = file.labels.iter().flat_map(|labels| &labels.0);
    written
        .map(|(name, value)| (name.value.0.clone(), value.0.clone()))
        .collect()
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(
        folder: &'a FlowFolder,
        context: Context<'a>,
        report: Report,
        checked: HashMap<String, ExpressionReport>,
    ) -> Self {
        Self {
            folder,
            context,
            report,
            checked,
            connections: BTreeMap::new(),
            schemas: HashMap::new(),
            calendars: Calendars::new(),
            used_files: BTreeSet::from([FLOW_FILE.to_owned()]),
            index: StepIndex::default(),
            scope: Scope::new(Known::Any),
            needs: Needs::default(),
            blocks: 0,
            own: None,
        }
    }

    /// The plan, if nothing is wrong, and everything that was found.
    pub(crate) fn flow(mut self, file: &FlowFile) -> (Option<Plan>, Report) {
        self.own = Some(file.flow.value.clone());
        self.check_head(file);
        self.bind_connections(file);
        let mut triggers = self.triggers(file);
        self.index = StepIndex::new(&file.steps.value, &mut self.report);
        if self.index.is_too_large() {
            return (None, self.report);
        }
        self.declare_state(file);
        let dedupe = self.dedupe(file);
        let first_key = dedupe.as_ref().and_then(Option::as_ref);
        let concurrency = self.concurrency(file, first_key);
        let steps = self.block(&file.steps.value, file.steps.span);
        let output = self.flow_output(file);
        let responses = self.responses(file, triggers.as_mut());
        let output_schema = self.optional_schema(file.output_schema.as_ref());
        let listening = triggers.as_deref().unwrap_or_default();
        self.warn_of_circles(listening, &file.steps.value, file.flow.value.as_str());
        let state = self.state(file);
        let limits = self.run_limits(file);
        self.warn_of_unused_connections();
        let head = (triggers, dedupe, concurrency, state);
        let (Some(triggers), Some(dedupe), Some(concurrency), Some(state)) = head else {
            return (None, self.report);
        };
        let (Some(steps), Some(output), Some(limits)) = (steps, output, limits) else {
            return (None, self.report);
        };
        let (Some(output_schema), Some(())) = (output_schema, responses) else {
            return (None, self.report);
        };
        let plan = Plan {
            format: FORMAT,
            flow: file.flow.value.clone(),
            version: file.version.clone(),
            owner: file.owner.as_ref().map(|text| text.0.clone()),
            description: file.description.as_ref().map(|text| text.0.clone()),
            runbook: file.runbook.as_ref().map(|text| text.value.0.clone()),
            sla: file.sla.as_ref().map(|sla| Sla {
                within: sla.within,
                resolve: sla.resolve,
                success: sla.success.map(|share| share.0),
            }),
            deprecated: file.deprecated.as_ref().map(|one| one.value.read()),
            synthetic: file.synthetic.unwrap_or_default(),
            labels: labels(file),
            commit: self.context.commit.map(str::to_owned),
            source: self.source_digest(),
            mapping: self.context.checker.guest(),
            connectors: self.pinned(),
            triggers,
            dedupe,
            on_failure: on_failure(file),
            concurrency,
            steps,
            output,
            output_schema: output_schema.map(|schema| schema.json),
            state,
            calendars: self.calendars,
            limits,
        };
        (Some(plan), self.report)
    }

    fn check_head(&mut self, file: &FlowFile) {
        if file.language.value.0 != LANGUAGE {
            let message = format!("the language `{}` is not known", file.language.value.0);
            let found = self
                .report
                .error(code::UNKNOWN_LANGUAGE, file.language.span, message);
            found.help(format!("write `language: {LANGUAGE}`"));
        }
        let folder = self.folder.path.rsplit('/').next().unwrap_or_default();
        if !folder.is_empty() && folder != file.flow.value.as_str() {
            let message = format!("the flow is named otherwise than its folder `{folder}`");
            self.report
                .warning(code::FOLDER_NAME, file.flow.span, message);
        }
        if let Some(written) = &file.deprecated
            && written.value.is_backwards()
        {
            let message = "`until` lies before `since`";
            self.report
                .error(change::DEPRECATED_BACKWARDS, written.span, message);
        }
        if let Some(runbook) = &file.runbook
            && let Some(path) = self.folder_path(&runbook.value.0, runbook.span)
            && !self.folder.files.contains_key(&path)
        {
            let message = format!("the flow's folder has no file `{path}`");
            self.report
                .warning(reference::FILE_NOT_FOUND, runbook.span, message);
        }
    }

    /// One digest over the names and texts of all files that make the flow.
    fn source_digest(&self) -> Digest {
        let mut bytes = Vec::new();
        for name in &self.used_files {
            let text = self.folder.files.get(name).map_or("", String::as_str);
            for part in [name.as_str(), text] {
                // The length keeps `a` + `bc` apart from `ab` + `c`.
                bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
                bytes.extend_from_slice(part.as_bytes());
            }
        }
        Digest::of(bytes)
    }

    /// Reports a number or the like that is out of its range.
    fn out_of_range(&mut self, span: Span, range: &str) {
        let message = format!("the value is out of range: {range}");
        self.report.error(code::OUT_OF_RANGE, span, message);
    }
}
