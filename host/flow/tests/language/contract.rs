//! Comparison of contracts: by the rules of the documentation, and against the validator.

use crate::support::{compile, render, tests};
use dowel_core::JsonText;
use dowel_flow::contract::{
    Class, Effect, Rule, actual, compare, compare_contracts, due, rules_page,
};
use dowel_flow::plan::Plan;
use dowel_flow::validate::Validator;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

fn text(schema: &str) -> JsonText {
    JsonText::parse(schema).unwrap()
}

fn takes(schema: &str, value: &str) -> bool {
    let validator = Validator::new(&text(schema)).unwrap();
    validator.check(&text(value)).is_empty()
}

#[test]
fn each_rule_is_what_its_example_shows() {
    for rule in Rule::ALL {
        let (old, new) = rule.example();
        let found: Vec<Rule> = compare(&text(old), &text(new))
            .iter()
            .map(|difference| difference.rule)
            .collect();
        assert_eq!(found, [*rule], "{old} -> {new}");
        let witness = rule.witness();
        let expected = match rule.effect() {
            Effect::Same => {
                assert_eq!(witness, "", "{}", rule.name());
                continue;
            }
            Effect::Wider => (false, true),
            Effect::Narrower => (true, false),
            Effect::Unknown => (takes(old, witness), !takes(old, witness)),
        };
        let taken = (takes(old, witness), takes(new, witness));
        assert_eq!(taken, expected, "{}: {witness}", rule.name());
    }
}

#[test]
fn the_page_of_the_rules_is_fresh() {
    let page = tests().join("../../../docs/reference/contract-rules.md");
    expect_test::expect_file![page].assert_eq(&rules_page());
}

fn rules(old: &Value, new: &Value) -> String {
    let found = compare(&text(&old.to_string()), &text(&new.to_string()));
    let lines: Vec<String> = found
        .iter()
        .map(|one| format!("{} {} {}", one.pointer, one.rule.name(), one.detail))
        .collect();
    lines.join("\n").replace("  ", " ")
}

