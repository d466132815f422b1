//! Where the fields of a flow come from, where mappings are plain paths such as
//! `$steps.customer.erp_id`. Anything else is computed, and nothing is claimed about it.

use crate::plan::{Plan, StepKind};
use dowel_core::expression::{Expression, Program};
use serde::Serialize;

/// A field that is a copy of another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FieldLink {
    /// What is written, such as `invoice.with.customer`, `output.id` or
    /// `com.example.order.invoiced.order_id`.
    pub to: String,
    /// What is read, such as `trigger.order_id` or `customer.erp_id`.
    pub from: String,
}

/// All fields of a flow that are copies.
pub(super) fn links(plan: &Plan) -> Vec<FieldLink> {
    let mut links = Vec::new();
    for step in plan.all_steps() {
        let prefix = match &step.kind {
            StepKind::Emit { event_type, .. } => format!("event {event_type}"),
            StepKind::Set { .. } => "vars".to_owned(),
            _ => step.id.to_string(),
        };
        program(&mut links, &prefix, step.program());
    }
    if let Some(output) = &plan.output {
        program(&mut links, "output", output);
    }
    links.sort();
    links.dedup();
    links
}

fn program(links: &mut Vec<FieldLink>, prefix: &str, program: &Program) {
    let expressions = program
        .outputs
        .iter()
        .flat_map(|output| output.expressions());
    for expression in expressions {
        if let Some(from) = path(&expression.source) {
            links.push(FieldLink {
                to: target(prefix, expression),
                from,
            });
        }
    }
}

/// The place that an expression fills: its key without the word that every step has.
fn target(prefix: &str, expression: &Expression) -> String {
    let key = expression.key.as_str();
    let cut = |word: &str| {
        key.strip_prefix(word)
            .and_then(|rest| rest.strip_prefix('.'))
    };
    match (prefix, cut("set"), cut("output"), cut("with")) {
        ("vars", Some(rest), ..) | ("output", _, Some(rest), _) => format!("{prefix}.{rest}"),
        (event, .., Some(rest)) if event.starts_with("event ") => format!("{event}.{rest}"),
        _ => format!("{prefix}.{key}"),
    }
}

/// What a plain path reads: `$steps.customer.erp_id` is `customer.erp_id`. `None` for
/// anything that is computed.
fn path(source: &str) -> Option<String> {
    let path = source.trim().strip_prefix('$')?;
    let is_name = |part: &str| {
        let mut chars = part.chars();
        chars
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let parts: Vec<&str> = path.split('.').collect();
    if !parts.iter().all(|part| is_name(part)) {
        return None;
    }
    match parts.as_slice() {
        ["steps", step, ..] => Some(path.strip_prefix("steps.").unwrap_or(step).to_owned()),
        [
            "trigger" | "event" | "vars" | "item" | "state" | "env" | "run",
            ..,
        ] => Some(path.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn only_plain_paths_are_copies() {
        for (source, expected) in [
            ("$steps.customer.erp_id", Some("customer.erp_id")),
            (" $trigger.order_id ", Some("trigger.order_id")),
            ("$trigger", Some("trigger")),
            ("$vars.total", Some("vars.total")),
            ("$now", None),
            ("$trigger.lines[0]", None),
            ("$trigger.a // 1", None),
            ("$trigger.a | length", None),
            (".a", None),
            ("$trigger.", None),
        ] {
            assert_eq!(path(source).as_deref(), expected, "{source}");
        }
    }
}
