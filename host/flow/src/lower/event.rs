//! Event triggers, and the circles that `emit` makes with them.

use super::Lowering;
use crate::check::{Dot, Known};
use crate::plan::{Trigger, TriggerKind};
use crate::surface::flow::EventTrigger;
use crate::surface::step::Step;
use dowel_core::cloud_event::{FLOW_SOURCE, TypePattern, is_uri_reference};
use dowel_core::code::flow as code;

/// What `.` is in a filter, and the result of a `receive` step.
pub(super) const EVENT_FIELDS: [&str; 10] = [
    "id",
    "type",
    "source",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "extensions",
    "encoding",
    "data",
];

impl Lowering<'_> {
    pub(super) fn event_trigger(&mut self, event: &EventTrigger) -> Option<TriggerKind> {
        let event_type = &event.event_type;
        let is_pattern = TypePattern::parse(&event_type.value.0).is_some();
        if !is_pattern {
            let message = "this is not the type of an event, nor a name with `.*` behind it";
            let found = self.report.error(code::BAD_FORM, event_type.span, message);
            found.help("write com.example.order.created, or com.example.order.* for all below");
        }
        let mut is_source = true;
        if let Some(source) = &event.source
            && !is_uri_reference(&source.value.0)
        {
            is_source = false;
            let message = "the source of an event is a URI reference (RFC 3986)";
            self.report.error(code::BAD_FORM, source.span, message);
        }
        let filter = match &event.filter {
            None => Some(None),
            Some(filter) => {
                self.scope.dot = Dot::Value(Known::object(&EVENT_FIELDS));
                self.scope.in_run = false;
                self.begin_program();
                let filter = self.formula_output(filter, "filter");
                let filter = filter.map(|filter| self.end_program(None, vec![filter]));
                self.scope.dot = Dot::Nothing;
                self.scope.in_run = true;
                filter.map(Some)
            }
        };
        let filter = filter?;
        (is_pattern && is_source).then(|| TriggerKind::Event {
            event_type: event_type.value.0.clone(),
            source: event.source.as_ref().map(|source| source.value.0.clone()),
            filter,
        })
    }

    /// A flow that takes the events that it emits itself never ends. A filter may keep
    /// them apart, so this is a warning, and only where there is none.
    pub(super) fn warn_of_circles(&mut self, triggers: &[Trigger], steps: &[Step], flow: &str) {
        let own = format!("{FLOW_SOURCE}{flow}");
        let patterns: Vec<TypePattern<'_>> = triggers
            .iter()
            .filter_map(|trigger| match &trigger.kind {
                TriggerKind::Event {
                    event_type,
                    source,
                    filter: None,
                } if source.as_ref().is_none_or(|source| *source == own) => {
                    TypePattern::parse(event_type)
                }
                _ => None,
            })
            .collect();
        self.warn_of_circles_in(&patterns, steps);
    }

    fn warn_of_circles_in(&mut self, patterns: &[TypePattern<'_>], steps: &[Step]) {
        for step in steps {
            if let Some(emit) = &step.emit
                && patterns
                    .iter()
                    .any(|pattern| pattern.matches(&emit.value.0))
            {
                let message = "a trigger of this flow takes the event, so the flow begins itself";
                let found = self.report.warning(code::EVENT_CIRCLE, emit.span, message);
                found.help("give the trigger a `source` or a `filter`, or the event another type");
            }
            for inner in step.blocks() {
                self.warn_of_circles_in(patterns, inner);
            }
        }
    }
}
