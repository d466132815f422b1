use super::*;

fn run(source: &str, input: &str, variables: &[(&str, &str)]) -> Result<String, String> {
    let mut engine = Engine::new();
    let program = Program {
        id: "p".to_owned(),
        condition: None,
        outputs: vec![vec![Piece::Expression(source.to_owned())]],
    };
    engine.load(program).map_err(|f| f.message)?;
    let variables = variables
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    match engine.eval("p", input.to_owned(), variables) {
        Ok(Outcome::Values(values)) => Ok(values.concat()),
        Ok(Outcome::Skipped) => Err("skipped".to_owned()),
        Err(failure) => Err(failure.message),
    }
}

fn check(source: &str, input: &str, expected: &str) {
    let text = run(source, input, &[]).unwrap_or_else(|message| format!("error: {message}"));
    assert_eq!(text, expected, "{source}");
}

#[test]
fn number_literals_stay() {
    for literal in [
        "1.10",
        "12345678901234567890",
        "1e5",
        "1E400",
        "-0.0",
        "-0",
        "0.10",
    ] {
        let object = format!("{{\"a\":{literal},\"b\":[{literal}]}}");
        check(".", literal, literal);
        check(". | .", literal, literal);
        check(".a", &object, literal);
        check(".b[0]", &object, literal);
        check("[.b[]] | .[0]", &object, literal);
        check(
            "{x: .a, y: {z: .b}}",
            &object,
            &format!("{{\"x\":{literal},\"y\":{{\"z\":[{literal}]}}}}"),
        );
        check(".a | tojson", &object, &format!("\"{literal}\""));
        check("\"\\(.a)\"", &object, &format!("\"{literal}\""));
        check(
            "tojson | fromjson | .a",
            &object,
            if literal == "-0" { "0" } else { literal },
        );
        check("map_values(.)", &object, &object);
        check("to_entries | from_entries", &object, &object);
    }
    check("1.10", "null", "1.10");
    check("-1.10", "null", "-1.10");
    check("12345678901234567890", "null", "12345678901234567890");
}

#[test]
fn key_order_and_text_stay() {
    check(".", "{\"b\": 1 , \"a\":2}", "{\"b\": 1 , \"a\":2}");
    check(
        "{b, a} | .c = 3",
        "{\"b\": 1 , \"a\":2}",
        "{\"b\":1,\"a\":2,\"c\":3}",
    );
    check("6 / 2", "null", "3");
    check(".[\"a\"]?", "[]", "error: the expression yielded no value");
}

#[test]
fn exactly_one_value() {
    check("empty", "null", "error: the expression yielded no value");
    check(
        "1, 2",
        "null",
        "error: the expression yielded more than one value",
    );
    check("1, error(\"x\")", "null", "error: x");
}

#[test]
fn results_are_json_or_an_error() {
    check(
        "nan",
        "null",
        "error: the result contains a number that is infinite or not a number",
    );
    check(
        "infinite",
        "null",
        "error: the result contains a number that is infinite or not a number",
    );
    check(
        "\"a\" | tobytes",
        "null",
        "error: the result contains a byte string, which JSON does not have",
    );
    check(
        "{(1): 2}",
        "null",
        "error: the result contains an object with a key that is not a string",
    );
    check(
        "[-255] | implode",
        "null",
        "error: the result contains a string that is not UTF-8",
    );
    let deep = "reduce range(150) as $i (0; [.])";
    check(
        deep,
        "null",
        "error: the result is nested deeper than 100 levels",
    );
}

#[test]
fn errors_name_types_and_no_values() {
    let secret = "{\"a\":\"s3cret\"}";
    check(".a.b.c", secret, "error: cannot index string with string");
    check(".a | .b", secret, "error: cannot index string with string");
    check(".a - 1", secret, "error: cannot calculate string - number");
    check(
        "error(.a)",
        secret,
        "error: an error was raised with a string",
    );
    check("error", secret, "error: an error was raised with an object");
    check(".a | fromjson", secret, "error: a string is not JSON");
    check(".a | tonumber", secret, "error: a string is not JSON");
    check(".[0:1] = 1", secret, "error: cannot use object as array");
    check("error(\"too much\")", secret, "error: too much");
    check(
        "[.a] | implode",
        secret,
        "error: cannot use string as integer",
    );
    check(
        ".a | test(\"(\")",
        secret,
        "error: a regular expression is not valid",
    );
}

