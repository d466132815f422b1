use super::*;

fn show(reference: &Reference) -> String {
    let mut text = match &reference.variable {
        Some(name) => format!("${name}"),
        None => ".".to_owned(),
    };
    for step in &reference.path {
        if step != "[]" && !text.ends_with('.') {
            text.push('.');
        }
        text.push_str(step);
    }
    if reference.optional {
        text.push('?');
    }
    if reference.arithmetic {
        text.push('#');
    }
    text
}

fn check(source: &str, expected: &[&str]) {
    let term = jaq_core::load::parse(source, |p| p.term()).unwrap();
    let found: Vec<String> = collect(source, &term).iter().map(show).collect();
    assert_eq!(found, expected, "{source}");
}

#[test]
fn paths_and_variables() {
    check(".", &["."]);
    check(".a.b", &[".a.b"]);
    check(
        "$trigger.order.lines[0].sku",
        &["$trigger.order.lines[].sku"],
    );
    check(
        "$trigger.lines[] | .sku",
        &["$trigger.lines[]", "$trigger.lines[].sku"],
    );
    check(
        "[$t.l[] | {sku, n: .x.y}]",
        &["$t.l[]", "$t.l[].sku", "$t.l[].x.y"],
    );
    check("$t.l | map(.a)", &["$t.l", "$t.l", "$t.l[].a"]);
    check(".a[.b]", &[".b", ".a"]);
    check(".a[1:]", &[".a"]);
    check("\"x\\(.a)\"", &[".a"]);
    check("length", &["."]);
    check("now_or(1)", &["."]);
    check("dadd(.a; $t.b)", &[".a", "$t.b"]);
    check("1, \"a\", [], {}", &[]);
}

#[test]
fn values_that_the_expression_computed_are_no_references() {
    check("{a: 1} | .a", &[]);
    check("[.x] | .[0].y", &[".x"]);
    check("reduce .l[] as $x (0; . + $x.q)", &[".l[]", ".l[].q#"]);
    check("$t.c as $c | $c.d", &["$t.c", "$t.c.d"]);
    check(
        "$t as {a: $x, b: [$y]} | [$x.z, $y]",
        &["$t", "$t.a.z", "$t.b[]"],
    );
    check("with_entries(.value.x)", &["."]);
}

#[test]
fn fallbacks_are_optional() {
    check(".a // .b", &[".a?", ".b"]);
    check(".a?", &[".a?"]);
    check("try .a catch .b", &[".a?"]);
    check("if .a then $s.x.y else .c end", &[".a?", "$s.x.y?", ".c?"]);
    check("(.a // 0) + 1", &[".a?#"]);
}

#[test]
fn operands_of_plain_arithmetic_are_marked() {
    check(".a * .b.c", &[".a#", ".b.c#"]);
    check("-.a", &[".a#"]);
    check("[.a] + [1]", &[".a"]);
    check(".a == .b", &[".a", ".b"]);
    check("dmul(.a; .b + 1)", &[".a", ".b#"]);
    check(".a += 1", &[".", ".a?#"]);
}

#[test]
fn offsets_are_in_characters() {
    let source = "\"é\" + $trigger.a + .b";
    let term = jaq_core::load::parse(source, |p| p.term()).unwrap();
    let offsets: Vec<u32> = collect(source, &term).iter().map(|r| r.offset).collect();
    assert_eq!(offsets, [6, 19]);
}
