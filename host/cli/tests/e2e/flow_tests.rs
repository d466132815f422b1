//! `dowel test` as a flow's author sees it.

use expect_test::{Expect, expect};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A repository with the flow of the demo and a test file.
pub(crate) struct Repository(TempDir);

impl Repository {
    pub(crate) fn new(tests: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let this = Self(folder);
        // Compiling the sandbox takes longer than all cases together.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flow-tests-cache");
        std::fs::create_dir_all(&cache).unwrap();
        std::fs::create_dir_all(this.0.path().join(".dowel")).unwrap();
        std::os::unix::fs::symlink(cache, this.0.path().join(".dowel/cache")).unwrap();
        for part in [
            "flow.yaml",
            "runbook.md",
            "schemas/order.json",
            "fixtures/order.json",
        ] {
            let to = this.flow().join(part);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(root().join("flows/order-to-invoice").join(part), to).unwrap();
        }
        std::fs::write(this.file(), tests).unwrap();
        this
    }

    fn flow(&self) -> PathBuf {
        self.0.path().join("flows/order-to-invoice")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.flow().join("flow.test.yaml")
    }

    fn dowel(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dowel"));
        command.args(arguments).current_dir(self.0.path());
        command.env(
            "DOWEL_CONNECTORS",
            root().canonicalize().unwrap().join(".dowel/connectors"),
        );
        command
    }

    /// What a command prints, and its exit code.
    pub(crate) fn run(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let output = self.dowel(arguments).output().unwrap();
        let mut text = String::from_utf8(output.stdout).unwrap();
        text.push_str(&String::from_utf8(output.stderr).unwrap());
        (without_times(&text), output.status.code())
    }

    pub(crate) fn check(&self, arguments: &[&str], code: i32, shown: &Expect) {
        let (text, found) = self.run(arguments);
        shown.assert_eq(&text);
        assert_eq!(found, Some(code), "{text}");
    }
}

/// How long a case took is nothing to compare.
fn without_times(text: &str) -> String {
    let line = |line: &str| match line.rsplit_once(" (") {
        Some((head, time)) if time.ends_with(" ms)") => format!("{head} (… ms)"),
        _ => line.to_owned(),
    };
    text.lines().map(|l| line(l) + "\n").collect()
}

const HEAD: &str = "\
tests: dowel/v1
mocks:
  crm.get-contact: { return: { id: C-1042, name: Ada Lovelace, email: null, erp_id: K-77 } }
cases:
";

/// A test file of these cases; a line break before the first one is only for the eye.
fn file(cases: &str) -> String {
    format!("{HEAD}{}", cases.trim_start_matches('\n'))
}