#[test]
fn differences_are_found_where_they_are() {
    let old = json!({
        "type": "object", "additionalProperties": false, "required": ["id"],
        "properties": {
            "id": { "type": "string" },
            "lines": { "type": "array", "items": { "$ref": "#/$defs/line" } },
            "a/b": { "minimum": 1 },
        },
        "$defs": { "line": { "properties": { "qty": { "type": "integer" } }, "required": [] } },
    });
    let mut new = old.clone();
    new["$defs"]["line"]["required"] = json!(["qty"]);
    new["properties"]["a/b"]["minimum"] = json!(0);
    new["properties"]["note"] = json!({ "type": "string" });
    new["title"] = json!("words change nothing");
    expect_test::expect![[r"
        /a~1b limit-widened `minimum` 1 -> 0
        /lines/* required-added qty
        /note property-added "]]
    .assert_eq(&rules(&old, &new));
}

#[test]
fn schemas_that_name_themselves_are_compared_once() {
    let tree = |kind: &str| {
        json!({
            "$ref": "#/$defs/node",
            "$defs": { "node": {
                "type": "object",
                "properties": { "value": { "type": kind }, "next": { "$ref": "#/$defs/node" } },
            } },
        })
    };
    expect_test::expect!["/value type-removed number with a fraction"]
        .assert_eq(&rules(&tree("number"), &tree("integer")));
    // The same tree, written without a definition one level down.
    let unrolled = json!({
        "type": "object",
        "properties": { "value": { "type": "number" }, "next": { "$ref": "#" } },
    });
    expect_test::expect![""].assert_eq(&rules(&tree("number"), &unrolled));
    let lost = json!({ "$ref": "other.json#/x" });
    expect_test::expect![" rule-changed `$ref`"].assert_eq(&rules(&lost, &unrolled));
}

#[test]
fn numbers_of_many_digits_are_not_confused() {
    let limit = |text: &str| serde_json::from_str(&format!(r#"{{"maximum": {text}}}"#)).unwrap();
    let (a, b): (Value, Value) = (limit("9007199254740993"), limit("9007199254740992"));
    assert!(rules(&a, &b).contains("rule-changed"), "{}", rules(&a, &b));
}

/// Values from a small world, so that schemas and values meet.
fn any_value() -> impl Strategy<Value = Value> {
    let plain = prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(2),
        json!(3),
        json!(6),
        json!(-1),
        json!(1.5),
        json!(1.0),
        json!(""),
        json!("a"),
        json!("ab"),
        json!("abc"),
        json!("2026-03-01"),
        json!("1.50"),
    ]);
    plain.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(
                prop::sample::select(vec!["a", "ab", "b", "c"]),
                inner,
                0..4
            )
            .prop_map(|map| json!(map)),
        ]
    })
}

/// A keyword that needs no schema.
fn plain_keyword() -> impl Strategy<Value = (&'static str, Value)> {
    let types = prop::sample::select(vec![
        json!("string"),
        json!("integer"),
        json!("number"),
        json!("object"),
        json!("array"),
        json!(["string", "null"]),
        json!(["integer", "object", "array"]),
        json!(["number", "string"]),
    ]);
    let small = || (0..4u8).prop_map(|number| json!(number));
    let number = || prop::sample::select(vec![json!(0), json!(1), json!(1.5), json!(2), json!(3)]);
    let keys = prop::sample::subsequence(vec!["a", "ab", "b"], 0..3).prop_map(|keys| json!(keys));
    prop_oneof![
        4 => types.prop_map(|value| ("type", value)),
        1 => prop::collection::vec(any_value(), 1..4).prop_map(|mut values| {
            let mut seen = Vec::new();
            values.retain(|one| !seen.contains(one) && { seen.push(one.clone()); true });
            ("enum", json!(values))
        }),
        1 => any_value().prop_map(|value| ("const", value)),
        2 => keys.prop_map(|value| ("required", value)),
        1 => number().prop_map(|value| ("minimum", value)),
        1 => number().prop_map(|value| ("exclusiveMinimum", value)),
        1 => number().prop_map(|value| ("maximum", value)),
        1 => number().prop_map(|value| ("exclusiveMaximum", value)),
        1 => (1..4u8).prop_map(|value| ("multipleOf", json!(value))),
        1 => small().prop_map(|value| ("minLength", value)),
        1 => small().prop_map(|value| ("maxLength", value)),
        1 => small().prop_map(|value| ("minItems", value)),
        1 => small().prop_map(|value| ("maxItems", value)),
        1 => small().prop_map(|value| ("minProperties", value)),
        1 => small().prop_map(|value| ("maxProperties", value)),
        1 => any::<bool>().prop_map(|value| ("uniqueItems", json!(value))),
        1 => prop::sample::select(vec!["^a", "b$"]).prop_map(|value| ("pattern", json!(value))),
        1 => prop::sample::select(vec!["date", "decimal"]).prop_map(|value| ("format", json!(value))),
        1 => any_value().prop_map(|value| ("default", value)),
        1 => (0..3u8).prop_map(|value| ("minContains", json!(value))),
        1 => Just(("$ref", json!("#/$defs/a"))),
    ]
}

/// A schema without definitions.
fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => any::<bool>().prop_map(Value::Bool),
        8 => prop::collection::vec(plain_keyword(), 0..4).prop_map(object),
    ];
    leaf.prop_recursive(2, 16, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 1..3).prop_map(Value::from);
        let keys = || prop::sample::select(vec!["a", "ab", "b"]);
        let map = prop::collection::btree_map(keys(), inner.clone(), 0..3);
        let patterns = prop::collection::btree_map(
            prop::sample::select(vec!["^a", "b$"]),
            inner.clone(),
            0..2,
        );
        let keyword = prop_oneof![
            4 => map.prop_map(|value| ("properties", json!(value))),
            1 => patterns.prop_map(|value| ("patternProperties", json!(value))),
            3 => inner.clone().prop_map(|value| ("additionalProperties", value)),
            3 => inner.clone().prop_map(|value| ("items", value)),
            1 => list().prop_map(|value| ("prefixItems", value)),
            1 => list().prop_map(|value| ("allOf", value)),
            2 => list().prop_map(|value| ("anyOf", value)),
            1 => list().prop_map(|value| ("oneOf", value)),
            1 => inner.clone().prop_map(|value| ("not", value)),
            1 => inner.clone().prop_map(|value| ("if", value)),
            1 => inner.clone().prop_map(|value| ("then", value)),
            1 => inner.clone().prop_map(|value| ("contains", value)),
            1 => inner.clone().prop_map(|value| ("propertyNames", value)),
            1 => inner.clone().prop_map(|value| ("unevaluatedProperties", value)),
        ];
        (
            prop::collection::vec(keyword, 1..4),
            prop::collection::vec(plain_keyword(), 0..3),
        )
            .prop_map(|(mut keywords, plain)| {
                keywords.extend(plain);
                object(keywords)
            })
    })
}

fn object(keywords: Vec<(&'static str, Value)>) -> Value {
    let keywords = keywords.into_iter();
    Value::Object(
        keywords
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

/// A document: a schema, and a definition for references.
fn document(root: Value, definition: Value) -> Value {
    let mut document = match root {
        Value::Object(map) => map,
        // `true` and `false` have no place for definitions.
        plain => return plain,
    };
    // A definition that refers to itself without a key between would never end.
    let definition = without_references(definition);
    document.insert("$defs".to_owned(), json!({ "a": definition }));
    Value::Object(document)
}

fn without_references(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(key, _)| key != "$ref")
                .map(|(key, value)| (key, without_references(value)))
                .collect(),
        ),
        Value::Array(items) => items.into_iter().map(without_references).collect(),
        other => other,
    }
}

/// A schema that is mostly the first one, with parts of the second one.
fn mixed(a: &Value, b: &Value, bits: &mut impl Iterator<Item = u8>) -> Value {
    let choice = bits.next().unwrap_or(0);
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let mut out = Map::new();
            for key in a.keys().chain(b.keys()) {
                let value = match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => Some(mixed(a, b, bits)),
                    // Mostly kept.
                    (Some(a), None) => (bits.next().unwrap_or(0) > 40).then(|| a.clone()),
                    // Mostly left out.
                    (None, Some(b)) => (bits.next().unwrap_or(0) > 180).then(|| b.clone()),
                    (None, None) => None,
                };
                out.extend(value.map(|value| (key.clone(), value)));
            }
            Value::Object(out)
        }
        _ if choice > 180 => b.clone(),
        _ => a.clone(),
    }
}

fn pair() -> impl Strategy<Value = (Value, Value)> {
    let schemas = (any_schema(), any_schema(), any_schema(), any_schema());
    (schemas, prop::collection::vec(any::<u8>(), 64)).prop_map(|((a, b, c, d), bits)| {
        let mut bits = bits.into_iter().cycle();
        let (old, other) = (document(a, c), document(b, d));
        let new = mixed(&old, &other, &mut bits);
        (old, new)
    })
}

fn validator(schema: &Value) -> Option<Validator> {
    // Some mixtures refer to a definition that they do not have.
    Validator::new(&text(&schema.to_string())).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    /// The proof of the word *compatible*: in both directions.
    #[test]
    fn nothing_narrower_refuses_nothing_that_was_good(
        (old, new) in pair(),
        values in prop::collection::vec(any_value(), 24),
    ) {
        let (Some(before), Some(after)) = (validator(&old), validator(&new)) else {
            return Ok(());
        };
        let found = compare(&text(&old.to_string()), &text(&new.to_string()));
        let has = |effect| found.iter().any(|one| one.rule.effect() == effect);
        let (wider, narrower, unknown) =
            (has(Effect::Wider), has(Effect::Narrower), has(Effect::Unknown));
        for value in values {
            let value = text(&value.to_string());
            let (was, is) = (before.check(&value).is_empty(), after.check(&value).is_empty());
            if !narrower && !unknown {
                prop_assert!(!was || is, "{value} was good: {old} -> {new}: {found:?}");
            }
            if !wider && !unknown {
                prop_assert!(was || !is, "{value} was not good: {old} -> {new}: {found:?}");
            }
        }
    }
}

const BASE: &str = "\
language: dowel/v1
flow: order-to-invoice
version: 1.4.0
connections: { crm: crm@^2.2 }
triggers:
  shop: { webhook: { path: /orders, verify: token, schema: schemas/order.json } }
  told: { event: { type: com.example.order.placed, source: /shop } }
dedupe: { key: '${ .order_id }', window: 7d }
concurrency: { key: '${ .customer_id }', limit: 1 }
state: { seen: { initial: 0, next: '${ $state.seen }' } }
steps:
  - id: customer
    call: crm.get-contact
    with: { id: C-1 }
  - id: announce
    emit: com.example.order.invoiced
    with: { order_id: '${ $trigger.order_id }', total: '1.00' }
output: { invoice_id: '${ $steps.customer.erp_id }', total: '1.00' }
";

fn plan(flow: &str) -> Plan {
    match compile(flow) {
        Ok(compiled) => compiled.plan,
        Err(found) => panic!("{flow}\n{}", render(&found)),
    }
}

#[test]
fn contracts_of_flows() {
    let changes = [
        ("nothing", "", ""),
        ("only a comment", "steps:", "# said\nsteps:"),
        ("webhook moved", "path: /orders", "path: /new-orders"),
        ("another proof", "verify: token", "verify: github"),
        ("payload not checked", ", schema: schemas/order.json", ""),
        (
            "trigger removed",
            "  told: { event: { type: com.example.order.placed, source: /shop } }\n",
            "",
        ),
        (
            "trigger added",
            "dedupe:",
            "  by_hand: { manual: {} }\ndedupe:",
        ),
        ("another event", "order.placed", "order.paid"),
        (
            "a filter",
            ", source: /shop",
            ", source: /shop, filter: '${ true }'",
        ),
        (
            "kind",
            "event: { type: com.example.order.placed, source: /shop }",
            "manual: {}",
        ),
        ("dedupe key", "${ .order_id }", "${ .customer_id }"),
        (
            "no dedupe",
            "dedupe: { key: '${ .order_id }', window: 7d }\n",
            "",
        ),
        ("window", "window: 7d", "window: 1d"),
        (
            "concurrency key",
            "'${ .customer_id }', limit",
            "'${ .order_id }', limit",
        ),
        ("limit", "limit: 1", "limit: 2"),
        (
            "kept value",
            "seen: { initial: 0, next: '${ $state.seen }' }",
            "count: { initial: 0, next: '${ $state.count }' }",
        ),
        ("event removed", "order.invoiced", "order.billed"),
        ("event key", ", total: '1.00' }\noutput", " }\noutput"),
        ("output key", ", total: '1.00' }\n", ", sum: '1.00' }\n"),
        (
            "output unknown",
            "output: { invoice_id: '${ $steps.customer.erp_id }', total: '1.00' }",
            "output: '${ $steps.customer }'",
        ),
        (
            "output schema",
            "output:",
            "output_schema: schemas/order.json\noutput:",
        ),
        ("steps inside", "id: C-1", "id: C-2"),
    ];
    let old = plan(BASE);
    let mut out = String::new();
    for (name, from, to) in changes {
        assert!(BASE.contains(from), "{name}");
        let new = plan(&BASE.replace(from, to));
        let found = compare_contracts(&old, &new);
        writeln!(out, "## {name}: {} is due", due(&old, &new, &found)).unwrap();
        for one in &found {
            writeln!(
                out,
                "{}: {} [{}]: {}",
                one.class, one.part, one.rule, one.message
            )
            .unwrap();
        }
    }
    let path = tests().join("contract/flows.txt");
    expect_test::expect_file![path].assert_eq(&out);
    assert_eq!(
        actual(&old.version, &old.version),
        Some(dowel_flow::contract::Bump::None)
    );
    assert!(Class::Breaking > Class::NeedsDrain && Class::NeedsDrain > Class::Compatible);
}