#[test]
fn decimals() {
    for (source, expected) in [
        ("dmul(.p; .q)", "\"59.97\""),
        ("dadd(dmul(.p; 3); dmul(\"0.10\"; 3))", "\"60.27\""),
        ("dsum(.l[])", "\"0.60\""),
        ("dsum(.l[]) | dnum(.)", "0.60"),
        ("ddiv(1; 3; 2; half_up)", "\"0.33\""),
        ("dround(\"2.345\"; 2; \"half_even\")", "\"2.34\""),
        (
            "[dgt(2; 1), dge(1; \"1.0\"), dlt(1; 2), dle(2; 1), deq(1.10; \"1.1\")]",
            "[true,true,true,false,true]",
        ),
        (
            "[dmin(\"1.50\"; 2), dmax(1; \"2.0\"), dneg(1.5), dabs(\"-1.50\"), dsub(1; 0.9)]",
            "[\"1.50\",\"2.0\",\"-1.5\",\"1.50\",\"0.1\"]",
        ),
        (
            "dsplit(\"100.00\"; 3; 2)",
            "[\"33.34\",\"33.33\",\"33.33\"]",
        ),
        ("dnum(1e5)", "1e5"),
        ("dmul(6 / 2; 1)", "\"3\""),
        (
            "dmul(1 / 3; 1)",
            "error: a number with a fraction that came from plain arithmetic is no exact decimal; calculate it with dadd, dmul and the like",
        ),
        ("dadd(null; 1)", "error: cannot use null as decimal"),
        (
            "dadd(\"x\"; 1)",
            "error: a string is not a decimal, which is written like \"-12.50\" or \"1e3\"",
        ),
        (
            "dadd(\"1e999999999\"; 1)",
            "error: a decimal has more than 1000 digits",
        ),
        ("ddiv(1; 0; 2; up)", "error: a decimal was divided by zero"),
        (
            "dround(1; -1; up)",
            "error: the number of places must be an integer from 0 to 1000",
        ),
        (
            "dround(1; 1; \"floor\")",
            "error: the rounding mode must be half_even, half_up, up or down",
        ),
    ] {
        check(
            source,
            r#"{"p":19.99,"q":3,"l":["0.10",0.20,0.30]}"#,
            expected,
        );
    }
}

#[test]
fn dates() {
    for (source, expected) in [
        (
            "date_parse(\"2026-03-01T09:00:00+01:00\")",
            "\"2026-03-01T08:00:00Z\"",
        ),
        (
            "date_parse(\"2026-07-01T09:00\"; \"Europe/Berlin\")",
            "\"2026-07-01T07:00:00Z\"",
        ),
        (
            "date_parse(\"2026-07-01\"; \"America/New_York\")",
            "\"2026-07-01T04:00:00Z\"",
        ),
        (
            "\"2026-07-01T22:30:00Z\" | date_format(\"%d.%m.%Y\"; \"Europe/Berlin\")",
            "\"02.07.2026\"",
        ),
        (
            "date_format(\"2026-07-01T22:30:00Z\"; \"%H:%M\"; \"UTC\")",
            "\"22:30\"",
        ),
        (
            "date_add(\"2026-03-28T12:00:00Z\"; \"1d\")",
            "\"2026-03-29T12:00:00Z\"",
        ),
        (
            "date_add(\"2026-03-28T12:00:00Z\"; \"1d\"; \"Europe/Berlin\")",
            "\"2026-03-29T11:00:00Z\"",
        ),
        (
            "date_add(\"2026-01-31T00:00:00Z\"; \"P1M\")",
            "\"2026-02-28T00:00:00Z\"",
        ),
        (
            "date_parse(\"s3cret\")",
            "error: a text is not a point in time, which is written like \"2026-03-01T09:00:00Z\"",
        ),
        (
            "date_parse(\"2026-07-01\"; \"Mars/Base\")",
            "error: the time zone is not known; IANA names look like \"Europe/Berlin\"",
        ),
        (
            "date_add(\"2026-01-31T00:00:00Z\"; \"soon\")",
            "error: the duration is not valid; it is written like \"1d 2h\" or \"P1DT2H\"",
        ),
    ] {
        check(source, "null", expected);
    }
}

