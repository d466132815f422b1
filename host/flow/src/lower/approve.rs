//! `approve` steps.

use super::Lowering;
use super::step::Lowered;
use super::wait::MAX_WAIT;
use crate::check::Known;
use crate::plan::{Approve, EscalateTo, StepKind};
use crate::shape::{Any, Located, did_you_mean, expected};
use crate::surface::approve::{Approve as Written, EscalateTo as WrittenStage, OnRejectName};
use crate::text::Span;
use crate::yaml::Node;
use dowel_core::JsonText;
use dowel_core::code::{flow, reference as code};
use dowel_core::expression::{Expression, Template};
use dowel_core::id::GroupName;
use dowel_core::journal::OnExpiry;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The decisions of an approval that names none.
const DECISIONS: [&str; 2] = [APPROVED, REJECTED];
const APPROVED: &str = "approved";
const REJECTED: &str = "rejected";

const RANGE: &str = "from 1ms to 400d";

impl Lowering<'_> {
    pub(super) fn approve(
        &mut self,
        written: &Written,
        condition: Option<Option<Expression>>,
    ) -> Option<Lowered> {
        let title = self.text_or_expression(&written.title.0, "approve.title");
        let show = self.map_of_values(written.show.as_ref());
        let exclude = match &written.exclude {
            None => Some(Template::constant(&JsonText::array([]))),
            Some(Any(node @ Node::List(..))) => self.template(node, "approve.exclude"),
            Some(Any(node)) => {
                expected("a list", node, &mut self.report);
                None
            }
        };
        let groups = self.groups(&written.groups);
        let decisions = self.decisions(written);
        let within = written.within.as_ref();
        let within = within.map(|within| self.duration(within, MAX_WAIT, RANGE));
        let calendar = written.calendar.as_ref();
        let calendar = calendar.map(|name| self.pinned_calendar(name));
        let stages = written.escalate.iter().flatten();
        let escalate: Vec<Option<EscalateTo>> = stages.map(|one| self.stage(one)).collect();
        self.check_times(written);
        let decisions = decisions?;
        let on_expiry = self.on_expiry(written, &decisions);
        let fails_on = self.fails_on(written, &decisions)?;
        let program = self.end_program(condition?, vec![title?, show?, exclude?]);
        let plan = Approve {
            program,
            groups: groups?,
            decisions,
            within: match within {
                Some(within) => Some(within?),
                None => None,
            },
            calendar: match calendar {
                Some(calendar) => Some(calendar?),
                None => None,
            },
            escalate: escalate.into_iter().collect::<Option<_>>()?,
            on_expiry: on_expiry?,
            fails_on,
        };
        Some((StepKind::Approve(Box::new(plan)), result()))
    }

    fn map_of_values(&mut self, show: Option<&Any>) -> Option<Template> {
        match show {
            None => Some(Template::constant(&JsonText::object([]))),
            Some(Any(node @ Node::Map(..))) => self.template(node, "approve.show"),
            Some(Any(node)) => {
                expected("a map", node, &mut self.report);
                None
            }
        }
    }

    /// Groups that the policy names.
    fn groups(&mut self, written: &Located<Vec<Located<GroupName>>>) -> Option<Vec<GroupName>> {
        let mut groups = Some(Vec::new());
        if written.value.is_empty() {
            let message = "somebody has to decide: name at least one group";
            self.report.error(flow::EMPTY_LIST, written.span, message);
            groups = None;
        }
        let policy = self.context.policy;
        for name in &written.value {
            if let (true, Some(groups)) = (policy.groups.contains_key(&name.value), &mut groups) {
                groups.push(name.value.clone());
            } else if !policy.groups.contains_key(&name.value) {
                let message = format!("`policy.yaml` names no group `{}`", name.value);
                let known = policy.groups.keys().map(GroupName::as_str);
                let found = self.report.error(code::UNKNOWN_GROUP, name.span, message);
                found.help = did_you_mean(name.value.as_str(), known);
                groups = None;
            }
        }
        groups
    }

    fn stage(&mut self, written: &WrittenStage) -> Option<EscalateTo> {
        let after = self.duration(&written.after, MAX_WAIT, RANGE);
        let groups = self.groups(&written.groups);
        Some(EscalateTo {
            after: after?,
            groups: groups?,
        })
    }

    fn decisions(&mut self, written: &Written) -> Option<Vec<String>> {
        let Some(decisions) = &written.decisions else {
            return Some(DECISIONS.map(str::to_owned).to_vec());
        };
        if decisions.value.is_empty() {
            let message = "an approval needs something to decide";
            self.report.error(flow::EMPTY_LIST, decisions.span, message);
            return None;
        }
        let mut out: Vec<String> = Vec::new();
        for decision in &decisions.value {
            let name = decision.value.as_str();
            if out.iter().any(|other| other == name) {
                let message = format!("the decision `{name}` is written twice");
                self.unfit_decision(decision.span, message);
            } else {
                out.push(name.to_owned());
            }
        }
        Some(out)
    }

    fn unfit_decision(&mut self, span: Span, message: String) {
        self.report.error(code::APPROVE_DECISION, span, message);
    }

    fn on_expiry(&mut self, written: &Written, decisions: &[String]) -> Option<OnExpiry> {
        let Some(on_timeout) = &written.on_timeout else {
            return Some(OnExpiry::Fail);
        };
        let word = on_timeout.value.0.as_str();
        let decision = match word {
            "fail" => return Some(OnExpiry::Fail),
            "approve" => APPROVED,
            "reject" => REJECTED,
            other => other,
        };
        if decisions.iter().any(|known| known == decision) {
            return Some(OnExpiry::Decide(decision.to_owned()));
        }
        let message = format!("`on_timeout: {word}`, and `{decision}` is none of the decisions");
        let span = on_timeout.span;
        let found = self.report.error(code::APPROVE_DECISION, span, message);
        found.help(format!("write one of fail, {}", decisions.join(", ")));
        None
    }

    fn fails_on(&mut self, written: &Written, decisions: &[String]) -> Option<Option<String>> {
        let offers = decisions.iter().any(|decision| decision == REJECTED);
        match written.on_reject {
            Some(_) if !offers => {
                let span = key_span(written, "on_reject");
                let message = "`on_reject`, and `rejected` is none of the decisions".to_owned();
                self.unfit_decision(span, message);
                None
            }
            Some(OnRejectName::Continue) => Some(None),
            Some(OnRejectName::Fail) | None => Some(offers.then(|| REJECTED.to_owned())),
        }
    }

    fn check_times(&mut self, written: &Written) {
        let within = written.within.as_ref().map(|within| within.value);
        let mut before = Duration::ZERO;
        for stage in written.escalate.iter().flatten() {
            let after = &stage.after;
            if after.value <= before {
                let message = "an escalation comes later than the one before it";
                self.report.error(code::APPROVE_TIME, after.span, message);
            } else if within.is_some_and(|within| after.value >= within) {
                let message = "the escalation would come after the approval has expired";
                self.report.error(code::APPROVE_TIME, after.span, message);
            }
            before = after.value;
        }
        if let (Some(on_timeout), None) = (&written.on_timeout, within) {
            let message = "without `within` the approval never times out";
            self.report
                .error(code::APPROVE_TIME, on_timeout.span, message);
        }
        if let (Some(calendar), None, None) = (&written.calendar, within, &written.escalate) {
            let message = "without `within` and `escalate` the calendar has nothing to count";
            self.report
                .error(code::APPROVE_TIME, calendar.span, message);
        }
    }
}

/// Where a key of the step stands.
fn key_span(written: &Written, name: &str) -> Span {
    let mut keys = written.keys.iter();
    keys.find(|(key, _)| key == name)
        .map_or(written.span, |(_, span)| *span)
}

/// What is known about the result.
fn result() -> Known {
    let fields = ["decision", "by", "at", "comment"];
    let fields = fields.map(|name| (name.to_owned(), Known::Any));
    Known::Object(Arc::new(BTreeMap::from(fields)))
}
