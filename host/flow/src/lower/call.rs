//! `call` steps.

use super::Lowering;
use super::step::Lowered;
use crate::check::Known;
use crate::plan::{Call, Jitter, OnUncertain, RetryPolicy, StepKind};
use crate::shape::{Any, Formula, Located, Text, did_you_mean};
use crate::surface::step::{
    Compensate, ForEach, JitterName, OnUncertainName, Retry, Step as Written,
};
use crate::text::Span;
use dowel_core::code::{flow, reference as code};
use dowel_core::expression::Expression;
use dowel_core::id::{ConnectionName, OperationName};
use dowel_core::manifest::{Manifest, OperationSpec};
use std::time::Duration;

/// More attempts than this are a loop without an end.
const MAX_ATTEMPTS: u32 = 100;

/// Longer delays belong into a flow of their own.
const MAX_DELAY: Duration = Duration::from_secs(7 * 86_400);

/// Whoever waits longer needs a person.
const MAX_ELAPSED: Duration = Duration::from_secs(30 * 86_400);

/// Faster growth reaches any `max_delay` at once.
const MAX_FACTOR: f64 = 10.0;

/// An attempt that takes longer blocks its connection for too long.
const MAX_TIMEOUT: Duration = Duration::from_secs(3_600);

/// The longest time of one attempt unless the operation or the step says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// A call as it is written: a step, or what undoes one.
pub(super) struct CallParts<'w> {
    call: &'w Located<Text>,
    with: Option<&'w Any>,
    key: Option<&'w Formula>,
    output: Option<&'w Any>,
    retry: Option<&'w Retry>,
    timeout: Option<&'w Located<Duration>>,
    on_uncertain: Option<OnUncertainName>,
}

impl<'w> CallParts<'w> {
    /// The parts of a step.
    pub(super) fn of(step: &'w Written) -> Option<Self> {
        Some(Self {
            call: step.call.as_ref()?,
            with: step.with.as_ref(),
            key: step.idempotency_key.as_ref(),
            output: step.output.as_ref(),
            retry: step.retry.as_ref(),
            timeout: step.timeout.as_ref(),
            on_uncertain: step.on_uncertain,
        })
    }

    /// The parts of the call that fetches the pages of a loop.
    pub(super) fn page(step: &'w Written, each: &'w ForEach, call: &'w Located<Text>) -> Self {
        Self {
            call,
            with: each.with.as_ref(),
            key: None,
            output: None,
            retry: step.retry.as_ref(),
            timeout: step.timeout.as_ref(),
            on_uncertain: step.on_uncertain,
        }
    }

    /// The parts of what undoes a step.
    pub(super) fn undo(undo: &'w Compensate) -> Self {
        Self {
            call: &undo.call,
            with: undo.with.as_ref(),
            key: undo.idempotency_key.as_ref(),
            output: None,
            retry: undo.retry.as_ref(),
            timeout: undo.timeout.as_ref(),
            on_uncertain: undo.on_uncertain,
        }
    }
}

/// What a `call` names.
struct Target<'a> {
    connection: ConnectionName,
    operation: OperationName,
    spec: &'a OperationSpec,
}

