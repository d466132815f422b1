//! The few words that say what a trigger or a step does.

use super::scene::Entry;
use crate::plan::{
    Approve, Call, ForEach, Join, OnFailure, OnItemFailure, Receive, RetryPolicy, RunFlow,
    StepKind, Trigger, TriggerKind, Wait,
};
use crate::schedule::{Rhythm, Schedule};
use dowel_core::expression::{Expression, Piece, Program, Template};
use dowel_core::units::format_duration;
use dowel_core::{ErrorKind, JsonText};
use std::collections::BTreeSet;

/// What begins a run.
pub(super) fn trigger(trigger: &Trigger) -> Entry {
    let detail = match &trigger.kind {
        TriggerKind::Webhook { path, method, .. } => format!("{method} /hooks{path}"),
        TriggerKind::Receiver(plan) => {
            let (path, connection, name) = (&plan.path, &plan.connection, &plan.receiver);
            format!("/hooks{path}, {connection}.{name}")
        }
        TriggerKind::Manual => "by a person or a program".to_owned(),
        TriggerKind::Event {
            event_type, source, ..
        } => match source {
            Some(source) => format!("{event_type} of {source}"),
            None => event_type.clone(),
        },
        TriggerKind::Schedule(plan) => schedule(plan),
        TriggerKind::Poll(poll) => {
            let every = format_duration(poll.every);
            format!("{}.{} every {every}", poll.connection, poll.source)
        }
    };
    Entry {
        name: trigger.name.clone(),
        kind: trigger.kind.name(),
        detail,
    }
}

/// When a schedule fires.
pub(crate) fn schedule(plan: &Schedule) -> String {
    let mut text = match &plan.rhythm {
        Rhythm::Cron { cron, timezone } => format!("{cron} {}", timezone.name()),
        Rhythm::Every(every) => format!("every {}", format_duration(*every)),
    };
    if let Some(calendar) = &plan.calendar {
        text.push_str(", calendar ");
        text.push_str(calendar.as_str());
    }
    text
}

/// A step's kind, as in a flow.
pub(crate) const fn kind(kind: &StepKind) -> &'static str {
    match kind {
        StepKind::Call(_) => "call",
        StepKind::Set { .. } => "set",
        StepKind::Switch { .. } => "switch",
        StepKind::ForEach(_) => "for_each",
        StepKind::Parallel(_) => "parallel",
        StepKind::Try(_) => "try",
        StepKind::Wait(_) => "wait",
        StepKind::Approve(_) => "approve",
        StepKind::Run(_) => "run",
        StepKind::Receive(_) => "receive",
        StepKind::Emit { .. } => "emit",
        StepKind::Fail { .. } => "fail",
        StepKind::Return { .. } => "return",
    }
}

/// What a step does, in a few words.
pub(crate) fn detail(kind: &StepKind) -> String {
    match kind {
        StepKind::Call(call) => format!("{}.{}", call.connection, call.operation),
        StepKind::Set { program } => value(program).unwrap_or_default(),
        StepKind::Switch { cases, default, .. } => {
            match cases.len() + usize::from(default.is_some()) {
                1 => "one branch".to_owned(),
                many => format!("one of {many} branches"),
            }
        }
        StepKind::ForEach(each) => for_each(each),
        StepKind::Parallel(parallel) => match parallel.join {
            Join::All => "until all are done".to_owned(),
            Join::Any => "until the first succeeds".to_owned(),
        },
        StepKind::Try(_) => "failures are answered".to_owned(),
        StepKind::Wait(plan) => wait(plan),
        StepKind::Approve(ask) => approve(ask),
        StepKind::Run(run) => format!("{}@{}", run.flow, run.range),
        StepKind::Receive(plan) => plan.event_type.clone(),
        StepKind::Emit { event_type, .. } => event_type.clone(),
        StepKind::Fail { kind, code, .. } => format!("{kind}, {code}"),
        StepKind::Return { program } => value(program).unwrap_or_default(),
    }
}

/// What else is said about a step.
pub(super) fn notes(kind: &StepKind) -> Vec<String> {
    match kind {
        StepKind::Call(call) => call_notes(call),
        StepKind::Run(run) => run_notes(run),
        StepKind::Receive(plan) => receive_notes(plan),
        StepKind::Approve(ask) => approve_notes(ask),
        StepKind::ForEach(each) => loop_notes(each),
        _ => Vec::new(),
    }
}

