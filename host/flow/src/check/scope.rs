//! What can be named at a place of the flow.

use super::known::Known;
use crate::diagnostic::Report;
use crate::surface::step::Step;
use crate::text::Span;
use dowel_core::code::flow as code;
use std::collections::BTreeMap;

/// A flow with more steps is several flows.
const MAX_STEPS: usize = 1_000;

/// Every step of the file, by id.
#[derive(Debug, Default)]
pub(crate) struct StepIndex(pub(crate) BTreeMap<String, StepPlace>);

/// Where a step stands.
#[derive(Clone, Debug)]
pub(crate) struct StepPlace {
    /// The blocks around it, from outside to inside.
    pub(crate) blocks: Vec<usize>,
    /// Where its `id` stands.
    pub(crate) span: Span,
}

impl StepIndex {
    /// Lists all steps, and reports ids that are given twice.
    pub(crate) fn new(steps: &[Step], report: &mut Report) -> Self {
        let mut index = Self::default();
        let mut blocks = 0;
        index.block(steps, &[], &mut blocks, report);
        if index.is_too_large() {
            let span = steps.first().map_or_else(Span::default, |step| step.span);
            let message = format!(
                "the flow has {} steps, {MAX_STEPS} are the most",
                index.0.len()
            );
            report.error(code::OUT_OF_RANGE, span, message);
        }
        index
    }

    /// Whether the flow has more steps than anything should be done with.
    pub(crate) fn is_too_large(&self) -> bool {
        self.0.len() > MAX_STEPS
    }

    fn block(&mut self, steps: &[Step], outer: &[usize], count: &mut usize, report: &mut Report) {
        let mut blocks = outer.to_vec();
        blocks.push(*count);
        *count += 1;
        for step in steps {
            let (id, span) = (step.id.value.as_str(), step.id.span);
            if let Some(first) = self.0.get(id) {
                let line = report.source().position(first.span.start).line;
                let message = format!("the id `{id}` is already given to the step in line {line}");
                report.error(code::DUPLICATE_STEP, span, message);
            } else {
                let place = StepPlace {
                    blocks: blocks.clone(),
                    span,
                };
                self.0.insert(id.to_owned(), place);
            }
            for inner in step.blocks() {
                self.block(inner, &blocks, count, report);
            }
        }
    }
}

impl Step {
    /// The lists of steps inside of this one, in the order in which they are lowered.
    pub(crate) fn blocks(&self) -> Vec<&[Step]> {
        let mut out: Vec<&[Step]> = Vec::new();
        if let Some(switch) = &self.switch {
            out.extend(
                switch
                    .cases
                    .value
                    .iter()
                    .map(|case| case.steps.value.as_slice()),
            );
            out.extend(switch.default.iter().map(|steps| steps.value.as_slice()));
        }
        out.extend(self.for_each.iter().map(|each| each.steps.value.as_slice()));
        if let Some(parallel) = &self.parallel {
            let branches = parallel.branches.value.0.iter();
            out.extend(branches.map(|(_, steps)| steps.value.as_slice()));
        }
        if let Some(steps) = &self.attempt {
            out.push(&steps.value);
            let clauses = self.catch.iter().flat_map(|clauses| &clauses.value);
            out.extend(clauses.map(|clause| clause.steps.value.as_slice()));
        }
        out
    }
}

/// The value of `.` at the beginning of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Dot {
    /// There is none.
    Nothing,
    /// A value of which this is known.
    Value(Known),
}

/// A step that has run.
#[derive(Clone, Debug)]
pub(crate) struct StepResult {
    /// What is known about its value.
    pub(crate) known: Known,
    /// Why its value may be `null`, as in `the step may be skipped`.
    pub(crate) may: Option<&'static str>,
}

/// What can be named at a place of the flow.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// `.`
    pub(crate) dot: Dot,
    /// `$trigger`
    pub(crate) trigger: Known,
    /// `$steps`
    pub(crate) steps: BTreeMap<String, StepResult>,
    /// `$vars`
    pub(crate) vars: BTreeMap<String, Known>,
    /// `$state`, where the flow keeps any.
    pub(crate) state: Option<Known>,
    /// `$item`, in a loop.
    pub(crate) item: Option<Known>,
    /// Whether there is an `$error`.
    pub(crate) in_catch: bool,
    /// Whether there is a run: in `dedupe` and `concurrency` only `$trigger` and `$env` have a value.
    pub(crate) in_run: bool,
    /// Whether the step that reads may be skipped itself.
    pub(crate) is_guarded: bool,
    /// The step that reads.
    pub(crate) step: Option<String>,
    /// The blocks around the place.
    pub(crate) blocks: Vec<usize>,
}

impl Scope {
    /// The scope before the first step.
    pub(crate) fn new(trigger: Known) -> Self {
        Self {
            dot: Dot::Nothing,
            trigger,
            steps: BTreeMap::new(),
            vars: BTreeMap::new(),
            state: None,
            item: None,
            in_catch: false,
            in_run: true,
            is_guarded: false,
            step: None,
            blocks: Vec::new(),
        }
    }
}