impl<'a> Lowering<'a> {
    pub(super) fn call(
        &mut self,
        step: &CallParts<'_>,
        condition: Option<Option<Expression>>,
    ) -> Option<Lowered> {
        let written = step.call;
        let target = self.target(written);
        let input_schema = target
            .as_ref()
            .map(|target| Known::schema(&target.spec.input_schema));
        let input = self.input(step.with, input_schema.as_ref(), written.span, "operation");
        let key = match step.key {
            None => Some(None),
            Some(key) => self.formula_output(key, "idempotency_key").map(Some),
        };
        let has_key = step.key.is_some();
        let program = match (condition, input, key) {
            (Some(condition), Some(input), Some(key)) => {
                let outputs = std::iter::once(input).chain(key).collect();
                Some(self.end_program(condition, outputs))
            }
            _ => None,
        };
        let raw = target
            .as_ref()
            .map(|target| Known::schema(&target.spec.output_schema));
        let raw = raw.unwrap_or(Known::Any);
        let mut known = raw.clone();
        let output = match step.output {
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
        let retry = self.retry(step.retry, target.as_ref().map(|target| target.spec));
        let timeout = match step.timeout {
            Some(timeout) => self.duration(timeout, MAX_TIMEOUT, "from 1ms to 1h"),
            None => Some(DEFAULT_TIMEOUT),
        };
        let target = target?;
        let declared = target.spec.deadline_ms.map(Duration::from_millis);
        let timeout = match (step.timeout, declared) {
            (None, Some(declared)) => Some(declared.min(MAX_TIMEOUT)),
            _ => timeout,
        };
        let call = Call {
            connection: target.connection,
            operation: target.operation,
            effect: target.spec.effect,
            idempotency: target.spec.idempotency,
            program: program?,
            has_key,
            output: output?,
            input_schema: Some(target.spec.input_schema.clone()),
            result_schema: target.spec.output_schema.clone(),
            retry: retry?,
            timeout: timeout?,
            on_uncertain: step.on_uncertain.map(|choice| match choice {
                OnUncertainName::Retry => OnUncertain::Retry,
                OnUncertainName::Park => OnUncertain::Park,
            }),
            deprecated: target.spec.deprecated.clone(),
        };
        Some((StepKind::Call(Box::new(call)), known))
    }

    /// A connection and something of its connector, written as `<connection>.<name>`.
    pub(super) fn bound_name(
        &mut self,
        written: &Located<Text>,
        what: &str,
    ) -> Option<(ConnectionName, OperationName, &'a Manifest)> {
        let (text, span) = (written.value.0.as_str(), written.span);
        let parts = text.split_once('.').and_then(|(connection, name)| {
            let connection = ConnectionName::new(connection).ok()?;
            Some((connection, OperationName::new(name).ok()?))
        });
        let Some((connection, name)) = parts else {
            let message = format!("`{text}` is not a connection and {what}");
            let found = self.report.error(flow::BAD_FORM, span, message);
            found.help("write it as `crm.get-contact`, both names in kebab-case");
            return None;
        };
        let manifest = self.connected(&connection, span)?;
        Some((connection, name, manifest))
    }

    /// The connector behind a connection of the flow.
    pub(super) fn connected(
        &mut self,
        connection: &ConnectionName,
        span: Span,
    ) -> Option<&'a Manifest> {
        let Some(bound) = self.connections.get_mut(connection) else {
            let message = format!("the flow declares no connection `{connection}`");
            let names = self.connections.keys().map(|name| name.as_str());
            let help = did_you_mean(connection.as_str(), names);
            let help = help.or_else(|| Some("declare it under `connections`".to_owned()));
            self.report
                .error(code::UNKNOWN_CONNECTION, span, message)
                .help = help;
            return None;
        };
        bound.is_used = true;
        let (manifest, _) = bound.chosen?;
        Some(manifest)
    }

    fn target(&mut self, written: &Located<Text>) -> Option<Target<'a>> {
        let span = written.span;
        let (connection, operation, manifest) = self.bound_name(written, "an operation")?;
        let Some(spec) = manifest.operation(operation.as_str()) else {
            let (name, version) = (&manifest.name, &manifest.version);
            let message = format!("the connector {name} {version} has no operation `{operation}`");
            let names = manifest.operations.iter().map(|spec| spec.name.as_str());
            let help = did_you_mean(operation.as_str(), names);
            self.report
                .error(code::UNKNOWN_OPERATION, span, message)
                .help = help;
            return None;
        };
        Some(Target {
            connection,
            operation,
            spec,
        })
    }

    pub(super) fn retry(
        &mut self,
        retry: Option<&Retry>,
        spec: Option<&OperationSpec>,
    ) -> Option<RetryPolicy> {
        let mut policy = RetryPolicy::default();
        if let Some(kinds) = spec.and_then(|spec| spec.retry_kinds.as_ref()) {
            policy.kinds.clone_from(kinds);
        }
        let Some(retry) = retry else {
            return Some(policy);
        };
        let mut is_good = true;
        if let Some(kinds) = &retry.kinds {
            policy.kinds.clone_from(kinds);
        }
        if let Some(attempts) = &retry.attempts {
            policy.attempts = attempts.value;
            if !(1..=MAX_ATTEMPTS).contains(&attempts.value) {
                self.out_of_range(attempts.span, "from 1 to 100");
                is_good = false;
            }
        }
        if let Some(factor) = &retry.factor {
            policy.factor = factor.value;
            if !(1.0..=MAX_FACTOR).contains(&factor.value) {
                self.out_of_range(factor.span, "from 1 to 10");
                is_good = false;
            }
        }
        if let Some(delay) = &retry.delay {
            policy.delay = self.duration(delay, MAX_DELAY, "from 1ms to 7d")?;
            policy.max_delay = policy.max_delay.max(policy.delay);
        }
        if let Some(longest) = &retry.max_delay {
            policy.max_delay = self.duration(longest, MAX_DELAY, "from 1ms to 7d")?;
            if policy.max_delay < policy.delay {
                self.out_of_range(longest.span, "no less than `delay`");
                is_good = false;
            }
        }
        if let Some(longest) = &retry.max_elapsed {
            let longest = self.duration(longest, MAX_ELAPSED, "from 1ms to 30d");
            policy.max_elapsed = Some(longest?);
        }
        policy.jitter = match retry.jitter {
            None | Some(JitterName::Full) => Jitter::Full,
            Some(JitterName::None) => Jitter::None,
        };
        if let Some(calendar) = &retry.calendar {
            policy.calendar = Some(self.pinned_calendar(calendar)?);
        }
        is_good.then_some(policy)
    }
}