fn call_notes(call: &Call) -> Vec<String> {
    let mut notes = vec![
        attempts(&call.retry),
        format!("{} for each attempt", format_duration(call.timeout)),
    ];
    if call.has_key {
        notes.push("with an idempotency key of its own".to_owned());
    }
    notes
}

fn run_notes(run: &RunFlow) -> Vec<String> {
    let mut notes = vec![attempts(&run.retry)];
    if run.detach {
        notes.push("nobody waits for its end".to_owned());
    }
    notes
}

fn receive_notes(plan: &Receive) -> Vec<String> {
    let within = plan
        .within
        .map(|time| format!("within {}", format_duration(time)));
    within.into_iter().collect()
}

fn approve_notes(ask: &Approve) -> Vec<String> {
    let further = |to: &crate::plan::EscalateTo| {
        let groups = names(&to.groups);
        format!("after {} also {groups}", format_duration(to.after))
    };
    ask.escalate.iter().map(further).collect()
}

fn loop_notes(each: &ForEach) -> Vec<String> {
    match each.on_item_failure {
        OnItemFailure::Stop => Vec::new(),
        OnItemFailure::Collect { fail_above: None } => {
            vec!["failed items are collected".to_owned()]
        }
        OnItemFailure::Collect {
            fail_above: Some(share),
        } => vec![format!("failed items are collected, up to {share}")],
    }
}

fn attempts(retry: &RetryPolicy) -> String {
    match retry.attempts {
        1 => "one attempt".to_owned(),
        many => format!("up to {many} attempts"),
    }
}

fn for_each(each: &ForEach) -> String {
    let items = match &each.pages {
        Some(pages) => format!("page by page of {}", detail(&pages.fetch.kind)),
        None => each
            .program
            .outputs
            .first()
            .map(template)
            .unwrap_or_default(),
    };
    match each.parallel {
        1 => items,
        many => format!("{many} at a time: {items}"),
    }
}

fn wait(plan: &Wait) -> String {
    match plan.duration {
        Some(time) if plan.calendar.is_some() => {
            format!("{} of working time", format_duration(time))
        }
        Some(time) => format_duration(time),
        None => {
            let until = plan.program.outputs.first().map(template);
            format!("until {}", until.unwrap_or_default())
        }
    }
}

fn approve(ask: &Approve) -> String {
    let groups = names(&ask.groups);
    match ask.within {
        Some(time) => format!("{groups}, within {}", format_duration(time)),
        None => groups,
    }
}

fn names(groups: &[dowel_core::id::GroupName]) -> String {
    let names: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
    names.join(", ")
}

/// The kinds that a `catch` takes.
pub(super) fn kinds(kinds: &[ErrorKind]) -> String {
    if kinds.is_empty() {
        return "any failure".to_owned();
    }
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    names.join(", ")
}

/// What a failure means that nothing caught, if the flow says so.
pub(super) fn on_failure(rules: &OnFailure) -> Option<String> {
    if rules.compensate.is_empty() {
        return None;
    }
    Some(format!(
        "{}: undone in reverse order",
        kinds(&rules.compensate)
    ))
}

/// The keys of a map, or the value itself.
pub(super) fn value(program: &Program) -> Option<String> {
    match keys(program) {
        Some(keys) if !keys.is_empty() => Some(keys.join(", ")),
        _ => program.outputs.first().map(template),
    }
}

/// The keys of the first output, if it is written as a map.
pub(crate) fn fields(program: &Program) -> Option<BTreeSet<String>> {
    keys(program).map(|keys| keys.into_iter().collect())
}

fn keys(program: &Program) -> Option<Vec<String>> {
    let pieces = &program.outputs.first()?.pieces;
    let skeleton: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Expression(_) => "null",
        })
        .collect();
    let fields = JsonText::parse_owned(skeleton).ok()?.fields()?;
    Some(fields.into_iter().map(|(name, _)| name).collect())
}

/// A value with holes, as one line.
pub(crate) fn template(template: &Template) -> String {
    if let [Piece::Expression(only)] = template.pieces.as_slice() {
        return expression(only);
    }
    let text: String = template
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Expression(one) => format!("${{ {} }}", expression(one)),
        })
        .collect();
    text
}

/// An expression, as one line.
pub(crate) fn expression(expression: &Expression) -> String {
    let words: Vec<&str> = expression.source.split_whitespace().collect();
    words.join(" ")
}

/// A trigger, as one line.
pub(crate) fn trigger_text(one: &Trigger) -> String {
    let entry = trigger(one);
    format!("{} {}", entry.kind, entry.detail)
}
