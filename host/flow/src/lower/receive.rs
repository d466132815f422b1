//! `receive` steps.

use super::Lowering;
use super::event::EVENT_FIELDS;
use super::step::Lowered;
use super::wait::MAX_WAIT;
use crate::check::{Dot, Known};
use crate::plan::{Receive, StepKind};
use crate::scalar::{self, Content};
use crate::shape::{Any, Formula};
use crate::surface::receive::{OnTimeoutName, Receive as Written};
use crate::text::Span;
use dowel_core::cloud_event::TypePattern;
use dowel_core::code::{flow, reference as code};
use dowel_core::expression::{Expression, Program, Template};
use dowel_core::journal::OnTimeout;
use std::sync::Arc;

impl Lowering<'_> {
    pub(super) fn receive(
        &mut self,
        written: &Written,
        output: Option<&Any>,
        condition: Option<Option<Expression>>,
    ) -> Option<Lowered> {
        let value = self.template(&written.matches.value.0, "receive.match.value");
        let program = match (condition, value) {
            (Some(condition), Some(value)) => Some(self.end_program(condition, vec![value])),
            _ => None,
        };
        let event = self.event_key(&written.matches.event);
        let event_type = &written.event_type;
        let is_type = TypePattern::parse(&event_type.value.0).is_some();
        if !is_type {
            let message = "this is not the type of an event, nor a name with `.*` behind it";
            let found = self.report.error(flow::BAD_FORM, event_type.span, message);
            found
                .help("write com.example.payment.received, or com.example.payment.* for all below");
        }
        let within = written.within.as_ref();
        let within = within.map(|within| self.duration(within, MAX_WAIT, "from 1ms to 400d"));
        let calendar = written.calendar.as_ref();
        let calendar = calendar.map(|name| self.pinned_calendar(name));
        self.check_receive_times(written);
        let (output, known) = self.received(output);
        let plan = Receive {
            program: program?,
            event_type: is_type.then(|| event_type.value.0.clone())?,
            event: event?,
            within: match within {
                Some(within) => Some(within?),
                None => None,
            },
            calendar: match calendar {
                Some(calendar) => Some(calendar?),
                None => None,
            },
            on_timeout: match written.on_timeout.as_ref().map(|name| name.value) {
                Some(OnTimeoutName::Continue) => OnTimeout::Continue,
                Some(OnTimeoutName::Fail) | None => OnTimeout::Fail,
            },
            output: output?,
        };
        Some((StepKind::Receive(Box::new(plan)), known))
    }

    /// The step's value, where it is not the event itself, and what is known about it.
    fn received(&mut self, output: Option<&Any>) -> (Option<Option<Arc<Program>>>, Known) {
        let event = Known::object(&EVENT_FIELDS);
        let Some(output) = output else {
            return (Some(None), event);
        };
        self.begin_program();
        let mut known = Known::Any;
        let template = self.with_dot(event, |this| {
            known = this.known_value(&output.0);
            this.template(&output.0, "output")
        });
        let program = template.map(|template| Some(self.end_program(None, vec![template])));
        (program, known)
    }

    /// What is asked of every event of the type, whoever waits for it.
    fn event_key(&mut self, formula: &Formula) -> Option<Arc<Program>> {
        let span = formula.0.span;
        if let Some(Content::Expression { source, .. }) = scalar::quiet(&formula.0) {
            let reads = self.checked(&source).references;
            let foreign = reads.iter().find_map(|read| read.variable.as_ref());
            if let Some(name) = foreign {
                let message = format!(
                    "`match.event` cannot read `${name}`: it is asked of events before anybody knows which run they are for"
                );
                return self.unfit_match(span, message);
            }
            if reads.is_empty() {
                let message = "`match.event` reads nothing of the event".to_owned();
                return self.unfit_match(span, message);
            }
        }
        self.begin_program();
        let event = Dot::Value(Known::object(&EVENT_FIELDS));
        let outer = std::mem::replace(&mut self.scope.dot, event);
        let key: Option<Template> = self.formula_output(formula, "receive.match.event");
        self.scope.dot = outer;
        key.map(|key| self.end_program(None, vec![key]))
    }

    fn unfit_match<T>(&mut self, span: Span, message: String) -> Option<T> {
        let found = self.report.error(code::RECEIVE_MATCH, span, message);
        found.help("write `event: '${ .data.order_id }'`, and what the run knows under `value`");
        None
    }

    fn check_receive_times(&mut self, written: &Written) {
        if written.within.is_some() {
            return;
        }
        if let Some(on_timeout) = &written.on_timeout {
            let message = "without `within` the step never times out";
            self.report
                .error(code::RECEIVE_TIME, on_timeout.span, message);
        }
        if let Some(calendar) = &written.calendar {
            let message = "without `within` the calendar has nothing to count";
            self.report
                .error(code::RECEIVE_TIME, calendar.span, message);
        }
    }
}
