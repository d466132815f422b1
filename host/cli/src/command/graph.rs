//! `dowel graph`.

use crate::args::{Format, Graph};
use crate::{connectors, exit, output, wiring};
use anyhow::{Result, bail};
use dowel_flow::picture::{self, Look, Numbers, Scene, Style};
use dowel_flow::plan::Plan;
use std::process::ExitCode;

pub(crate) fn run(graph: &Graph, format: Format) -> Result<ExitCode> {
    let repository = &graph.repository;
    let folders = repository.flows(std::slice::from_ref(&graph.flow))?;
    let connectors = connectors::read_manifests(repository)?;
    let mapping = wiring::mapping(repository)?;
    let compiled = wiring::compile_all(repository, &folders, &connectors, &mapping)?;
    let [plan] = compiled.plans.as_slice() else {
        return Err(wiring::as_error(&compiled.findings));
    };
    output::print(format, &Scene::of(plan), &drawn(plan, format)?)?;
    Ok(exit::found(false))
}

fn drawn(plan: &Plan, format: Format) -> Result<String> {
    Ok(match format {
        Format::Human | Format::Json => picture::outline(plan),
        Format::Mermaid => picture::mermaid(plan),
        Format::Svg => picture::svg(
            plan,
            &Look {
                style: Style::Inside,
                numbers: &Numbers::new(),
                link: None,
            },
        ),
        Format::Markdown => bail!("a picture is printed as human, json, svg or mermaid"),
    })
}
