//! What is different between two states of a repository.

use crate::support::{cases, compile, render, tests};
use dowel_flow::changes::{Changes, State, compare_flow};
use dowel_flow::environment::{self, Environment};
use dowel_flow::plan::Plan;

fn plan(flow: &str) -> Plan {
    match compile(flow) {
        Ok(compiled) => compiled.plan,
        Err(found) => panic!("{flow}\n{}", render(&found)),
    }
}

fn environment(text: &str) -> Environment {
    match environment::parse("environments/prod.yaml", text) {
        Ok(environment) => environment,
        Err(found) => panic!("{}", render(&found)),
    }
}

const PROD: &str = "\
environment: prod
triggers: { order-to-invoice: { webhook: { verify_secret: shop_hook } } }
connections:
  crm:
    connector: crm
    config: { base_url: 'https://api.example.com' }
    auth: { bearer: { token: { secret: crm_key } }, origins: ['https://api.example.com'] }
    allow: ['GET https://api.example.com/*']
values: { region: eu }
";

#[test]
fn every_kind_of_change_of_a_flow_is_told() {
    let (_, old) = cases("picture").remove(0);
    let edits = [
        ("version: 2.3.0", "version: 3.0.0"),
        ("owner: order-ops@example.com", "owner: sales@example.com"),
        ("path: /orders", "path: /new-orders"),
        ("cron: '30 9 * * mon-fri'", "cron: '0 10 * * mon-fri'"),
        (
            "  told: { event: { type: com.example.order.placed } }\n",
            "",
        ),
        (
            "total: '100.00', lines: []",
            "total: '${ $run.id }', lines: [1, '${ $run.id }']",
        ),
        (
            "dgt($vars.total; \"10000.00\")",
            "dgt($vars.total; \"5000.00\")",
        ),
        ("within: 2d", "within: 3d"),
        ("sku: B", "sku: C"),
        ("wait: 2h", "wait: 3h"),
        ("kinds: [rejected, not-found]", "kinds: [rejected]"),
        ("code: given-up", "code: not-billed"),
        ("join: any", "join: all"),
        ("order.refused", "order.denied"),
        ("payment.received", "payment.booked"),
        ("charge-customer@^1.1", "charge-customer@^1.2"),
        ("parallel: 4", "parallel: 8"),
        ("fail_above: 1.5%", "fail_above: 3%"),
        (
            "id: a_step_with_a_name_that_is_much_too_long_for_its_box",
            "id: shorter",
        ),
    ];
    let mut new = old.clone();
    for (from, to) in edits {
        assert!(new.contains(from), "{from}");
        new = new.replace(from, to);
    }
    let (old, new) = (plan(&old), plan(&new));
    let changes = Changes::between(
        State {
            plans: std::slice::from_ref(&old),
            environment: None,
        },
        State {
            plans: std::slice::from_ref(&new),
            environment: None,
        },
    );
    expect_test::expect_file![tests().join("changes/flow.txt")].assert_eq(&changes.text());
    expect_test::expect_file![tests().join("changes/flow.md")].assert_eq(&changes.markdown());
}

