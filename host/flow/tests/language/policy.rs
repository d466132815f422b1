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

#[test]
fn roles_reach_people_by_name_by_group_and_by_the_groups_of_the_provider() {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/examples/policy.yaml"
    ));
    let policy = policy::parse("policy.yaml", &text.unwrap()).unwrap();
    let of = |person: &str, groups: &[&str]| {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let grants = policy.grants_of(person, &groups);
        let grants: Vec<String> = grants.iter().map(ToString::to_string).collect();
        grants.join("; ")
    };
    assert_eq!(
        of("Ana@Example.com", &[]),
        "operator for flows team=finance"
    );
    assert_eq!(
        of("eve@example.com", &["idp-finance"]),
        "operator for flows team=finance"
    );
    assert_eq!(
        of("eve@example.com", &["finance"]),
        "",
        "that is no name of the provider"
    );
    assert_eq!(of("lea@example.com", &[]), "approver");
    assert_eq!(of("sam@example.com", &[]), "deployer in prod,staging");
    assert_eq!(of("nobody@example.com", &[]), "");
}

#[test]
fn roles_are_kept_apart_where_they_count() {
    use dowel_core::access::{Grant, Role};
    let text = "groups: {}\nseparate: [[deployer, approver], [admin, approver]]\n";
    let policy = policy::parse("policy.yaml", text).unwrap();
    let (deployer, approver) = (
        Grant::everywhere(Role::Deployer),
        Grant::everywhere(Role::Approver),
    );
    let both = policy.together(&[deployer.clone(), approver.clone()], "prod");
    assert_eq!(
        both.into_iter().collect::<Vec<_>>(),
        [Role::Approver, Role::Deployer]
    );
    assert!(
        policy
            .together(&[deployer, Grant::everywhere(Role::Admin)], "prod")
            .is_empty()
    );
    let elsewhere = Grant {
        environments: ["dev".to_owned()].into(),
        ..Grant::everywhere(Role::Deployer)
    };
    assert!(policy.together(&[elsewhere, approver], "prod").is_empty());
}

#[test]
fn groups_of_roles_have_to_be_there() {
    check(
        "groups: {}\nroles: [{ role: viewer, groups: [finance] }]\n",
        &["DWL-1240", "policy.yaml:2:34"],
    );
    check(
        "groups: {}\nidentity_groups: { finance: [x] }\n",
        &["DWL-1240", "policy.yaml:2:20"],
    );
    check(
        "groups: {}\nroles: [{ role: root }]\n",
        &["policy.yaml:2:17", "viewer"],
    );
}
