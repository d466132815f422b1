//! Names in a test file against those of the flow.

use crate::diagnostic::Report;
use crate::plan::{Plan, Step, StepKind};
use crate::shape::{Key, Located, MapOf, did_you_mean};
use crate::surface::test::{Answers, Expect};
use crate::text::Span;
use crate::validate::Validator;
use crate::yaml::{Node, Plain};
use dowel_core::JsonText;
use dowel_core::code::flow as code;
use dowel_core::id::{StepId, StepPath};
use dowel_core::manifest::Pagination;
use std::collections::{BTreeMap, BTreeSet};

/// What a flow has that tests can speak of.
pub(super) struct Names<'p> {
    /// Operations that it calls, with the schemas of their results.
    operations: BTreeMap<String, &'p JsonText>,
    /// Approvals, with what may be decided.
    approvals: BTreeMap<&'p str, &'p [String]>,
    /// Operations whose pages it goes through, with how those follow each other.
    pages: BTreeMap<String, &'p Pagination>,
    /// Runs of other flows, by the id of the step and by the name of the flow.
    runs: BTreeSet<&'p str>,
    /// The same as calls, where a case has a mock for them.
    mocked_runs: BTreeSet<String>,
    /// Steps that wait for events, with the types of these.
    receives: BTreeMap<&'p str, &'p str>,
    steps: Vec<&'p str>,
    /// Steps of the flows that it runs.
    other_steps: Vec<&'p str>,
    switches: Vec<&'p str>,
    triggers: Vec<&'p str>,
    state: Vec<&'p str>,
}

