//! What `check` says of flows that could run, by the levels of the policy; and who uses what
//! will go.

use crate::support::{Connectors, FOLDER, checker};
use dowel_flow::catalogue::{catalogue, used_operations};
use dowel_flow::diagnostic::{Diagnostic, Severity};
use dowel_flow::lint::{LintContext, lint};
use dowel_flow::outline::Outlines;
use dowel_flow::plan::{Calendars, Plan};
use dowel_flow::policy::{self, Policy};
use dowel_flow::source::{Context, FlowFolder};
use expect_test::{Expect, expect};

const CALLER: &str = "language: dowel/v1
flow: order-to-invoice
version: 1.0.0
connections: { books: ledger@^1 }
trigger: { manual: {} }
steps:
  - id: book
    call: books.old-book
    compensate: { call: books.old-book }
  - id: all
    for_each: { in: [1, 2], steps: [{ id: charge, run: charge@^1 }] }
";

const CHARGE: &str = "language: dowel/v1
flow: charge
version: 1.2.0
owner: pay@example.com
deprecated: { since: 2026-02-01, until: 2026-05-31, use: charge-card@^2 }
trigger: { manual: {} }
steps:
  - { id: a, set: { x: 1 } }
";

fn folder(path: &str, text: &str) -> FlowFolder {
    FlowFolder {
        path: path.to_owned(),
        files: [("flow.yaml".to_owned(), text.to_owned())].into(),
    }
}

fn folders() -> [FlowFolder; 2] {
    [folder("flows/charge", CHARGE), folder(FOLDER, CALLER)]
}

fn levels(text: &str) -> Policy {
    policy::parse("policy.yaml", &format!("groups: {{}}\n{text}")).unwrap()
}

fn findings(policy: &Policy, today: &str) -> Vec<Diagnostic> {
    let folders = folders();
    let context = LintContext {
        policy,
        flows: &Outlines::of(&folders),
        catalogue: &Connectors::new(),
        today: today.parse().unwrap(),
    };
    let found = folders.iter().flat_map(|folder| lint(folder, context));
    found.collect()
}

fn check(lint: &str, today: &str, expected: &Expect) {
    let found = findings(&levels(lint), today);
    let line = |one: &Diagnostic| {
        let severity = match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (position, message) = (&one.position, &one.message);
        format!("{severity}[{}] {position}: {message}\n", one.code)
    };
    expected.assert_eq(&found.iter().map(line).collect::<String>());
}

#[test]
fn without_a_word_only_what_goes_is_said() {
    check(
        "",
        "2026-03-01",
        &expect![[r#"
            warning[DWL-1306] flows/order-to-invoice/flow.yaml:8:11: the operation `old-book` of ledger 1.0.0 is deprecated since 2026-01-01, to go after 2026-06-30
            warning[DWL-1306] flows/order-to-invoice/flow.yaml:9:25: the operation `old-book` of ledger 1.0.0 is deprecated since 2026-01-01, to go after 2026-06-30
            warning[DWL-1305] flows/order-to-invoice/flow.yaml:11:56: the flow `charge` is deprecated since 2026-02-01, to go after 2026-05-31
        "#]],
    );
    check("lint: { deprecated: off }", "2026-03-01", &expect![""]);
}

#[test]
fn the_last_day_is_the_last_one() {
    let lint = "lint: { deprecated: off, expired: deny }";
    check(lint, "2026-05-31", &expect![""]);
    check(
        lint,
        "2026-06-01",
        &expect![[r#"
            error[DWL-1307] flows/charge/flow.yaml:5:13: the flow is deprecated since 2026-02-01, to go after 2026-05-31; use charge-card@^2, and that day has passed
            error[DWL-1307] flows/order-to-invoice/flow.yaml:11:56: the flow `charge` is deprecated since 2026-02-01, to go after 2026-05-31, and that day has passed
        "#]],
    );
    let help = findings(&levels(lint), "2026-06-01").remove(1).help;
    assert_eq!(help.as_deref(), Some("use charge-card@^2"));
}

#[test]
fn the_policy_says_what_every_flow_has() {
    check(
        "lint: { owner: deny, runbook: warn, sla: 'off', deprecated: off, expired: off }",
        "2026-07-01",
        &expect![[r#"
            warning[DWL-1303] flows/charge/flow.yaml:2:7: the flow has no runbook
            error[DWL-1302] flows/order-to-invoice/flow.yaml:2:7: nobody answers for the flow
            warning[DWL-1303] flows/order-to-invoice/flow.yaml:2:7: the flow has no runbook
        "#]],
    );
    check(
        "lint: { sla: warn, deprecated: off, expired: off }",
        "2026-07-01",
        &expect![[r#"
            warning[DWL-1304] flows/charge/flow.yaml:2:7: the flow promises nothing
            warning[DWL-1304] flows/order-to-invoice/flow.yaml:2:7: the flow promises nothing
        "#]],
    );
    let wrong = policy::parse("policy.yaml", "groups: {}\nlint: { owner: no }").unwrap_err();
    assert_eq!(wrong[0].position.line, 2);
}

fn plans() -> Vec<Plan> {
    let folders = folders();
    let context = Context {
        catalogue: &Connectors::new(),
        checker: checker(),
        calendars: &Calendars::new(),
        policy: &Policy::default(),
        flows: &Outlines::of(&folders),
        commit: None,
    };
    let plan = |folder| dowel_flow::compile(folder, context).unwrap().plan;
    folders.iter().map(plan).collect()
}

#[test]
fn callers_are_counted() {
    let plans = plans();
    // What a host stored before is read as it was.
    let stored = serde_json::to_string(&plans[0]).unwrap();
    let read: Plan = serde_json::from_str(&stored).unwrap();
    assert_eq!(read.deprecated, plans[0].deprecated);
    let plans: Vec<&Plan> = plans.iter().collect();
    let entries = catalogue(&plans);
    let of = |flow: &str| entries.iter().find(|entry| entry.flow == flow).unwrap();
    assert!(of("order-to-invoice").callers.is_empty());
    let charge = serde_json::to_value(of("charge")).unwrap();
    assert_eq!(charge["deprecated"]["use"], "charge-card@^2");
    expect![[r#"[{"flow":"order-to-invoice","version":"1.0.0","steps":1}]"#]].assert_eq(
        &charge["callers"].to_string().replace(
            r#"{"flow":"order-to-invoice","steps":1,"version":"1.0.0"}"#,
            r#"{"flow":"order-to-invoice","version":"1.0.0","steps":1}"#,
        ),
    );
    let operations = used_operations(&plans);
    assert_eq!(operations.len(), 1);
    let book = &operations[0];
    assert_eq!(
        (book.connector.as_str(), book.callers[0].steps),
        ("ledger", 2)
    );
    assert!(book.deprecated.is_some());
}
