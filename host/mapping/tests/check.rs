//! What a flow author reads about an expression.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod common;

use common::findings;

fn check(source: &str, expected: &[&str]) {
    assert_eq!(
        findings(source, &["trigger", "steps"]),
        expected,
        "{source}"
    );
}

#[test]
fn good_expressions_have_no_findings() {
    for source in [
        "$trigger.customer_id",
        "[$trigger.lines[] | {sku, qty, amount: dmul(.price; .qty)}]",
        r#""inv-\($trigger.order_id)-\($steps.a.b)""#,
        r#"dgt($trigger.total; "10000.00")"#,
        "ddiv(1; 3; 2; half_up)",
        r#"date_format("2026-01-01T00:00:00Z"; "%F"; "Europe/Berlin")"#,
        "label $out | foreach .[] as $i (0; . + $i; if . > 3 then ., break $out else . end)",
        "[limit(3; .[])] | map(tostring) | @csv",
        "path(..) | select(length > 1)",
        ". as {a: $x} | $x",
    ] {
        check(source, &[]);
    }
}

#[test]
fn syntax_errors_say_what_was_expected_where() {
    check(
        ".a +",
        &["DWL-1101 4: expected term, found the end of the expression"],
    );
    check(
        ".a |",
        &["DWL-1101 4: expected term, found the end of the expression"],
    );
    check(
        "(.a",
        &["DWL-1101 3: expected a closing `)`, found the end of the expression"],
    );
    check(
        "\"é\" ]",
        &["DWL-1101 4: expected a filter or an operator, found `]`"],
    );
    check(
        "if .a then 1",
        &["DWL-1101 12: expected else or end, found the end of the expression"],
    );
    check(
        "",
        &["DWL-1101 0: expected term, found the end of the expression"],
    );
    check(
        ".a .b c",
        &["DWL-1101 6: expected the end of the expression, found `c`"],
    );
}

#[test]
fn unknown_names_and_wrong_arity() {
    check(
        "nosuchfilter",
        &["DWL-1105 0: there is no filter `nosuchfilter`"],
    );
    check(".a | lenght", &["DWL-1105 5: there is no filter `lenght`"]);
    check(
        "sub(\"a\")",
        &["DWL-1106 0: `sub` takes 2 or 3 arguments, not 1"],
    );
    check(
        "$tigger.a",
        &["DWL-1107 0: the variable `$tigger` is not in scope here"],
    );
    check(
        "\"é\" + $env.x",
        &["DWL-1107 6: the variable `$env` is not in scope here"],
    );
    check(
        "break $x",
        &["DWL-1108 6: there is no `label $x` around this `break`"],
    );
    check("a::b", &["DWL-1105 0: there is no module `a`"]);
}

#[test]
fn suggestions() {
    use dowel_core::port::{CheckExpressions as _, CheckRequest};
    for (source, expected) in [
        ("lenght", Some("length")),
        ("$tigger", Some("$trigger")),
        ("now", Some("$now")),
        ("zzzzzz", None),
    ] {
        let request = CheckRequest {
            source,
            variables: &["trigger", "run"],
        };
        let report = common::mapping().check(&[request]).remove(0);
        assert_eq!(
            report.findings[0].suggestion.as_deref(),
            expected,
            "{source}"
        );
    }
}

#[test]
fn every_refused_filter_has_its_own_message() {
    for source in [
        "env",
        "$ENV",
        "$ENV.HOME",
        "env.HOME",
        "input",
        "inputs",
        "[inputs]",
        "debug",
        "debug(.a)",
        "stderr",
        "halt",
        "halt(1)",
        "halt_error",
        "halt_error(2)",
        "now",
        "input_filename",
        "$__loc__",
        "input_line_number",
        "get_search_list",
        "repl",
        "localtime",
        "strflocaltime(\"%F\")",
        "$__prog_args",
        "modulemeta",
    ] {
        let found = findings(source, &[]);
        assert_eq!(found.len(), 1, "{source}: {found:?}");
        assert!(found[0].starts_with("DWL-1109"), "{found:?}");
    }
    for source in [
        "def f: 1+f; f",
        "[.[] | def g: 1; g]",
        "include \"a\"; .",
        "import \"a\" as a; .",
    ] {
        let found = findings(source, &[]);
        assert!(found[0].starts_with("DWL-1109"), "{source}: {found:?}");
    }
}

#[test]
fn several_findings_come_in_order() {
    check(
        "now + $nosuch + nofilter",
        &[
            "DWL-1109 0: `now` is refused: a replayed run would see another time; `$now` is recorded with the run",
            "DWL-1107 6: the variable `$nosuch` is not in scope here",
            "DWL-1105 16: there is no filter `nofilter`",
        ],
    );
}