impl<'p> Names<'p> {
    /// Of the flow under test, and of those that it runs.
    pub(super) fn of((plan, others): (&'p Plan, &'p [Plan])) -> Self {
        let steps = plan.all_steps();
        let other_steps: Vec<&Step> = others.iter().flat_map(Plan::all_steps).collect();
        let all = || steps.iter().chain(&other_steps).copied();
        let operation = |kind: &'p StepKind| match kind {
            StepKind::Call(call) => {
                let name = format!("{}.{}", call.connection, call.operation);
                Some((name, &call.result_schema))
            }
            _ => None,
        };
        let approval = |step: &&'p Step| match &step.kind {
            StepKind::Approve(plan) => Some((step.id.as_str(), plan.decisions.as_slice())),
            _ => None,
        };
        let pages = |step: &&'p Step| match &step.kind {
            StepKind::ForEach(each) => each.pages.as_deref().and_then(|pages| {
                let StepKind::Call(call) = &pages.fetch.kind else {
                    return None;
                };
                let name = format!("{}.{}", call.connection, call.operation);
                Some((name, &pages.pagination))
            }),
            _ => None,
        };
        let run = |step: &'p Step| match &step.kind {
            StepKind::Run(run) => Some([step.id.as_str(), run.flow.as_str()]),
            _ => None,
        };
        let receive = |step: &&'p Step| match &step.kind {
            StepKind::Receive(plan) => Some((step.id.as_str(), plan.event_type.as_str())),
            _ => None,
        };
        let is_switch = |kind: &StepKind| matches!(kind, StepKind::Switch { .. });
        let switches = steps.iter().filter(|step| is_switch(&step.kind));
        Self {
            operations: all().filter_map(|s| operation(&s.kind)).collect(),
            pages: all().filter_map(|step| pages(&step)).collect(),
            approvals: all().filter_map(|step| approval(&step)).collect(),
            runs: all().flat_map(run).flatten().collect(),
            mocked_runs: all()
                .filter_map(run)
                .map(|[_, flow]| format!("run.{flow}"))
                .collect(),
            other_steps: other_steps.iter().map(|step| step.id.as_str()).collect(),
            receives: all().filter_map(|step| receive(&step)).collect(),
            switches: switches.map(|step| step.id.as_str()).collect(),
            steps: steps.iter().map(|step| step.id.as_str()).collect(),
            state: plan
                .state
                .iter()
                .flat_map(|state| &state.values)
                .map(|value| value.name.as_str())
                .collect(),
            triggers: plan.triggers.iter().map(|t| t.name.as_str()).collect(),
        }
    }

    pub(super) fn check_mocks(&self, mocks: &MapOf<Key, Answers>, report: &mut Report) {
        for (name, answers) in &mocks.0 {
            let text = name.value.0.as_str();
            let is_run = self.runs.contains(text);
            if !self.operations.contains_key(text)
                && !self.is_approval(text)
                && !is_run
                && !self.receives.contains_key(text)
            {
                let message = format!("the flow makes no call `{}`", name.value.0);
                let found = report.error(code::MOCK_UNKNOWN, name.span, message);
                let steps = self.approvals.keys().chain(self.receives.keys());
                let approvals = steps.copied();
                let runs = self.runs.iter().copied();
                let names = self.operations.keys().map(String::as_str);
                let names = names.chain(approvals).chain(runs);
                found.help = did_you_mean(&name.value.0, names);
            }
            if answers.0.is_empty() {
                let message = "a mock needs at least one answer";
                report.error(code::EMPTY_LIST, name.span, message);
            }
        }
    }

    /// How the pages of an operation follow each other, where the flow goes through them.
    pub(super) fn pagination(&self, name: &str) -> Option<&'p Pagination> {
        self.pages.get(name).copied()
    }

    /// The type of the events that a step waits for.
    pub(super) fn receives(&self, name: &str) -> Option<&'p str> {
        self.receives.get(name).copied()
    }

    /// Whether a mock of this name stands for people.
    pub(super) fn is_approval(&self, name: &str) -> bool {
        self.approvals.contains_key(name)
    }

    /// Refuses what cannot be decided.
    pub(super) fn check_decision(
        &self,
        name: &str,
        decide: &Located<StepId>,
        report: &mut Report,
    ) -> Option<()> {
        let offered = self.approvals.get(name)?;
        let decision = decide.value.as_str();
        if offered.iter().any(|one| one == decision) {
            return Some(());
        }
        let message = format!("`{decision}` is none of the decisions of `{name}`");
        let found = report.error(code::UNKNOWN_VALUE, decide.span, message);
        found.help = did_you_mean(decision, offered.iter().map(String::as_str));
        None
    }

    /// Warns of a value that the operation could not return.
    pub(super) fn check_return(
        &self,
        name: &str,
        value: &JsonText,
        span: Span,
        report: &mut Report,
    ) {
        let Some(schema) = self.operations.get(name) else {
            return;
        };
        // A schema that cannot be used has been refused with the flow.
        let Ok(validator) = Validator::new(schema) else {
            return;
        };
        let violations = validator.check(value);
        let Some(first) = violations.first() else {
            return;
        };
        let place = match first.pointer.as_str() {
            "" => "the value".to_owned(),
            pointer => format!("`{pointer}`"),
        };
        let more = match violations.len() {
            1 => String::new(),
            many => format!(", and {} more", many - 1),
        };
        let message = format!(
            "`{name}` does not return this: {place} {}{more}",
            first.message
        );
        let found = report.warning(code::MOCK_SCHEMA, span, message);
        found.help("the output schema of the operation says what it returns: `dowel connector inspect` shows it");
    }

    /// Refuses the name of a value that the flow does not keep.
    pub(super) fn check_state(&self, name: &Located<StepId>, report: &mut Report) {
        if !self.state.contains(&name.value.as_str()) {
            let message = format!("the flow keeps no value `{}`", name.value);
            let found = report.error(code::EXPECT_UNKNOWN, name.span, message);
            found.help = did_you_mean(name.value.as_str(), self.state.iter().copied());
        }
    }

    pub(super) fn check_trigger(&self, via: &Located<StepId>, report: &mut Report) {
        let names = self.triggers.iter().copied();
        known("trigger", via.value.as_str(), via.span, names, report);
    }

    pub(super) fn check_expect(&self, expect: &Expect, report: &mut Report) {
        for call in expect.calls.iter().flatten() {
            self.operation(&call.call.value.0, call.call.span, report);
            if let Some(step) = &call.step {
                let steps = self.steps.iter().chain(&self.other_steps).copied();
                known("step", &last_id(&step.value.0), step.span, steps, report);
            }
        }
        for (name, _) in expect.counts.iter().flat_map(|counts| &counts.0) {
            self.operation(&name.value.0, name.span, report);
        }
        let runs = expect.runs.iter().flatten();
        let skipped = runs.clone().filter_map(|run| run.skipped.as_ref());
        for step in expect.skipped.iter().chain(skipped).flatten() {
            self.step(step, report);
        }
        let values = runs.clone().filter_map(|run| run.steps.as_ref());
        for (step, _) in expect.steps.iter().chain(values).flat_map(|steps| &steps.0) {
            self.step(step, report);
        }
        let errors = runs.clone().filter_map(|run| run.error.as_ref());
        for error in expect.error.iter().chain(errors) {
            let step = error.0.as_ref().and_then(|error| error.step.as_ref());
            if let Some(step) = step {
                self.step(step, report);
            }
        }
        let decisions = runs.filter_map(|run| run.decisions.as_ref());
        for (step, branch) in expect
            .decisions
            .iter()
            .chain(decisions)
            .flat_map(|decisions| &decisions.0)
        {
            let switches = self.switches.iter().copied();
            known(
                "switch",
                &last_id(&step.value.0),
                step.span,
                switches,
                report,
            );
            check_branch(&branch.0, report);
        }
    }

    fn operation(&self, name: &str, span: Span, report: &mut Report) {
        known("call", name, span, self.operation_names(), report);
    }

    fn step(&self, step: &Located<Key>, report: &mut Report) {
        let steps = self.steps.iter().copied();
        known("step", &last_id(&step.value.0), step.span, steps, report);
    }

    fn operation_names(&self) -> impl Iterator<Item = &str> + Clone {
        let calls = self.operations.keys().chain(&self.mocked_runs);
        calls.map(String::as_str)
    }
}