#[test]
fn a_step_that_moves_is_the_same_step() {
    let flow = |steps: &str| {
        plan(&format!(
            "language: dowel/v1\nflow: order-to-invoice\nversion: 1.0.0\ntrigger: {{ manual: {{}} }}\nsteps:\n{steps}"
        ))
    };
    let old = flow(
        "  - { id: a, set: { x: 1 } }\n  - { id: b, set: { x: 1 } }\n  - { id: c, wait: 1s }\n",
    );
    let new = flow(
        "  - { id: c, wait: 1s }\n  - { id: a, set: { x: 1 } }\n  - { id: loop, for_each: { in: [1], steps: [{ id: b, set: { x: 1 } }] } }\n",
    );
    let change = compare_flow(Some(&old), Some(&new)).unwrap();
    let told: Vec<String> = change
        .steps
        .iter()
        .map(|one| format!("{:?} {} {:?} {:?}", one.kind, one.subject, one.from, one.to))
        .collect();
    expect_test::expect![[r#"
        Moved step c Some("steps") Some("steps")
        Added step loop None Some("for_each [1]")
        Moved step b Some("steps") Some("loop, for each item")"#]]
    .assert_eq(&told.join("\n"));
    assert_eq!(compare_flow(Some(&old), Some(&old)), None);
    assert_eq!(compare_flow(None, None), None);
}

#[test]
fn places_and_comments_are_no_change() {
    let (_, text) = cases("picture").remove(0);
    let moved = text.replace("steps:\n  - id: totals", "# said\nsteps:\n\n  - id: totals");
    assert_ne!(text, moved);
    assert_eq!(compare_flow(Some(&plan(&text)), Some(&plan(&moved))), None);
}

#[test]
fn what_is_gained_and_lost_in_an_environment() {
    let new = "\
environment: prod
triggers: { order-to-invoice: { webhook: { verify_secret: [shop_hook, shop_hook_2] } } }
flows: { order-to-invoice: { enabled: false } }
events: { senders: { shop: { verify_secret: shop_events, types: [com.example.*] } } }
connections:
  crm:
    connector: crm
    config: { base_url: 'https://api2.example.com' }
    auth: { bearer: { token: { secret: crm_key_2 } }, origins: ['https://api2.example.com'] }
    allow: ['GET,POST https://api2.example.com/*']
    limits: { rate: 10/s }
  erp:
    connector: erp
    config: {}
    auth: { api_key: { header: X-Key, key: { secret: erp_key } }, origins: ['https://10.0.0.5'] }
    allow: ['POST https://10.0.0.5/*']
    private_addresses: [10.0.0.0/8]
values: { region: us, level: 3 }
retention: { succeeded: 7d }
";
    let (old, new) = (environment(PROD), environment(new));
    let changes = Changes::between(
        State {
            plans: &[],
            environment: Some(&old),
        },
        State {
            plans: &[],
            environment: Some(&new),
        },
    );
    expect_test::expect_file![tests().join("changes/environment.txt")].assert_eq(&changes.text());
    let nothing = Changes::between(
        State {
            plans: &[],
            environment: Some(&old),
        },
        State {
            plans: &[],
            environment: Some(&old),
        },
    );
    assert!(nothing.is_empty(), "{nothing:?}");
}

#[test]
fn where_secrets_and_tokens_come_from_and_go_to_is_a_capability() {
    let written = |file: &str, server: &str, tls: &str| {
        environment(&format!(
            "\
environment: prod
secrets: {{ age: {{ file: {file}, identity_file: identity }} }}
connections:
  crm:
    connector: crm
    auth:
      oauth2_client_credentials:
        token_url: https://{server}/token
        client_id: {{ secret: crm_id }}
        client_secret: {{ secret: crm_word }}
      origins: ['https://api.example.com']
    tls: {tls}
"
        ))
    };
    let old = written("one.age", "id.example.com", "{ ca: PEM }");
    let pair = "{ certificate: { secret: crm_certificate }, key: { secret: crm_key } }";
    let new = written("two.age", "other.example.com", pair);
    let state = |environment| State {
        plans: &[],
        environment: Some(environment),
    };
    let text = Changes::between(state(&old), state(&new)).text();
    for expected in [
        "+ connection crm asks https://other.example.com/token for access tokens",
        "- connection crm asks https://id.example.com/token for access tokens",
        "+ connection crm uses the secret `crm_certificate`",
        "- connection crm trusts an authority of its own",
        "+ secrets are read from the age file two.age",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}

#[test]
fn flows_come_and_go_and_markup_stays_text() {
    let flow = plan(
        "language: dowel/v1\nflow: order-to-invoice\nversion: 1.0.0\ndescription: 'a | <b> `c`'\n\
         trigger: { manual: {} }\nsteps:\n  - { id: a, set: { x: 'one | <script> ``two``' } }\n",
    );
    let other = plan(
        "language: dowel/v1\nflow: order-to-invoice\nversion: 1.0.0\ndescription: '@all'\n\
         trigger: { manual: {} }\nsteps:\n  - { id: a, set: { x: 'two' } }\n",
    );
    let between = |old: &[Plan], new: &[Plan]| {
        Changes::between(
            State {
                plans: old,
                environment: None,
            },
            State {
                plans: new,
                environment: None,
            },
        )
        .markdown()
    };
    let (one, two) = (std::slice::from_ref(&flow), std::slice::from_ref(&other));
    let text = [between(&[], one), between(one, &[]), between(one, two)].join("\n----\n");
    expect_test::expect_file![tests().join("changes/come-and-go.md")].assert_eq(&text);
}
