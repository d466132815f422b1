//! A run's story as spans: one for the run, one for each step, one for each attempt of a
//! call. No payload, output or message goes into them: those may hold what is personal.

use dowel_core::trace::{TraceParent, attempt_span, run_span, step_span};
use dowel_core::{RunId, StepError, Timestamp};
use dowel_engine::state::RunStatus;
use dowel_engine::story::{AttemptStory, StepStory, Story};
use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::time::{Duration, SystemTime};

/// An attribute.
pub(super) fn text(key: &'static str, value: impl Into<String>) -> KeyValue {
    KeyValue::new(key, value.into())
}

/// The spans of a run.
pub(super) fn of(run: RunId, story: &Story, context: TraceParent) -> Vec<SpanData> {
    let maker = Maker {
        run,
        story,
        context,
        end: end(story),
    };
    let mut spans = vec![maker.run()];
    for step in &story.steps {
        spans.push(maker.step(step));
        let attempts = step.attempts.iter();
        spans.extend(attempts.map(|attempt| maker.attempt(step, attempt)));
    }
    spans
}

/// When the run came to rest: what waits for a person has no end of its own.
fn end(story: &Story) -> Timestamp {
    let steps = story.steps.iter().flat_map(|step| {
        let attempts = step.attempts.iter().filter_map(|attempt| attempt.ended_at);
        attempts.chain(step.ended_at).chain([step.started_at])
    });
    let last = steps.max().unwrap_or(story.created_at);
    story.ended_at.unwrap_or(last).max(story.created_at)
}

struct Maker<'a> {
    run: RunId,
    story: &'a Story,
    context: TraceParent,
    end: Timestamp,
}

impl Maker<'_> {
    fn run(&self) -> SpanData {
        let story = self.story;
        let mut span = self.span(run_span(self.run), self.parent(), story.flow.clone());
        let is_own = self.context.trace == self.run.as_u128();
        span.parent_span_is_remote = story.parent.is_none() && !is_own;
        span.span_kind = SpanKind::Consumer;
        span.start_time = time(story.created_at);
        span.end_time = time(self.end);
        span.attributes
            .push(text("dowel.status", story.status.name()));
        span.attributes
            .push(text("dowel.trigger", story.trigger.clone()));
        if let Some(key) = &story.dedupe_key {
            span.attributes.push(text("dowel.key", key.clone()));
        }
        if let Some(error) = &story.error {
            fail(&mut span, error);
        } else if story.status == RunStatus::Succeeded {
            span.status = Status::Ok;
        }
        span
    }

    /// The step of another run that began this one, or else the caller's span.
    fn parent(&self) -> SpanId {
        match &self.story.parent {
            Some(parent) => id(step_span(parent.run, &parent.step)),
            // The run began the trace itself.
            None if self.context.trace == self.run.as_u128() => SpanId::INVALID,
            None => id(self.context.parent),
        }
    }

    fn step(&self, step: &StepStory) -> SpanData {
        let own = step_span(self.run, &step.path);
        let name = format!("{} {}", step.kind, step.path.as_str());
        let mut span = self.span(own, id(run_span(self.run)), name);
        span.span_kind = match step.kind {
            "emit" => SpanKind::Producer,
            "receive" => SpanKind::Consumer,
            _ => SpanKind::Internal,
        };
        span.start_time = time(step.started_at);
        span.end_time = time(step.ended_at.unwrap_or(self.end).max(step.started_at));
        let attributes = &mut span.attributes;
        attributes.push(text("dowel.step", step.path.as_str()));
        attributes.push(text("dowel.step.status", step.status));
        self.add_call(step, attributes);
        if let Some(receive) = &step.receive {
            attributes.push(text("dowel.event.type", receive.event_type.clone()));
            attributes.extend(receive.id.clone().map(|id| text("dowel.event.id", id)));
            let sender = receive.traceparent.as_deref().and_then(TraceParent::parse);
            if let Some(sender) = sender {
                let link = Link::new(elsewhere(sender), Vec::new(), 0);
                span.links.links.push(link);
            }
        }
        if let Some(child) = &step.child {
            attributes.push(text("dowel.child", child.run.to_string()));
            let context = self.own(run_span(child.run));
            span.links.links.push(Link::new(context, Vec::new(), 0));
        }
        if let Some(error) = &step.error {
            fail(&mut span, error);
        }
        span
    }

    fn attempt(&self, step: &StepStory, attempt: &AttemptStory) -> SpanData {
        let own = attempt_span(self.run, &step.path, attempt.number);
        let operation = step.operation.as_deref().unwrap_or("call");
        let name = match &step.connection {
            Some(connection) => format!("{connection}.{operation}"),
            None => operation.to_owned(),
        };
        let mut span = self.span(own, id(step_span(self.run, &step.path)), name);
        span.span_kind = SpanKind::Client;
        span.start_time = time(attempt.started_at);
        span.end_time = time(attempt.ended_at.unwrap_or(self.end).max(attempt.started_at));
        let attributes = &mut span.attributes;
        attributes.push(text("dowel.step", step.path.as_str()));
        attributes.push(KeyValue::new("dowel.attempt", i64::from(attempt.number)));
        self.add_call(step, attributes);
        if let Some(error) = &attempt.error {
            fail(&mut span, error);
        }
        span
    }

    fn add_call(&self, step: &StepStory, attributes: &mut Vec<KeyValue>) {
        let Some(connection) = &step.connection else {
            return;
        };
        attributes.push(text("dowel.connection", connection.as_str()));
        let operation = step.operation.clone();
        attributes.extend(operation.map(|name| text("dowel.operation", name)));
        if let Some(pinned) = self.story.connectors.get(connection) {
            let digest = pinned.digest.to_string();
            attributes.push(text("dowel.connector.digest", digest));
        }
    }

    fn own(&self, span: u64) -> SpanContext {
        SpanContext::new(
            TraceId::from_bytes(self.context.trace.to_be_bytes()),
            id(span),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        )
    }

    /// A span with what all of them have.
    fn span(&self, own: u64, parent: SpanId, name: String) -> SpanData {
        let story = self.story;
        let mut attributes = vec![
            text("dowel.run", story.id.clone()),
            text("dowel.flow", story.flow.clone()),
            text("dowel.flow.version", story.version.clone()),
        ];
        let commit = story.commit.clone();
        attributes.extend(commit.map(|commit| text("dowel.flow.commit", commit)));
        SpanData {
            span_context: self.own(own),
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: time(story.created_at),
            end_time: time(self.end),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("dowel").build(),
        }
    }
}

fn fail(span: &mut SpanData, error: &StepError) {
    span.status = Status::error(error.code.clone());
    span.attributes.push(text("error.type", error.kind.name()));
    span.attributes.push(text("dowel.code", error.code.clone()));
}

/// A span of somebody else, perhaps of another trace.
fn elsewhere(context: TraceParent) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(context.trace.to_be_bytes()),
        id(context.parent),
        TraceFlags::new(context.flags),
        true,
        TraceState::default(),
    )
}

fn id(span: u64) -> SpanId {
    SpanId::from_bytes(span.to_be_bytes())
}

fn time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(at.as_millis())
}
