//! Environment files.

use crate::support::{cases, expect, render};
use dowel_core::retention::RetentionRules;
use dowel_flow::environment::{Environment, EventAccess, Pins, parse};
use std::fmt::Write as _;

#[test]
fn environments() {
    for (name, text) in cases("environment") {
        let shown = match parse("environments/test.yaml", &text) {
            Ok(environment) => {
                assert!(name.starts_with("good"), "{name} is accepted");
                summary(&environment)
            }
            Err(found) => {
                assert!(!name.starts_with("good"), "{name}:\n{}", render(&found));
                render(&found)
            }
        };
        expect("environment", &name, &shown);
    }
}

#[test]
fn the_environments_of_the_repository_are_good() {
    let folder = crate::support::tests().join("../../../environments");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        if let Err(found) = parse("environment.yaml", &text) {
            panic!("{}:\n{}", path.display(), render(&found));
        }
    }
}

#[test]
fn the_smallest_environment_has_the_defaults() {
    let environment = parse("e.yaml", "environment: dev\n").unwrap();
    assert_eq!(environment.values.as_str(), "{}");
    assert!(environment.connections.is_empty() && environment.flows.is_empty());
}

fn summary(environment: &Environment) -> String {
    let mut out = format!("{} {}\n", environment.name, environment.values);
    for (flow, settings) in &environment.flows {
        writeln!(out, "flow {flow}: {settings:?}").unwrap();
    }
    if environment.pins != Pins::Head {
        writeln!(out, "{:?}", environment.pins).unwrap();
    }
    if let Some(promotion) = &environment.promotion {
        writeln!(out, "{promotion:?}").unwrap();
    }
    if environment.retention != RetentionRules::default() {
        writeln!(out, "{:?}", environment.retention).unwrap();
    }
    for ((flow, trigger), secrets) in &environment.hook_secrets.0 {
        let secrets = secrets.join(", ");
        writeln!(out, "{trigger} of {flow}: secret {secrets}").unwrap();
    }
    if environment.events != EventAccess::Nobody {
        writeln!(out, "events from {:?}", environment.events).unwrap();
    }
    for connection in &environment.connections {
        writeln!(out, "{connection:#?}").unwrap();
    }
    out
}