/// The id of the step at a path such as `lines[2].check`.
fn last_id(path: &str) -> String {
    StepPath::inside(path).id().to_owned()
}

fn known<'a>(
    what: &str,
    name: &str,
    span: Span,
    names: impl Iterator<Item = &'a str> + Clone,
    report: &mut Report,
) {
    if names.clone().any(|other| other == name) {
        return;
    }
    let message = format!("the flow has no {what} `{name}`");
    let found = report.error(code::EXPECT_UNKNOWN, span, message);
    found.help = did_you_mean(name, names);
}

fn check_branch(node: &Node, report: &mut Report) {
    if let Node::Scalar(scalar) = node {
        let is_index = scalar.resolve() == Plain::Number && scalar.text.parse::<usize>().is_ok();
        if is_index || scalar.text == "default" {
            return;
        }
    }
    let message = "a branch is the index of its case, from 0, or `default`";
    report.error(code::UNKNOWN_VALUE, node.span(), message);
}

/// Keys that speak of one run.
const OF_ONE_RUN: [&str; 7] = [
    "status",
    "intake",
    "error",
    "output",
    "decisions",
    "skipped",
    "steps",
];

/// Checks that what is expected of runs fits the number of payloads.
pub(super) fn check_runs(expect: &Expect, payloads: usize, report: &mut Report) {
    let key = |name: &str| expect.keys.iter().find(|(key, _)| key == name);
    if let (1, Some((_, span))) = (payloads, key("runs")) {
        let message = "`runs` is for cases with several payloads";
        let found = report.error(code::EXPECT_RUNS, *span, message);
        found.help("write what is expected of the only run beside `calls`");
        return;
    }
    if payloads == 1 {
        return;
    }
    for (name, span) in OF_ONE_RUN.into_iter().filter_map(key) {
        let message = format!("`{name}` speaks of one run, and there are {payloads} payloads");
        let found = report.error(code::EXPECT_RUNS, *span, message);
        found.help("write it under `runs`, which has one entry for each payload");
    }
    if let (Some(runs), Some((_, span))) = (&expect.runs, key("runs"))
        && runs.len() != payloads
    {
        let message = format!("{} runs are expected of {payloads} payloads", runs.len());
        let found = report.error(code::EXPECT_RUNS, *span, message);
        found.help("write one entry for each payload, `{}` where nothing is expected");
    }
}