#[test]
fn a_wrong_value_is_shown_as_a_difference_with_the_story() {
    let repository = Repository::new(&file(
        "
  - name: an invoice of the wrong amount
    given: { trigger: fixtures/order.json }
    mocks: { erp.create-invoice: { return: { id: INV-1, number: 1, status: open } } }
    expect:
      status: succeeded
      calls:
        - { call: crm.get-contact, attempts: 2 }
        - call: erp.create-invoice
          with: { total: '60.28', lines: [{ sku: A-1, qty: 3, amount: '59.97' }], note: x }
      emitted: []
",
    ));
    repository.check(&["test"], 1, &expect![[r#"
        order-to-invoice
          FAIL  an invoice of the wrong amount (… ms)
                flows/order-to-invoice/flow.test.yaml:5:5

                expect.calls[0].attempts (line 11, column 46): - is expected, + came
                  - 2
                  + 1

                expect.calls[1].with.total (line 13, column 26)
                  - '60.28'
                  + '60.27'

                expect.calls[1].with.lines (line 13, column 42)
                    - { sku: A-1, qty: 3, amount: '59.97' }
                  + - { sku: B-2, qty: 3, amount: '0.30' }

                expect.calls[1].with.note (line 13, column 89)
                  - x
                  + (nothing)

                expect.emitted (line 14, column 16)
                  - []
                  + - com.example.order.invoiced

                run 019b76daa800710aadec89025cc1beeb is succeeded, 0 ms
                  flow order-to-invoice@1.0.0, trigger webhook, key 4711
                  accepted 2026-01-01T00:00:00.000Z
                  payload  {"order_id":"4711","customer_id":"C-1042","currency":"EUR","lines":[{"sku":"A-1","qty":3,"price":19.99},{"sku":"B-2","qty":3,"price":"0.10"}]}
                  - customer             crm.get-contact  succeeded, 0 ms
                      key    019b76daa800710aadec89025cc1beeb.customer.1
                      input  {"id":"C-1042"}
                      output {"id":"C-1042","name":"Ada Lovelace","email":null,"erp_id":"K-77"}
                  - totals               set  succeeded, 0 ms
                      output {"lines":[{"sku":"A-1","qty":3,"amount":"59.97"},{"sku":"B-2","qty":3,"amount":"0.30"}],"total":"60.27"}
                  - invoice              erp.create-invoice  succeeded, 0 ms
                      key    inv-4711-1
                      input  {"order_id":"4711","customer":"K-77","currency":"EUR","lines":[{"sku":"A-1","qty":3,"amount":"59.97"},{"sku":"B-2","qty":3,"amount":"0.30"}],"total":"60.27"}
                      output {"id":"INV-1","number":1,"status":"open"}
                  - announce             emit  succeeded, 0 ms
                      output {"order_id":"4711","invoice_id":"INV-1","total":"60.27"}
                  output   {"invoice_id":"INV-1","total":"60.27"}

        0 passed, 1 failed
    "#]]);
}

#[test]
fn a_call_without_a_mock_prints_a_stub() {
    let repository = Repository::new(&file(
        "  - name: no ERP\n    given: { trigger: fixtures/order.json }\n    expect: { status: succeeded }\n",
    ));
    repository.check(&["test"], 1, &expect![[r#"
        order-to-invoice
          FAIL  no ERP (… ms)
                flows/order-to-invoice/flow.test.yaml:5:5

                `erp.create-invoice` has no answer for the step `invoice`, called with {"order_id":"4711","customer":"K-77","currency":"EUR","lines":[{"sku":"A-1","qty":3,"amount":"59.97"},{"sku":"B-2","qty":3,"amount":"0.30"}],"total":"60.27"}
                to answer it, put this under `mocks` (made from the example of the operation):

                  erp.create-invoice: { return: { id: INV-1, number: 1, status: open } }

                run 019b76daa800710aadec89025cc1beeb is parked, 0 ms
                  flow order-to-invoice@1.0.0, trigger webhook, key 4711
                  accepted 2026-01-01T00:00:00.000Z
                  payload  {"order_id":"4711","customer_id":"C-1042","currency":"EUR","lines":[{"sku":"A-1","qty":3,"price":19.99},{"sku":"B-2","qty":3,"price":"0.10"}]}
                  - customer             crm.get-contact  succeeded, 0 ms
                      key    019b76daa800710aadec89025cc1beeb.customer.1
                      input  {"id":"C-1042"}
                      output {"id":"C-1042","name":"Ada Lovelace","email":null,"erp_id":"K-77"}
                  - totals               set  succeeded, 0 ms
                      output {"lines":[{"sku":"A-1","qty":3,"amount":"59.97"},{"sku":"B-2","qty":3,"amount":"0.30"}],"total":"60.27"}
                  - invoice              erp.create-invoice  failed, 0 ms
                      key    inv-4711-1
                      input  {"order_id":"4711","customer":"K-77","currency":"EUR","lines":[{"sku":"A-1","qty":3,"amount":"59.97"},{"sku":"B-2","qty":3,"amount":"0.30"}],"total":"60.27"}
                      attempt 1: not-sent, internal (DWL-1080): the case has no mock for `erp.create-invoice` that fits this call, 0 ms
                  error  internal (DWL-1080): the case has no mock for `erp.create-invoice` that fits this call
                  help   dowel explain DWL-1080

        0 passed, 1 failed
    "#]]);
}

#[test]
fn other_calls_than_expected_are_listed() {
    let repository = Repository::new(&file(
        "
  - name: a CRM that is away
    given: { trigger: fixtures/order.json }
    mocks: { crm.get-contact: [{ fail: unavailable, times: 2, retry_after: 1h }, { fail: not-found, message: No such contact. }] }
    expect:
      status: succeeded
      calls:
        - { call: crm.get-contact, attempts: 2 }
        - { call: erp.create-invoice, idempotency_key: inv-4711-1 }
      skipped: [announce]
",
    ));
    repository.check(
        &["test", "order-to-invoice", "--case", "*away"],
        1,
        &expect![[r#"
            order-to-invoice
              FAIL  a CRM that is away (… ms)
                    flows/order-to-invoice/flow.test.yaml:5:5

                    expect.status (line 9, column 15): - is expected, + came
                      - succeeded
                      + parked

                    expect.skipped (line 13, column 16)
                      - - announce
                      + []

                    expect.calls (line 11, column 9)
                      - - { call: crm.get-contact, attempts: 2 }
                      - - { call: erp.create-invoice, idempotency_key: inv-4711-1 }
                      + - { call: crm.get-contact, attempts: 3, idempotency_key: 019b76daa800710aadec89025cc1beeb.customer.1 }

                    run 019b76daa800710aadec89025cc1beeb is parked, 7200000 ms
                      flow order-to-invoice@1.0.0, trigger webhook, key 4711
                      accepted 2026-01-01T00:00:00.000Z
                      payload  {"order_id":"4711","customer_id":"C-1042","currency":"EUR","lines":[{"sku":"A-1","qty":3,"price":19.99},{"sku":"B-2","qty":3,"price":"0.10"}]}
                      - customer             crm.get-contact  failed, 7200000 ms
                          key    019b76daa800710aadec89025cc1beeb.customer.1
                          input  {"id":"C-1042"}
                          attempt 1: answered, unavailable (mock): the mock says unavailable, 0 ms, next at 2026-01-01T01:00:00.000Z
                          attempt 2: answered, unavailable (mock): the mock says unavailable, 0 ms, next at 2026-01-01T02:00:00.000Z
                          attempt 3: answered, not-found (mock): No such contact., 0 ms
                      error  not-found (mock): No such contact.

            0 passed, 1 failed
        "#]],
    );
}

#[test]
fn a_refused_payload_shows_what_is_wrong_with_it() {
    let repository = Repository::new(&file(
        "  - name: empty\n    given: { trigger: { order_id: 1 } }\n    expect: { status: succeeded }\n",
    ));
    repository.check(&["test"], 1, &expect![[r#"
        order-to-invoice
          FAIL  empty (… ms)
                flows/order-to-invoice/flow.test.yaml:5:5

                expect.status (line 7, column 23): - is expected, + came
                  - succeeded
                  + (nothing)

                the payload was refused: DWL-4003: the payload breaks the schema of the trigger in 3 place(s)
                  the payload lacks the required key "customer_id"
                  the payload lacks the required key "currency"
                  the payload lacks the required key "lines"

        0 passed, 1 failed
    "#]]);
}

#[test]
fn a_file_with_errors_fails() {
    let repository = Repository::new(&file(
        "  - name: x\n    mock: {}\n    expect: { status: done }\n",
    ));
    repository.check(&["test"], 1, &expect![[r#"
        order-to-invoice
        error[DWL-1002]: unknown key `mock`
         --> flows/order-to-invoice/flow.test.yaml:6:5
          |
        6 |     mock: {}
          |     ^^^^
          = help: did you mean `mocks`?

        error[DWL-1007]: `done` is not accepted here
         --> flows/order-to-invoice/flow.test.yaml:7:23
          |
        7 |     expect: { status: done }
          |                       ^^^^
          = help: known here: `succeeded`, `succeeded_with_failures`, `failed`, `compensated`, `parked`, `cancelled`, `waiting`

        0 passed, 1 failed
    "#]]);
}

#[test]
fn a_flow_without_tests_is_named_and_fails_nothing() {
    let repository = Repository::new(HEAD);
    std::fs::remove_file(repository.file()).unwrap();
    repository.check(
        &["test"],
        0,
        &expect![[r#"
        order-to-invoice: no tests

        no case was run
        0 passed, 0 failed
    "#]],
    );
}

#[test]
fn what_came_is_written_where_it_was_expected() {
    let repository = Repository::new(&file(
        "
  # The first case.
  - name: wrong values
    given: { trigger: fixtures/order.json }
    mocks: { erp.create-invoice: { return: { id: INV-1, number: 1, status: open } } }
    expect:
      status: parked   # where it comes to rest
      calls:
        # first the CRM
        - { call: crm.get-contact, attempts: 2 }
        - call: erp.create-invoice
          with: { total: '60.28' }   # exact
      output: { invoice_id: INV-2, gone: 1 }
      error: { kind: rejected }   # not at all

  - name: new
    given: { trigger: fixtures/order.json }
    mocks: { erp.create-invoice: { fail: rejected } }
    expect: {}
",
    ));
    repository.check(&["test", "--update"], 0, &expect![[r#"
        order-to-invoice
          ok    wrong values (… ms)
          ok    new (… ms)
        updated flows/order-to-invoice/flow.test.yaml: 6 value(s); read what has changed before you commit it

        2 passed, 0 failed
    "#]]);
    let written = std::fs::read_to_string(repository.file()).unwrap();
    // The line above the cases keeps their indentation.
    expect![[r#"
        cases:
          # The first case.
          - name: wrong values
            given: { trigger: fixtures/order.json }
            mocks: { erp.create-invoice: { return: { id: INV-1, number: 1, status: open } } }
            expect:
              status: succeeded   # where it comes to rest
              calls:
                # first the CRM
                - { call: crm.get-contact, attempts: 1 }
                - call: erp.create-invoice
                  with: { total: '60.27' }   # exact
              output: { invoice_id: INV-1 }
              error: null   # not at all

          - name: new
            given: { trigger: fixtures/order.json }
            mocks: { erp.create-invoice: { fail: rejected } }
            expect:
              status: parked
              error: { kind: rejected, code: mock, step: invoice }
              calls:
                - { call: crm.get-contact, with: { id: C-1042 } }
                - call: erp.create-invoice
                  with:
                    order_id: '4711'
                    customer: K-77
                    currency: EUR
                    lines: [{ sku: A-1, qty: 3, amount: '59.97' }, { sku: B-2, qty: 3, amount: '0.30' }]
                    total: '60.27'
              emitted: []
    "#]]
    .assert_eq(&format!("cases:\n{}", written.strip_prefix(HEAD).unwrap()));
    let (_, code) = repository.run(&["test"]);
    assert_eq!(code, Some(0));
}

#[test]
fn ci_gets_its_report_and_programs_theirs() {
    let repository = Repository::new(&file(
        "
  - name: a \"good\" one
    given: { trigger: fixtures/order.json }
    mocks: { erp.create-invoice: { fail: rejected } }
    expect: { status: parked }
  - name: a bad one
    given: { trigger: fixtures/order.json }
    mocks: { erp.create-invoice: { fail: rejected } }
    expect: { status: failed }
",
    ));
    let (text, code) = repository.run(&["test", "--format", "json", "--junit", "report.xml"]);
    assert_eq!(code, Some(1));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&value["passed"], &value["failed"]), (&1.into(), &1.into()));
    let bad = &value["flows"][0]["cases"][1];
    assert_eq!(bad["mismatches"][0]["actual"], "parked");
    assert_eq!(bad["mismatches"][0]["position"]["line"], 12);
    let xml = std::fs::read_to_string(repository.0.path().join("report.xml")).unwrap();
    let masked: Vec<&str> = xml.split("time=\"").collect();
    let rest = |part: &&str| part.split_once('"').unwrap().1.to_owned();
    let tail: Vec<String> = masked[1..].iter().map(rest).collect();
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites tests="2" failures="1">
          <testsuite name="order-to-invoice" tests="2" failures="1" >
            <testcase classname="order-to-invoice" name="a &quot;good&quot; one" time=…/>
            <testcase classname="order-to-invoice" name="a bad one" time=…>
              <failure message="failed at flows/order-to-invoice/flow.test.yaml:9:5">
        expect.status (line 12, column 23): - is expected, + came
          - failed
          + parked

        run 019b76daa800710aadec89025cc1beeb is parked, 0 ms
          flow order-to-invoice@1.0.0, trigger webhook, key 4711
          accepted 2026-01-01T00:00:00.000Z
          payload  {&quot;order_id&quot;:&quot;4711&quot;,&quot;customer_id&quot;:&quot;C-1042&quot;,&quot;currency&quot;:&quot;EUR&quot;,&quot;lines&quot;:[{&quot;sku&quot;:&quot;A-1&quot;,&quot;qty&quot;:3,&quot;price&quot;:19.99},{&quot;sku&quot;:&quot;B-2&quot;,&quot;qty&quot;:3,&quot;price&quot;:&quot;0.10&quot;}]}
          - customer             crm.get-contact  succeeded, 0 ms
              key    019b76daa800710aadec89025cc1beeb.customer.1
              input  {&quot;id&quot;:&quot;C-1042&quot;}
              output {&quot;id&quot;:&quot;C-1042&quot;,&quot;name&quot;:&quot;Ada Lovelace&quot;,&quot;email&quot;:null,&quot;erp_id&quot;:&quot;K-77&quot;}
          - totals               set  succeeded, 0 ms
              output {&quot;lines&quot;:[{&quot;sku&quot;:&quot;A-1&quot;,&quot;qty&quot;:3,&quot;amount&quot;:&quot;59.97&quot;},{&quot;sku&quot;:&quot;B-2&quot;,&quot;qty&quot;:3,&quot;amount&quot;:&quot;0.30&quot;}],&quot;total&quot;:&quot;60.27&quot;}
          - invoice              erp.create-invoice  failed, 0 ms
              key    inv-4711-1
              input  {&quot;order_id&quot;:&quot;4711&quot;,&quot;customer&quot;:&quot;K-77&quot;,&quot;currency&quot;:&quot;EUR&quot;,&quot;lines&quot;:[{&quot;sku&quot;:&quot;A-1&quot;,&quot;qty&quot;:3,&quot;amount&quot;:&quot;59.97&quot;},{&quot;sku&quot;:&quot;B-2&quot;,&quot;qty&quot;:3,&quot;amount&quot;:&quot;0.30&quot;}],&quot;total&quot;:&quot;60.27&quot;}
              attempt 1: answered, rejected (mock): the mock says rejected, 0 ms
          error  rejected (mock): the mock says rejected
        </failure>
            </testcase>
          </testsuite>
        </testsuites>
    "#]].assert_eq(&format!("{}{}", masked[0], tail.join("time=…")));
}

#[test]
fn a_changed_file_is_tested_again() {
    let repository = Repository::new(&file(
        "  - name: one\n    given: { trigger: fixtures/order.json }\n    expect: { calls: [] }\n",
    ));
    let mut command = repository.dowel(&["test", "--watch"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut until = |end: &str| lines.by_ref().find(|line| line.as_ref().unwrap() == end);
    until("0 passed, 1 failed").unwrap().unwrap();
    let good =
        "  - name: another one\n    given: { trigger: {} }\n    expect: { intake: refused }\n";
    std::fs::write(repository.file(), file(good)).unwrap();
    let seen = until("1 passed, 0 failed").is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(seen);
}