#[test]
fn what_was_not_checked_is_refused_all_the_same() {
    for source in [
        "def f: 1+f; f",
        "halt",
        "env",
        "$ENV",
        "now",
        "input",
        "debug",
        "1 +",
        "nosuch",
        "include \"a\"; 1",
        "localtime",
    ] {
        assert!(run(source, "null", &[]).is_err(), "{source}");
    }
}

#[test]
fn variables_and_conditions() {
    let variables = [
        ("trigger", r#"{"a":{"b":1.10},"l":[{"q":1},{"q":2}]}"#),
        ("steps", "{\"x\":null}"),
    ];
    for (source, expected) in [
        ("$trigger.a.b", "1.10"),
        ("[$trigger.l[] | .q]", "[1,2]"),
        (
            "{t: $trigger.a, n: ($trigger.l | length), m: $trigger.zz}",
            "{\"t\":{\"b\":1.10},\"n\":2,\"m\":null}",
        ),
        ("$steps.x.y // $trigger.a.b", "1.10"),
        ("$trigger | keys", "[\"a\",\"l\"]"),
        ("$trigger.l as [$a, {q: $b}] | [$a.q, $b]", "[1,2]"),
        ("reduce $trigger.l[] as $x (0; . + $x.q)", "3"),
        ("[$trigger.l | to_entries[] | .key]", "[0,1]"),
        ("$nothere.x", "the variable `$nothere` has no value here"),
    ] {
        let text = run(source, "null", &variables).unwrap_or_else(|message| message);
        assert_eq!(text, expected, "{source}");
    }
}

#[test]
fn a_condition_skips() {
    let mut engine = Engine::new();
    for (id, condition, expected) in [
        ("a", ".x", Outcome::Skipped),
        (
            "b",
            ".y",
            Outcome::Values(vec!["{\"v\":1}".to_owned(), "7".to_owned()]),
        ),
        ("c", ".y | not", Outcome::Skipped),
    ] {
        let program = Program {
            id: id.to_owned(),
            condition: Some(condition.to_owned()),
            outputs: vec![
                vec![
                    Piece::Text("{\"v\":".into()),
                    Piece::Expression(".y".into()),
                    Piece::Text("}".into()),
                ],
                vec![Piece::Text("7".into())],
            ],
        };
        engine.load(program).unwrap();
        let outcome = engine.eval(id, "{\"x\":false,\"y\":1}".to_owned(), Vec::new());
        assert_eq!(outcome.unwrap(), expected);
    }
    let unknown = engine.eval("zzz", String::new(), Vec::new()).unwrap_err();
    assert_eq!(unknown.kind, FailureKind::UnknownProgram);
}

#[test]
fn the_failing_expression_is_counted() {
    let mut engine = Engine::new();
    let program = Program {
        id: "p".to_owned(),
        condition: Some("true".to_owned()),
        outputs: vec![
            vec![Piece::Expression("1".into())],
            vec![Piece::Expression("1 - \"a\"".into())],
        ],
    };
    engine.load(program).unwrap();
    let failure = engine.eval("p", "null".to_owned(), Vec::new()).unwrap_err();
    assert_eq!((failure.expression, failure.kind), (2, FailureKind::Failed));
}

#[test]
fn old_programs_are_forgotten() {
    let mut engine = Engine::new();
    for n in 0..=MAX_PROGRAMS {
        let program = Program {
            id: n.to_string(),
            condition: None,
            outputs: vec![vec![Piece::Expression("1 + 1".into())]],
        };
        engine.load(program).unwrap();
        engine
            .eval(&n.to_string(), "null".into(), Vec::new())
            .unwrap();
    }
    assert!(engine.eval("0", "null".into(), Vec::new()).is_err());
    assert!(engine.eval("1", "null".into(), Vec::new()).is_ok());
}
