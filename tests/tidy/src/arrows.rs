//! Who may depend on whom, over what cargo says. Only normal dependencies count: a
//! test may look wherever it wants.

use crate::Violation;
use std::collections::{BTreeMap, BTreeSet};

mod graph;
mod rules;

pub use graph::Graph;
pub use rules::{ALLOWED, ONLY, PURE, UNREACHABLE};

/// Checks the arrows between workspace crates and to third-party crates.
pub fn check(graph: &Graph) -> Vec<Violation> {
    let mut violations = inner(&graph.direct, &graph.members);
    violations.extend(owned(graph));
    violations.extend(pure(graph));
    violations
}

/// Arrows between workspace crates.
fn inner(
    direct: &BTreeMap<String, BTreeSet<String>>,
    members: &BTreeSet<String>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in members {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| name == member) else {
            violations.push(format!(
                "{member}: has no line in tests/tidy/src/arrows/rules.rs"
            ));
            continue;
        };
        let inner = direct.get(member).into_iter().flatten();
        let inner = inner.filter(|name| members.contains(*name));
        let wrong = inner.filter(|name| !allowed.contains(&name.as_str()));
        violations.extend(wrong.map(|name| format!("{member}: must not depend on {name}")));
    }
    violations
}

/// Third-party crates that only one place may know.
fn owned(graph: &Graph) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (prefix, owners) in ONLY {
        for (member, dependencies) in &graph.direct {
            let known = dependencies.iter().any(|name| is_of(name, prefix));
            let is_ours = rules::HOST.contains(&member.as_str());
            if known && is_ours && !owners.contains(&member.as_str()) {
                violations.push(format!("{member}: only {owners:?} may know {prefix}"));
            }
        }
    }
    violations
}

/// Crates that reach no runtime, network, file system or clock, however far.
fn pure(graph: &Graph) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in PURE {
        let reached = graph.reach(member);
        let wrong = reached
            .iter()
            .filter(|name| UNREACHABLE.contains(&name.as_str()));
        violations.extend(wrong.map(|name| format!("{member}: reaches {name}")));
    }
    violations
}

/// Whether a crate is `prefix` or one of its family, as `wasmtime-wasi` of `wasmtime`.
fn is_of(name: &str, prefix: &str) -> bool {
    let rest = name.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(arrows: &[(&str, &[&str])]) -> Vec<Violation> {
        let members = arrows.iter().map(|(name, _)| *name);
        let members = members.filter(|name| name.starts_with("dowel-") || *name == "xtask");
        check(&Graph::planted(members, arrows))
    }

    #[test]
    fn the_drawn_arrows_pass() {
        let arrows: &[(&str, &[&str])] = &[
            ("dowel-api", &["dowel-engine", "dowel-core", "axum"]),
            ("dowel-core", &["serde"]),
            ("dowel-engine", &["dowel-flow", "dowel-core", "tokio"]),
            ("dowel-flow", &["dowel-core"]),
            ("dowel-wasm", &["wasmtime", "wasmtime-wasi", "dowel-core"]),
        ];
        assert_eq!(violations(arrows), Vec::<String>::new());
    }

    #[test]
    fn wrong_arrows_are_found() {
        let one = |from: &str, to: &str| {
            let arrows: &[(&str, &[&str])] = &[(from, &[to]), (to, &[])];
            violations(arrows)
        };
        for (from, to) in [
            ("dowel-core", "dowel-flow"),
            ("dowel-flow", "dowel-engine"),
            ("dowel-engine", "dowel-wasm"),
            ("dowel-wasm", "dowel-store-sled"),
            ("dowel-api", "dowel-wasm"),
            ("dowel-cli", "dowel-sdk"),
            ("dowel-wasm", "dowel-connector-http"),
            ("dowel-connector-http", "dowel-core"),
            ("xtask", "dowel-core"),
            ("dowel-engine", "wasmtime"),
            ("dowel-cli", "wasmtime-wasi"),
            ("dowel-cli", "axum"),
            ("dowel-engine", "sled"),
        ] {
            assert_eq!(one(from, to).len(), 1, "{from} -> {to}");
        }
        assert_eq!(
            one("dowel-stranger", "serde").len(),
            1,
            "every crate has a line"
        );
    }

    #[test]
    fn purity_is_checked_through_others() {
        let arrows: &[(&str, &[&str])] = &[
            ("dowel-core", &["innocent"]),
            ("innocent", &["tokio"]),
            ("tokio", &[]),
        ];
        assert_eq!(violations(arrows), ["dowel-core: reaches tokio"]);
    }
}
