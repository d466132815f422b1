//! Good flows and the plans that they make.

use crate::support::{cases, compile, expect, folder, render};
use dowel_core::expression::{Piece, Program, Template};
use dowel_flow::plan::{Call, OnItemFailure, Plan, Step, StepKind, TriggerKind};
use std::fmt::Write as _;

#[test]
fn good_flows() {
    for (name, flow) in cases("good") {
        let compiled = match compile(&flow) {
            Ok(compiled) => compiled,
            Err(found) => panic!("{name}:\n{}", render(&found)),
        };
        assert!(
            compiled.warnings.is_empty(),
            "{name}:\n{}",
            render(&compiled.warnings)
        );
        expect("good", &name, &summary(&compiled.plan));
        let text = serde_json::to_string(&compiled.plan).unwrap();
        let again: Plan = serde_json::from_str(&text).unwrap();
        assert_eq!(
            again.digest().unwrap(),
            compiled.plan.digest().unwrap(),
            "{name}"
        );
    }
}

#[test]
fn equal_sources_make_equal_plans_and_files_count() {
    let (_, flow) = cases("good").remove(0);
    let digest = |flow: &str| compile(flow).unwrap().plan.source;
    assert_eq!(digest(&flow), digest(&flow));
    assert_ne!(digest(&flow), digest(&format!("{flow}\n# a comment\n")));
    assert!(folder(&flow).files.len() > 3);
}

fn summary(plan: &Plan) -> String {
    let mut out = format!("{} {}\n", plan.flow, plan.version);
    for (name, pinned) in &plan.connectors {
        writeln!(out, "connection {name}: {}@{}", pinned.name, pinned.version).unwrap();
    }
    for trigger in &plan.triggers {
        let schema = if trigger.schema.is_some() {
            " with schema"
        } else {
            ""
        };
        if let TriggerKind::Event {
            event_type,
            source,
            filter,
        } = &trigger.kind
        {
            let source = source.as_deref().unwrap_or("any source");
            let name = &trigger.name;
            writeln!(out, "trigger {name}: {event_type} of {source}{schema}").unwrap();
            filter
                .iter()
                .for_each(|filter| program(&mut out, 1, filter));
            continue;
        }
        writeln!(out, "trigger {}: {:?}{schema}", trigger.name, trigger.kind).unwrap();
    }
    if let Some(dedupe) = &plan.dedupe {
        writeln!(out, "dedupe for {:?}", dedupe.window).unwrap();
        program(&mut out, 1, &dedupe.key);
    }
    if let Some(concurrency) = &plan.concurrency {
        writeln!(
            out,
            "concurrency {}, {:?}, {:?}",
            concurrency.limit, concurrency.when_full, concurrency.while_parked
        )
        .unwrap();
        program(&mut out, 1, &concurrency.keys);
    }
    block(&mut out, 0, &plan.steps);
    if let Some(state) = &plan.state {
        for value in &state.values {
            writeln!(out, "state {} from {}", value.name, value.initial).unwrap();
        }
        program(&mut out, 1, &state.next);
    }
    if let Some(output) = &plan.output {
        writeln!(out, "output").unwrap();
        program(&mut out, 1, output);
    }
    out
}

