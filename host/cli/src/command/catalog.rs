//! `dowel catalog` and `dowel lineage`.

mod deprecated;

use crate::args::{Catalog, Format, Lineage as Arguments, Repository};
use crate::{connectors, exit, output, wiring};
use anyhow::{Result, bail};
use deprecated::Deprecated;
use dowel_core::FlowName;
use dowel_flow::catalogue::{CatalogueEntry, FieldLink, Lineage, Link, LinkKind, catalogue};
use dowel_flow::plan::Plan;
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) fn catalog(arguments: &Catalog, format: Format) -> Result<ExitCode> {
    let plans = plans(&arguments.repository)?;
    let plans: Vec<&Plan> = plans.iter().collect();
    let mut entries = catalogue(&plans);
    if arguments.deprecated {
        let deprecated = Deprecated::of(entries, &plans);
        output::print(format, &deprecated, &deprecated.table())?;
        return Ok(exit::found(false));
    }
    match arguments.flow.as_deref() {
        None => output::print(format, &entries, &table(&entries))?,
        Some(flow) => {
            entries.retain(|entry| entry.flow == flow);
            let Some(entry) = entries.first() else {
                bail!("there is no flow `{flow}`");
            };
            output::print(format, entry, &page(entry))?;
        }
    }
    Ok(exit::found(false))
}

pub(crate) fn lineage(arguments: &Arguments, format: Format) -> Result<ExitCode> {
    let plans = plans(&arguments.repository)?;
    let mut lineage = Lineage::of(&plans.iter().collect::<Vec<_>>());
    if let Some(flow) = &arguments.flow {
        let name = FlowName::new(flow)?;
        if !plans.iter().any(|plan| plan.flow == name) {
            bail!("there is no flow `{flow}`");
        }
        lineage = lineage.around(&name);
        lineage.fields.retain(|owner, _| owner == flow);
    } else {
        // The fields of all flows would hide which flow feeds which.
        lineage.fields.clear();
    }
    output::print(format, &lineage, &links(&lineage))?;
    Ok(exit::found(false))
}

pub(super) fn plans(repository: &Repository) -> Result<Vec<Plan>> {
    let folders = repository.flows(&[])?;
    let connectors = connectors::read_manifests(repository)?;
    let mapping = wiring::mapping(repository)?;
    let compiled = wiring::compile_all(repository, &folders, &connectors, &mapping)?;
    if compiled.has_errors {
        return Err(wiring::as_error(&compiled.findings));
    }
    Ok(compiled.plans)
}

/// One line per flow.
fn table(entries: &[CatalogueEntry]) -> String {
    if entries.is_empty() {
        return "no flows".to_owned();
    }
    let mut text = format!(
        "{:<32}  {:<26}  {:<18}  {}\n",
        "FLOW", "OWNER", "PROMISES", "WHAT IT DOES"
    );
    for entry in entries {
        let name = format!("{}@{}", entry.flow, entry.version);
        let _ = writeln!(
            text,
            "{name:<32}  {:<26}  {:<18}  {}",
            entry.owner.as_deref().unwrap_or("-"),
            promises(entry),
            entry.description.as_deref().unwrap_or("-"),
        );
    }
    text
}

fn promises(entry: &CatalogueEntry) -> String {
    let promises: Vec<String> = entry
        .sla
        .iter()
        .map(|(name, promise)| format!("{name} {promise}"))
        .collect();
    match promises.as_slice() {
        [] => "-".to_owned(),
        promises => promises.join(", "),
    }
}

/// All about one flow.
fn page(entry: &CatalogueEntry) -> String {
    let mut text = format!("{}@{}\n", entry.flow, entry.version);
    let mut line = |name: &str, value: &str| {
        let value = if value.is_empty() { "-" } else { value };
        let _ = writeln!(text, "  {name:<12}  {value}");
    };
    line("what", entry.description.as_deref().unwrap_or_default());
    line("owner", entry.owner.as_deref().unwrap_or_default());
    line("runbook", entry.runbook.as_deref().unwrap_or_default());
    line("promises", &promises(entry));
    let labels: Vec<String> = entry
        .labels
        .iter()
        .map(|(name, label)| format!("{name}={label}"))
        .collect();
    line("labels", &labels.join(", "));
    for way in &entry.triggers {
        let schema = match way.schema {
            Some(_) => ", payload checked",
            None => "",
        };
        line("begins with", &format!("{}{schema}", way.detail));
    }
    for uses in &entry.uses {
        let operations: Vec<String> = uses
            .operations
            .iter()
            .map(|one| {
                let effect = if one.writes { " (writes)" } else { "" };
                format!("{}{effect}", one.operation)
            })
            .collect();
        line(
            "uses",
            &format!(
                "{}: {}@{}: {}",
                uses.connection,
                uses.connector,
                uses.version,
                operations.join(", ")
            ),
        );
    }
    if let Some(deprecated) = &entry.deprecated {
        line("note", &deprecated.to_string());
    }
    for caller in &entry.callers {
        line("run by", &deprecated::caller_text(caller));
    }
    for flow in &entry.runs {
        line("runs", flow);
    }
    for group in &entry.asks {
        line("asks", group);
    }
    for event in &entry.waits_for {
        line("waits for", event);
    }
    for emits in &entry.emits {
        let keys = emits.keys.iter().flatten().cloned().collect::<Vec<_>>();
        line(
            "emits",
            &format!("{} {{ {} }}", emits.event_type, keys.join(", ")),
        );
    }
    text
}

fn links(lineage: &Lineage) -> String {
    let mut text = String::new();
    for link in &lineage.links {
        let _ = writeln!(text, "{}", link_line(link));
    }
    if text.is_empty() {
        text.push_str("no flow feeds another\n");
    }
    for (flow, fields) in &lineage.fields {
        let _ = writeln!(text, "\nfields of {flow} that are copies");
        for FieldLink { to, from } in fields {
            let _ = writeln!(text, "  {to} <- {from}");
        }
    }
    text
}

fn link_line(link: &Link) -> String {
    let end = |end: &Option<String>| end.clone().unwrap_or_else(|| "(outside)".to_owned());
    let (from, to, by) = (end(&link.from), end(&link.to), &link.by);
    match link.kind {
        LinkKind::Event => format!("{from} -> {to}  event {by}"),
        LinkKind::Receive => format!("{from} -> {to}  event {by}, which a run waits for"),
        LinkKind::Run => format!("{from} -> {to}  runs {by}"),
    }
}
