//! Real runs as test cases, and what expressions see in them.

use crate::flow_tests::Repository;
use crate::world::{World, order};
use expect_test::expect;

const TESTS: &str = "\
tests: dowel/v1
cases:
  - name: a plain order
    given: { trigger: fixtures/order.json }
    mocks:
      crm.get-contact: { return: { id: C-1042, name: Ada Lovelace, email: null, erp_id: K-77 } }
      erp.create-invoice: { return: { id: INV-1, number: 1, status: open } }
    expect: { status: succeeded }
";

#[test]
fn an_expression_sees_what_a_step_of_a_case_sees() {
    let repository = Repository::new(TESTS);
    let see = |expression: &str, at: &[&str], shown: &str, code: i32| {
        let arguments = ["eval", expression, "--case", "a plain order"];
        let (text, found) = repository.run(&[&arguments[..], at].concat());
        assert_eq!(
            (text.trim_end(), found),
            (shown, Some(code)),
            "{expression}"
        );
    };
    see(
        "$steps | keys",
        &[],
        r#"["announce","customer","invoice","totals"]"#,
        0,
    );
    see(
        "$steps | keys",
        &["--at", "invoice"],
        r#"["customer","totals"]"#,
        0,
    );
    see(".number", &["--at", "invoice"], "1", 0);
    see("$vars.total", &["--at", "announce"], "\"60.27\"", 0);
    see(
        "[$now, $run.generation]",
        &["--at", "totals"],
        r#"["2026-01-01T00:00:00.000Z",1]"#,
        0,
    );
    see("$trigger.lines[0].price", &["--at", "customer"], "19.99", 0);
    let none = "error: the run did not come to a step `refund`; it came to: announce, customer, invoice, totals";
    see(".", &["--at", "refund"], none, 3);
    let (text, code) = repository.run(&["eval", ".", "--case", "a plane order"]);
    assert_eq!(code, Some(3));
    assert!(text.contains("has a case `a plane order`"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_run_becomes_a_case_that_passes() {
    let world = World::start().await;
    let host = world.host();
    let story = world.order(&host, &order("4711")).await;
    let run = story["id"].as_str().unwrap().to_owned();
    let (status, _) = world
        .get(&host, &format!("/api/v1/runs/{run}/journal"))
        .await;
    assert_eq!(status, 200);
    let (status, _) = world.get(&host, "/api/v1/runs/0/journal").await;
    assert_eq!(status, 404);

    let repository = Repository::new(TESTS);
    std::fs::remove_file(repository.file()).unwrap();
    let (text, code) = repository.run(&["test", "--record", &run, "--host", &host.socket]);
    assert_eq!(code, Some(0), "{text}");
    let without_id = |text: &str| text.replace(&run, "<run>");
    expect![[r#"
        added the case `recorded run <run>` to flows/order-to-invoice/flow.test.yaml

        read it, give it a name of its own, and remove what it does not have to say
    "#]]
    .assert_eq(&without_id(&text));
    let written = std::fs::read_to_string(repository.file()).unwrap();
    let now = story["created_at"].as_str().unwrap();
    expect![[r#"
        tests: dowel/v1
        cases:
          - name: recorded run <run>
            given:
              trigger:
                order_id: '4711'
                customer_id: C-4711
                currency: EUR
                lines: [{ sku: A, qty: 3, price: '19.99' }, { sku: B, qty: 3, price: '0.10' }]
              now: '<now>'
            mocks:
              crm.get-contact:
                return: { id: C-4711, name: Contact C-4711, email: C-4711@example.com, erp_id: ERP-C-4711 }
              erp.create-invoice: { return: { id: INV-000001, number: '000001', status: open } }
            expect:
              status: succeeded
              output: { invoice_id: INV-000001, total: '60.27' }
              calls:
                - { call: crm.get-contact, with: { id: C-4711 } }
                - call: erp.create-invoice
                  with:
                    order_id: '4711'
                    customer: ERP-C-4711
                    currency: EUR
                    lines: [{ sku: A, qty: 3, amount: '59.97' }, { sku: B, qty: 3, amount: '0.30' }]
                    total: '60.27'
              emitted: [com.example.order.invoiced]
    "#]].assert_eq(&without_id(&written).replace(now, "<now>"));
    let (text, code) = repository.run(&["test"]);
    assert_eq!(code, Some(0), "{text}");

    let key = [
        "eval",
        "$trigger.order_id",
        "--at",
        "invoice",
        "--run",
        &run,
    ];
    let (text, code) = repository.run(&[&key[..], &["--host", &host.socket]].concat());
    assert_eq!((text.as_str(), code), ("\"4711\"\n", Some(0)));

    // The host is stopped: the data folder has the same run.
    assert_eq!(host.terminate(), Some(0));
    let data = world.data();
    let (text, code) = repository.run(&[&key[..], &["--data", data.to_str().unwrap()]].concat());
    assert_eq!((text.as_str(), code), ("\"4711\"\n", Some(0)));
}
