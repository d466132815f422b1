//! Test files beside flows: what a user sees for each way to get one wrong, and edits.

use crate::support::{cases, compile, expect, folder, render};
use dowel_core::JsonText;
use dowel_flow::flow_test::{Edit, Path, Segment, Suite, TEST_FILE, append, apply, parse};
use expect_test::expect as shown;

const FLOW: &str = "\
language: dowel/v1
flow: order-to-invoice
version: 1.0.0
connections: { crm: crm@^2.1, erp: erp@^1.3 }
trigger: { manual: { schema: schemas/order.json } }
steps:
  - id: customer
    call: crm.get-contact
    with: { id: '${ $trigger.customer_id }' }
  - id: route
    switch:
      cases:
        - if: '${ $env.big }'
          steps:
            - id: refuse
              fail: { kind: rejected, code: too-big, message: Too big. }
  - id: lines
    for_each:
      in: '${ $trigger.lines }'
      steps:
        - id: line
          call: erp.create-invoice
          with: { customer: '${ $steps.customer.erp_id }', lines: [] }
  - id: payment
    receive:
      type: com.example.payment.received
      match: { event: '${ .data.order_id }', value: '${ $trigger.order_id }' }
";

fn read(text: &str) -> Result<Suite, String> {
    let plan = match compile(FLOW) {
        Ok(compiled) => compiled.plan,
        Err(found) => panic!("{}", render(&found)),
    };
    let mut folder = folder(FLOW);
    folder.files.insert(TEST_FILE.to_owned(), text.to_owned());
    parse(&folder, &plan, &[])
        .unwrap()
        .map_err(|found| render(&found))
}

#[test]
fn test_files() {
    let cases = cases("flow-tests");
    assert!(cases.len() >= 10, "only {} cases", cases.len());
    for (name, text) in cases {
        let shown = match read(&text) {
            Ok(suite) => {
                let good = name.starts_with("good") || name.starts_with("warning");
                assert!(good, "{name} is accepted");
                let mut out = render(&suite.warnings);
                for case in &suite.cases {
                    out.push_str(&format!("{case:#?}\n"));
                }
                out
            }
            Err(shown) => {
                assert!(!name.starts_with("good"), "{name}:\n{shown}");
                shown
            }
        };
        expect("flow-tests", &name, &shown);
    }
}

const FILE: &str = "\
# Tests of the flow.
tests: dowel/v1
cases:
  - name: one   # the first
    expect:
      status: succeeded   # of course
      output: { a: 'x', b: [1, 2] } # all of it
      calls:
        # the customer first
        - { call: crm.get-contact, attempts: 1 }
        - call: erp.create-invoice
          with:
            customer: C-7   # from the CRM
      emitted: []

# The end.
";

fn edit(path: &[Segment], value: &str) -> Edit {
    Edit {
        case: 0,
        path: Path(path.to_vec()),
        value: JsonText::parse(value).unwrap(),
    }
}

