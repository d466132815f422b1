//! Changes as text, for terminals.

use super::Changes;
use super::flow::{Detail, FlowChange, Kind};
use super::grant::Turn;
use std::fmt::Write as _;

/// Writes changes.
pub(super) fn write(changes: &Changes) -> String {
    let mut out = String::new();
    if changes.is_empty() {
        out.push_str("nothing changes\n");
    } else {
        let _ = writeln!(out, "{}", summary(changes));
    }
    for flow in &changes.flows {
        out.push('\n');
        self::flow(&mut out, flow);
    }
    section(
        &mut out,
        "capabilities",
        changes.capabilities.iter().map(|grant| {
            let sign = match grant.turn {
                Turn::Gained => '+',
                Turn::Lost => '-',
            };
            format!("{sign} {} {}", grant.subject, grant.what)
        }),
    );
    section(
        &mut out,
        "environment",
        changes.environment.iter().map(line),
    );
    section(&mut out, "live runs", live(changes).into_iter());
    section(&mut out, "drift", changes.drift.iter().cloned());
    section(&mut out, "not known", changes.notes.iter().cloned());
    out
}

/// Unfinished runs, a line for each flow and version.
pub(super) fn live(changes: &Changes) -> Vec<String> {
    let flows = changes.live_runs.iter();
    flows
        .flat_map(|(flow, versions)| {
            let version = move |(version, count): (&String, &u64)| {
                format!("{flow}@{version}: {count} unfinished, which stay on it")
            };
            versions.iter().map(version)
        })
        .collect()
}

/// One sentence about all of it.
pub(super) fn summary(changes: &Changes) -> String {
    let count = |kind| {
        changes
            .flows
            .iter()
            .filter(|flow| flow.kind == kind)
            .count()
    };
    let gained = changes.capabilities.iter();
    let gained = gained.filter(|grant| grant.turn == Turn::Gained).count();
    format!(
        "{} flow(s) added, {} changed, {} removed; {gained} capability(ies) gained; the contract change is {}",
        count(Kind::Added),
        count(Kind::Changed),
        count(Kind::Removed),
        match changes.flows.is_empty() {
            true => "none".to_owned(),
            false => changes.class.to_string(),
        }
    )
}

/// A flow with its versions and its class.
pub(super) fn title(flow: &FlowChange) -> String {
    let name = &flow.flow;
    match (&flow.from, &flow.to) {
        (None, Some(to)) => format!("{name}@{to} is added"),
        (Some(from), None) => format!("{name}@{from} is removed: {}", flow.class),
        (Some(from), Some(to)) => {
            let versions = match from == to {
                true => to.clone(),
                false => format!("{from} -> {to}"),
            };
            format!("{name} {versions}: {}{}", flow.class, raise(flow))
        }
        (None, None) => name.clone(),
    }
}

/// What is to be said of the version.
fn raise(flow: &FlowChange) -> String {
    match flow.raised {
        Some(raised) if raised >= flow.due => String::new(),
        _ => format!(", but a new {} version is due", flow.due),
    }
}

fn flow(out: &mut String, flow: &FlowChange) {
    let _ = writeln!(out, "{}", title(flow));
    for change in &flow.contract {
        let _ = writeln!(
            out,
            "  contract  {}: {}: {} [{}]",
            change.class, change.part, change.message, change.rule
        );
    }
    for (name, details) in [
        ("trigger", &flow.triggers),
        ("step", &flow.steps),
        ("setting", &flow.settings),
    ] {
        for detail in details {
            let _ = writeln!(out, "  {name:<8}  {}", line(detail));
        }
    }
    for connector in &flow.connectors {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
        let _ = writeln!(
            out,
            "  connector {}: {} -> {}",
            connector.connection,
            side(&connector.from),
            side(&connector.to)
        );
    }
}

/// One difference as one line.
pub(super) fn line(detail: &Detail) -> String {
    let subject = match detail.what.as_str() {
        "" => detail.subject.clone(),
        what => format!("{} {what}", detail.subject),
    };
    let side = |side: &Option<String>| shown(side.as_deref().unwrap_or_default());
    match detail.kind {
        Kind::Added => format!("+ {subject}: {}", side(&detail.to)),
        Kind::Removed => format!("- {subject}: {}", side(&detail.from)),
        Kind::Changed => {
            format!(
                "~ {subject}: {} -> {}",
                side(&detail.from),
                side(&detail.to)
            )
        }
        Kind::Moved => format!(
            "~ {subject} stands elsewhere: {} -> {}",
            side(&detail.from),
            side(&detail.to)
        ),
    }
}

/// The longest text of a difference that is shown; JSON has all of it.
const MAX_SHOWN: usize = 160;

fn shown(text: &str) -> String {
    if text.is_empty() {
        return "nothing".to_owned();
    }
    if text.chars().count() <= MAX_SHOWN {
        return text.to_owned();
    }
    let kept: String = text.chars().take(MAX_SHOWN).collect();
    format!("{kept}…")
}

fn section(out: &mut String, name: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = writeln!(out, "\n{name}");
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}
