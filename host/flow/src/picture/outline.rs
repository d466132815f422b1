//! The picture as indented text.

use super::scene::{Inside, Lane, Scene, Shown};
use std::fmt::Write as _;

/// Writes the picture.
pub(super) fn write(scene: &Scene) -> String {
    let mut out = format!("{}@{}\n", scene.flow, scene.version);
    for entry in &scene.triggers {
        let _ = writeln!(out, "  begins with {}: {}", entry.name, entry.detail);
    }
    block(&mut out, 1, &scene.steps);
    if let Some(output) = &scene.output {
        let _ = writeln!(out, "  yields {output}");
    }
    if let Some(failure) = &scene.on_failure {
        let _ = writeln!(out, "  on failure {failure}");
    }
    out
}

fn block(out: &mut String, depth: usize, steps: &[Shown]) {
    for step in steps {
        let indent = "  ".repeat(depth);
        let _ = writeln!(out, "{indent}{}", step.alternative());
        match &step.inside {
            Inside::Nothing => {}
            Inside::Choice(lanes) => {
                for one in lanes {
                    let word = if one.label == "otherwise" { "" } else { "if " };
                    lane(out, depth + 1, word, one);
                }
            }
            Inside::Fork(lanes) => lanes
                .iter()
                .for_each(|one| lane(out, depth + 1, "branch ", one)),
            Inside::Loop { fetch, steps } => {
                block(
                    out,
                    depth + 1,
                    fetch.as_deref().map_or(&[], std::slice::from_ref),
                );
                block(out, depth + 1, steps);
            }
            Inside::Guard { steps, catch } => {
                block(out, depth + 1, steps);
                catch.iter().for_each(|one| lane(out, depth, "catch ", one));
            }
        }
    }
}

fn lane(out: &mut String, depth: usize, word: &str, lane: &Lane) {
    let indent = "  ".repeat(depth);
    let _ = writeln!(out, "{indent}{word}{}", lane.label);
    if lane.steps.is_empty() {
        let _ = writeln!(out, "{indent}  nothing");
    }
    block(out, depth + 1, &lane.steps);
}
