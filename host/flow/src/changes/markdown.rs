//! Changes in Markdown, for pull requests.

use super::Changes;
use super::flow::{Detail, FlowChange, Kind};
use super::grant::Turn;
use super::text::{live, summary, title};
use crate::contract::Class;
use std::fmt::Write as _;

/// Writes changes.
pub(super) fn write(changes: &Changes) -> String {
    let mut out = String::from("## Dowel plan\n\n");
    if changes.is_empty() {
        out.push_str("Nothing changes.\n");
    } else {
        let _ = writeln!(out, "{}.", summary(changes));
    }
    if !changes.capabilities.is_empty() {
        out.push_str("\n### Capabilities\n\n| | who | what |\n| --- | --- | --- |\n");
        for grant in &changes.capabilities {
            let sign = match grant.turn {
                Turn::Gained => "**gains**",
                Turn::Lost => "loses",
            };
            let _ = writeln!(
                out,
                "| {sign} | {} | {} |",
                words(&grant.subject),
                words(&grant.what)
            );
        }
    }
    for flow in &changes.flows {
        self::flow(&mut out, flow);
    }
    if !changes.environment.is_empty() {
        out.push_str("\n### Environment\n\n");
        table(&mut out, &changes.environment);
    }
    list(&mut out, "Live runs", &live(changes));
    list(&mut out, "Drift", &changes.drift);
    list(&mut out, "Not known", &changes.notes);
    out
}

fn flow(out: &mut String, flow: &FlowChange) {
    let _ = writeln!(out, "\n### {}\n", words(&title(flow)));
    for change in &flow.contract {
        let class = match change.class {
            Class::Compatible => change.class.to_string(),
            grave => format!("**{grave}**"),
        };
        let _ = writeln!(
            out,
            "- {class}: {}: {} (`{}`)",
            words(&change.part),
            words(&change.message),
            change.rule
        );
    }
    let details: Vec<&Detail> = flow
        .triggers
        .iter()
        .chain(&flow.steps)
        .chain(&flow.settings)
        .collect();
    if !details.is_empty() {
        if !flow.contract.is_empty() {
            out.push('\n');
        }
        table(out, details);
    }
    if !flow.connectors.is_empty() {
        out.push('\n');
    }
    for connector in &flow.connectors {
        let side = |side: &Option<String>| side.as_deref().map_or("none".to_owned(), code);
        let _ = writeln!(
            out,
            "- connector of `{}`: {} → {}",
            connector.connection,
            side(&connector.from),
            side(&connector.to)
        );
    }
}

fn table<'d>(out: &mut String, details: impl IntoIterator<Item = &'d Detail>) {
    out.push_str("| | what | was | is |\n| --- | --- | --- | --- |\n");
    for detail in details {
        let kind = match detail.kind {
            Kind::Added => "added",
            Kind::Removed => "removed",
            Kind::Changed => "changed",
            Kind::Moved => "moved",
        };
        let subject = format!("{} {}", detail.subject, detail.what);
        let side = |side: &Option<String>| match side.as_deref() {
            None | Some("") => String::new(),
            Some(text) => code(text),
        };
        let _ = writeln!(
            out,
            "| {kind} | {} | {} | {} |",
            words(subject.trim_end()),
            side(&detail.from),
            side(&detail.to)
        );
    }
}

fn list(out: &mut String, name: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### {name}\n");
    for line in lines {
        let _ = writeln!(out, "- {}", words(line));
    }
}

/// Text in which nothing means anything to Markdown or to HTML, except code between single
/// backticks.
fn words(text: &str) -> String {
    let has_code = text.matches('`').count().is_multiple_of(2);
    let mut is_code = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Within code as well: what looks like code here may not be code to a reader.
            '<' => out.push_str("&lt;"),
            '\n' | '\r' => out.push(' '),
            '|' => out.push_str("\\|"),
            '`' if has_code => {
                is_code = !is_code;
                out.push(c);
            }
            c if is_code => out.push(c),
            '&' => out.push_str("&amp;"),
            '*' | '_' | '[' | ']' | '\\' | '@' | '#' | '`' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Code within a line: with more backticks around it than there are in it.
fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ").replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    match longest {
        0 => format!("{fence}{text}{fence}"),
        _ => format!("{fence} {text} {fence}"),
    }
}
