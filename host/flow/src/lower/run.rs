//! `run` steps.

use super::Lowering;
use super::step::Lowered;
use super::wait::MAX_WAIT;
use crate::check::Known;
use crate::outline::Outline;
use crate::plan::{RunFlow, StepKind};
use crate::shape::did_you_mean;
use crate::surface::step::Step as Written;
use crate::text::Span;
use dowel_core::code::{flow, reference as code};
use dowel_core::expression::Expression;
use dowel_core::id::FlowName;
use semver::VersionReq;

/// Keys about the end of the other run, which a detached step does not wait for.
const OF_THE_END: [&str; 4] = ["retry", "timeout", "output", "schema"];

/// Reads `<flow>@<range>`.
pub(crate) fn flow_and_range(text: &str) -> Option<(FlowName, VersionReq)> {
    let (name, range) = text.split_once('@')?;
    Some((FlowName::new(name).ok()?, VersionReq::parse(range).ok()?))
}

impl<'a> Lowering<'a> {
    pub(super) fn run(
        &mut self,
        step: &Written,
        condition: Option<Option<Expression>>,
    ) -> Option<Lowered> {
        let written = step.run.as_ref()?;
        let span = written.span;
        let target = flow_and_range(&written.value.0);
        if target.is_none() {
            let message = format!(
                "`{}` is not a flow and a range of versions",
                written.value.0
            );
            let found = self.report.error(flow::BAD_FORM, span, message);
            found.help("write it as `charge-customer@^1.2`");
        }
        let child = target.as_ref();
        let child = child.and_then(|(flow, range)| self.child(flow, range, span));
        let takes = child.and_then(|child| child.manual.clone());
        let payload = self.input(step.with.as_ref(), takes.as_ref(), span, "flow");
        let program = match (condition, payload) {
            (Some(condition), Some(payload)) => Some(self.end_program(condition, vec![payload])),
            _ => None,
        };
        let detach = step.detach.as_ref().is_some_and(|detach| detach.value);
        let raw = child.map_or(Known::Any, |child| child.output.clone());
        let mut known = if detach {
            Known::object(&["run"])
        } else {
            raw.clone()
        };
        let output = match &step.output {
            None => Some(None),
            Some(output) => {
                self.begin_program();
                let template = self.with_dot(raw, |this| {
                    known = this.known_value(&output.0);
                    this.template(&output.0, "output")
                });
                template.map(|template| Some(self.end_program(None, vec![template])))
            }
        };
        let retry = self.retry(step.retry.as_ref(), None);
        let timeout = match &step.timeout {
            Some(timeout) => self
                .duration(timeout, MAX_WAIT, "from 1ms to 400d")
                .map(Some),
            None => Some(None),
        };
        if detach {
            self.refuse_keys_of_the_end(step);
        }
        let (flow, range) = target?;
        let mut retry = retry?;
        if step.retry.is_none() {
            // The other flow has tried its own calls again; what it did may still stand.
            retry.attempts = 1;
        }
        let run = RunFlow {
            program: program?,
            flow,
            range,
            detach,
            output: output?,
            retry,
            timeout: timeout?,
        };
        Some((StepKind::Run(Box::new(run)), known))
    }

    /// The flow that is run, as the repository has it; `None` if something is wrong with
    /// the way it is named, or if nothing is known about it.
    fn child(&mut self, flow: &FlowName, range: &VersionReq, span: Span) -> Option<&'a Outline> {
        let flows = self.context.flows;
        let Some(child) = flows.get(flow) else {
            let message = format!("the repository has no flow `{flow}`");
            let help = did_you_mean(flow.as_str(), flows.names());
            self.report.error(code::UNKNOWN_FLOW, span, message).help = help;
            return None;
        };
        if let Some(way) = self.own.as_ref().and_then(|own| flows.way(flow, own)) {
            let own = self.own.iter().chain(way);
            let way: Vec<&str> = own.map(|flow| flow.as_str()).collect();
            let message = format!("the flows run each other in a circle: {}", way.join(" → "));
            let found = self.report.error(code::RUN_CIRCLE, span, message);
            found.help("a run would end only at the limit of its depth; break the circle");
        }
        let child = child?;
        if !range.matches(&child.version) {
            let version = &child.version;
            let message = format!("the flow `{flow}` has version {version}, not one of `{range}`");
            self.report.error(code::FLOW_RANGE, span, message);
        }
        if child.manual.is_none() {
            let message = format!("the flow `{flow}` has no `manual` trigger");
            let found = self.report.error(code::FLOW_NOT_RUNNABLE, span, message);
            found.help("give it one, beside its others under `triggers`");
        }
        Some(child)
    }

    fn refuse_keys_of_the_end(&mut self, step: &Written) {
        for (key, span) in &step.keys {
            if OF_THE_END.contains(&key.as_str()) {
                let message = format!("a detached run takes no `{key}`");
                self.report.error(code::DETACHED_KEY, *span, message);
            }
        }
    }
}