#[test]
fn edits_leave_the_rest_as_it_is() {
    let expect: Segment = "expect".into();
    let edits = [
        edit(&[expect.clone(), "status".into()], "\"parked\""),
        edit(&[expect.clone(), "output".into(), "a".into()], "1.10"),
        edit(
            &[expect.clone(), "output".into(), "b".into()],
            r#"[{"it's":"${ x }"},"no","1.0",null]"#,
        ),
        edit(
            &[
                expect.clone(),
                "calls".into(),
                Segment::Index(0),
                "attempts".into(),
            ],
            "3",
        ),
        edit(
            &[
                expect.clone(),
                "calls".into(),
                Segment::Index(1),
                "with".into(),
                "customer".into(),
            ],
            "\"line\\nbreak\"",
        ),
        edit(&[expect, "emitted".into()], r#"["com.example.a"]"#),
    ];
    shown![[r##"
        # Tests of the flow.
        tests: dowel/v1
        cases:
          - name: one   # the first
            expect:
              status: parked   # of course
              output: { a: 1.10, b: [{ 'it''s': '$${ x }' }, 'no', '1.0', null] } # all of it
              calls:
                # the customer first
                - { call: crm.get-contact, attempts: 3 }
                - call: erp.create-invoice
                  with:
                    customer: "line\nbreak"   # from the CRM
              emitted: [com.example.a]

        # The end.
    "##]]
    .assert_eq(&apply(FILE, &edits).unwrap());
}

#[test]
fn a_list_is_replaced_as_a_whole() {
    let calls = r#"[{"call":"crm.get-contact"},{"call":"erp.create-invoice","with":{"customer":"C-8","lines":[{"sku":"a long name of an article","qty":100},{"sku":"another long name of an article","qty":1}]}}]"#;
    let edits = [edit(&["expect".into(), "calls".into()], calls)];
    shown![[r#"
        # Tests of the flow.
        tests: dowel/v1
        cases:
          - name: one   # the first
            expect:
              status: succeeded   # of course
              output: { a: 'x', b: [1, 2] } # all of it
              calls:
                # the customer first
                - { call: crm.get-contact }
                - call: erp.create-invoice
                  with:
                    customer: C-8
                    lines:
                      - { sku: a long name of an article, qty: 100 }
                      - { sku: another long name of an article, qty: 1 }   # from the CRM
              emitted: []

        # The end.
    "#]]
    .assert_eq(&apply(FILE, &edits).unwrap());
}

#[test]
fn an_empty_expectation_is_filled_in() {
    let file = "tests: dowel/v1\ncases:\n  - name: one\n    expect: {}\n";
    let value = r#"{"status":"succeeded","calls":[{"call":"crm.get-contact"}]}"#;
    let filled = apply(file, &[edit(&["expect".into()], value)]).unwrap();
    shown![[r#"
        tests: dowel/v1
        cases:
          - name: one
            expect:
              status: succeeded
              calls: [{ call: crm.get-contact }]
    "#]]
    .assert_eq(&filled);
}

#[test]
fn cases_are_added_at_the_end() {
    let case = JsonText::parse(r#"{"name":"two","expect":{"status":"failed"}}"#).unwrap();
    shown![[r#"
        tests: dowel/v1
        cases:
          - { name: two, expect: { status: failed } }
    "#]]
    .assert_eq(&append(None, &case).unwrap());
    let added = append(Some(FILE), &case).unwrap();
    assert!(added.starts_with(FILE.split("\n\n# The end").next().unwrap()));
    assert!(added.ends_with("\n\n# The end.\n"));
    assert!(append(Some("tests: dowel/v1\ncases: []\n"), &case).is_err());
    let deep =
        r#"{"name":"three","given":{"trigger":{"lines":[{"a":1}]}},"expect":{"status":"failed"}}"#;
    shown![[r#"
        tests: dowel/v1
        cases:
          - name: three
            given:
              trigger:
                lines: [{ a: 1 }]
            expect: { status: failed }
    "#]]
    .assert_eq(&append(None, &JsonText::parse(deep).unwrap()).unwrap());
}

#[test]
fn every_text_survives_an_edit() {
    let texts = [
        "",
        " ",
        "a b",
        "a ",
        " a",
        "it's",
        "x: y",
        "- a",
        "#",
        "null",
        "~",
        "yes",
        "1",
        "1.0",
        "0x1",
        "${a}",
        "$${a}",
        "a\tb",
        "ä€😀",
        "\u{1}",
        "line\n",
        "'",
        "\"",
        "\\",
        "[",
        "{",
        "&a",
        "*a",
        "!a",
        "%",
        "@",
        "`",
        "a#b",
        "a: ",
        "x #y",
    ];
    for text in texts {
        let value = JsonText::array([&JsonText::string(text)]);
        let object = JsonText::object([(text, &value)]);
        for value in [JsonText::string(text), object] {
            let edit = Edit {
                case: 0,
                path: Path(vec!["expect".into(), "output".into()]),
                value,
            };
            // What cannot be read back as it was meant is an error.
            apply(FILE, &[edit]).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        }
    }
}
