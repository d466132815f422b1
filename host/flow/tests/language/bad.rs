//! Golden cases: what a user sees for each way to get a flow wrong.

use crate::support::{cases, compile, expect, render};
use dowel_core::code;
use std::collections::BTreeSet;

#[test]
fn bad_flows() {
    let cases = cases("bad");
    assert!(cases.len() >= 50, "only {} cases", cases.len());
    for (name, flow) in cases {
        let found = match compile(&flow) {
            Ok(compiled) => {
                assert!(name.starts_with("warning-"), "{name} compiles");
                assert!(!compiled.warnings.is_empty(), "{name} has no warning");
                compiled.warnings
            }
            Err(found) => {
                assert!(!name.starts_with("warning-"), "{name}: {}", render(&found));
                found
            }
        };
        for one in &found {
            assert!(
                one.code.entry().is_some(),
                "{name}: {} has no entry",
                one.code
            );
            assert!(one.position.line >= 1 && one.position.column >= 1);
        }
        let mut places: Vec<_> = found.iter().map(|one| one.position.clone()).collect();
        let reported = places.clone();
        places.sort();
        assert_eq!(places, reported, "{name} is not in order of place");
        expect("bad", &name, &render(&found));
    }
}

/// Files that are too large or too strange to keep beside the others.
#[test]
fn bad_files() {
    let one = |text: &str| compile(text).unwrap_err().remove(0).code;
    assert_eq!(one(&"#".repeat((1 << 20) + 1)), code::flow::FILE_TOO_LARGE);
    assert_eq!(
        one(&format!("{}{}", "[".repeat(65), "]".repeat(65))),
        code::flow::TOO_DEEP
    );
    assert_eq!(one(&"[".repeat(100_000)), code::flow::TOO_DEEP);
    assert_eq!(one("\u{feff}a: 1"), code::flow::BYTE_ORDER_MARK);
    let steps: String = (0..1001)
        .map(|n| format!("  - id: s{n}\n    return: 1\n"))
        .collect();
    let head = "language: dowel/v1\nflow: order-to-invoice\nversion: 1.0.0\ntrigger: { manual: {} }\nsteps:\n";
    assert_eq!(one(&format!("{head}{steps}")), code::flow::OUT_OF_RANGE);
    assert_eq!(one(""), code::flow::YAML_SYNTAX);
}

/// The golden cases together show every code that a flow can raise.
#[test]
fn every_code_has_a_case() {
    let mut seen = BTreeSet::new();
    for folder in ["bad", "calendar", "environment", "flow-tests"] {
        for entry in std::fs::read_dir(crate::support::tests().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "txt") {
                let text = std::fs::read_to_string(path).unwrap();
                let codes = text
                    .lines()
                    .filter_map(|line| line.split_once('[')?.1.split_once(']'));
                seen.extend(codes.map(|(code, _)| code.to_owned()));
            }
        }
    }
    let elsewhere = [
        code::flow::FILE_TOO_LARGE,
        code::flow::TOO_DEEP,
        code::flow::BYTE_ORDER_MARK,
        // Raised by the runner of tests.
        code::flow::MOCK_MISSING,
        code::flow::MOCK_USED_UP,
        // Raised by the policy file, which `policy.rs` checks.
        code::reference::PERSON_REPEATED,
        // Raised by the engine.
        code::flow::PLAN_UNUSABLE,
    ];
    let entries = code::flow::ENTRIES.iter().chain(code::reference::ENTRIES);
    let missing: Vec<String> = entries
        .filter(|entry| !elsewhere.contains(&entry.code))
        .map(|entry| entry.code.to_string())
        .filter(|code| !seen.contains(code))
        .collect();
    assert!(missing.is_empty(), "no golden case shows {missing:?}");
}