fn block(out: &mut String, depth: usize, steps: &[Step]) {
    let indent = "  ".repeat(depth);
    for step in steps {
        let kind = match &step.kind {
            StepKind::Call(call) => format!("call {}.{}", call.connection, call.operation),
            StepKind::Set { .. } => "set".to_owned(),
            StepKind::Switch { .. } => "switch".to_owned(),
            StepKind::ForEach(each) => match each.on_item_failure {
                OnItemFailure::Stop => format!("for_each, {} at a time", each.parallel),
                collect => format!("for_each, {} at a time, {collect:?}", each.parallel),
            },
            StepKind::Parallel(parallel) => format!("parallel, {:?}", parallel.join),
            StepKind::Try(_) => "try".to_owned(),
            StepKind::Wait(wait) => format!("wait {:?}", wait.duration),
            StepKind::Approve(ask) => format!("approve {:?} within {:?}", ask.groups, ask.within),
            StepKind::Run(run) => format!(
                "run {}@{}, {} attempts, within {:?}, detached: {}",
                run.flow, run.range, run.retry.attempts, run.timeout, run.detach
            ),
            StepKind::Receive(plan) => format!(
                "receive {} within {:?}, {:?}",
                plan.event_type, plan.within, plan.on_timeout
            ),
            StepKind::Emit { event_type, .. } => format!("emit {event_type}"),
            StepKind::Fail { kind, code, .. } => format!("fail {kind} {code}"),
            StepKind::Return { .. } => "return".to_owned(),
        };
        writeln!(out, "{indent}{}: {kind} ({})", step.id, step.position).unwrap();
        inside(out, depth, step);
        if let Some(undo) = &step.compensate {
            writeln!(out, "{indent}  compensate").unwrap();
            block(out, depth + 2, std::slice::from_ref(undo));
        }
    }
}

fn inside(out: &mut String, depth: usize, step: &Step) {
    let indent = "  ".repeat(depth);
    program(out, depth + 1, step.program());
    match &step.kind {
        StepKind::Call(call) => self::call(out, depth, call),
        StepKind::Run(run) => {
            if let Some(output) = &run.output {
                program(out, depth + 1, output);
            }
        }
        StepKind::Receive(plan) => {
            program(out, depth + 1, &plan.event);
            plan.output
                .iter()
                .for_each(|output| program(out, depth + 1, output));
        }
        StepKind::Switch { cases, default, .. } => {
            for case in cases {
                writeln!(out, "{indent}  case").unwrap();
                block(out, depth + 2, case);
            }
            if let Some(default) = default {
                writeln!(out, "{indent}  default").unwrap();
                block(out, depth + 2, default);
            }
        }
        StepKind::ForEach(each) => block(out, depth + 1, &each.steps),
        StepKind::Parallel(parallel) => {
            for branch in &parallel.branches {
                writeln!(out, "{indent}  branch {}", branch.name).unwrap();
                block(out, depth + 2, &branch.steps);
            }
        }
        StepKind::Try(plan) => {
            block(out, depth + 1, &plan.steps);
            for clause in &plan.catch {
                writeln!(out, "{indent}  catch {:?}", clause.kinds).unwrap();
                block(out, depth + 2, &clause.steps);
            }
        }
        _ => {}
    }
}

fn call(out: &mut String, depth: usize, call: &Call) {
    let indent = "  ".repeat(depth);
    if let Some(output) = &call.output {
        program(out, depth + 1, output);
    }
    let kinds: Vec<&str> = call.retry.kinds.iter().map(|kind| kind.name()).collect();
    let retry = &call.retry;
    writeln!(
        out,
        "{indent}  timeout {:?}, {} attempts, {:?} x{} up to {:?}, {:?}, after {}{}{}",
        call.timeout,
        retry.attempts,
        retry.delay,
        retry.factor,
        retry.max_delay,
        retry.jitter,
        kinds.join(" "),
        if call.has_key { ", own key" } else { "" },
        call.on_uncertain
            .map_or_else(String::new, |choice| format!(", {choice:?} if uncertain"))
    )
    .unwrap();
}

fn program(out: &mut String, depth: usize, program: &Program) {
    let indent = "  ".repeat(depth);
    if let Some(condition) = &program.condition {
        writeln!(
            out,
            "{indent}if {} ({})",
            condition.source, condition.position
        )
        .unwrap();
    }
    for output in &program.outputs {
        writeln!(out, "{indent}{}", template(output)).unwrap();
    }
    writeln!(out, "{indent}reads {:?}", program.needs).unwrap();
}

fn template(template: &Template) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Expression(expression) => {
            format!(
                "<{}: {} @ {}>",
                expression.key, expression.source, expression.position
            )
        }
    };
    template.pieces.iter().map(piece).collect()
}
