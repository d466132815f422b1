//! The policy file.

use crate::support::render;
use dowel_flow::policy;

fn check(text: &str, expected: &[&str]) {
    let found = policy::parse("policy.yaml", text).unwrap_err();
    let shown = render(&found);
    for part in expected {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn people_are_found_in_their_groups() {
    let text = "groups:\n  finance: [ana@example.com, Ben@example.com]\n  leads: [ben@example.com]\n  empty: []\n";
    let policy = policy::parse("policy.yaml", text).unwrap();
    assert_eq!(policy.groups_of("BEN@example.com"), ["finance", "leads"]);
    assert_eq!(policy.groups_of("oto@example.com"), Vec::<String>::new());
    assert_eq!(policy.groups.len(), 3);
}

#[test]
fn mistakes_have_a_code_and_a_place() {
    check(
        "groups: { finance: [ana@example.com, Ana@example.com] }\n",
        &["DWL-1244", "policy.yaml:1:38"],
    );
    check("group: {}\n", &["policy.yaml:1:1", "groups"]);
    check("groups: { Finance: [] }\n", &["policy.yaml:1:11"]);
    check("groups: { finance: [''] }\n", &["policy.yaml:1:21"]);
}
