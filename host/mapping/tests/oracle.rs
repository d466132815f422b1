//! Debian's jq is the oracle: every expression of `oracle/expressions.txt` over
//! generated documents yields the same JSON values there and in the sandbox, except
//! for those of `oracle/differences.txt`, which really differ and say why.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod common;

use common::{mapping, one};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Documents per expression.
const DOCUMENTS: u64 = 10;

/// Expressions per jq process: jq's compiler is slow on large programs.
const BATCH: usize = 40;

/// What stands for an error on both sides.
const ERROR: &str = "\u{1F4A5} error";

fn expressions() -> Vec<&'static str> {
    include_str!("oracle/expressions.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .collect()
}

/// Expressions that differ, with the reason that stands above them.
fn differences() -> BTreeMap<&'static str, String> {
    let mut reason = String::new();
    let mut found = BTreeMap::new();
    for line in include_str!("oracle/differences.txt").lines() {
        match line.strip_prefix("# ") {
            Some(text) => text.clone_into(&mut reason),
            None if line.is_empty() => reason.clear(),
            None => {
                assert!(!reason.is_empty(), "{line} needs a reason above it");
                found.insert(line, reason.clone());
            }
        }
    }
    found
}

/// A small generator with a seed: the same documents on every machine (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let limit = u64::try_from(choices.len()).unwrap();
        choices[usize::try_from(self.below(limit)).unwrap()]
    }
}

fn document(seed: u64) -> Value {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let lines: Vec<Value> = (0..random.below(5))
        .map(|n| {
            let note = random.of(&["", "fragile", "gift <3", "Größe L"]);
            json!({
                "sku": format!("A-{}", n + random.below(3)),
                "qty": random.below(6) + 1,
                "price": f64::from(u32::try_from(random.below(10_000)).unwrap()) / 100.0,
                "note": if note.is_empty() { Value::Null } else { note.into() },
            })
        })
        .collect();
    json!({
        "id": format!("{}{}", random.of(&["A", "B", ""]), random.below(100_000)),
        "index": random.below(6),
        "price": f64::from(u32::try_from(random.below(10_000)).unwrap()) / 100.0,
        "text": random.of(&["Hello World", "ünïcode ✓", "a b&c=\"d\"", "UPPER lower"]),
        "created": format!("2026-0{}-1{}T0{}:30:00Z", random.below(9) + 1, random.below(9), random.below(9)),
        "customer": {
            "name": random.of(&["Ana", "Bo", "Chloé"]),
            "email": random.of(&["ana@example.com", "bo@example.org"]),
            "tags": [random.of(&["vip", "new"])],
        },
        "lines": lines,
        "flags": { "paid": random.below(2) == 0 },
        "nested": { "a": { "b": [random.below(9), random.below(9)] } },
        "nothing": null,
        "empty": [],
    })
}

/// What jq yields: for each document one row of results, in the order of `sources`.
fn jq(sources: &[&str], documents: &[Value]) -> Vec<Vec<Value>> {
    let tried: Vec<String> = sources
        .iter()
        .map(|source| format!("(try [{source}\n] catch \"{ERROR}\")"))
        .collect();
    let mut child = Command::new("jq")
        .args(["-c", &format!("[{}]", tried.join(",\n"))])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("jq is missing; install it with `apt-get install jq`");
    let input: String = documents.iter().map(|d| format!("{d}\n")).collect();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "jq refused one of {sources:#?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Equal as JSON values: numbers by value, objects in any order.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

#[tokio::test]
async fn jq_says_the_same() {
    let expressions = expressions();
    assert!(
        expressions.len() >= 300,
        "{} expressions",
        expressions.len()
    );
    let differences = differences();
    let documents: Vec<Value> = (1..=DOCUMENTS).map(document).collect();
    let mapping = mapping();
    let mut wrong = Vec::new();
    for batch in expressions.chunks(BATCH) {
        let rows = jq(batch, &documents);
        assert_eq!(rows.len(), documents.len());
        for (at, source) in batch.iter().enumerate() {
            let mut different = None;
            for (row, document) in rows.iter().zip(&documents) {
                let wrapped = format!("[{source}\n]");
                let ours = one(&mapping, &wrapped, &document.to_string()).await;
                let said = ours.as_ref().map_or_else(ToString::to_string, Clone::clone);
                let value = ours.map_or_else(
                    |_| Value::from(ERROR),
                    |text| serde_json::from_str(&text).unwrap(),
                );
                if !same(&value, &row[at]) && different.is_none() {
                    different = Some(format!("jq {} | dowel {said}", row[at]));
                }
            }
            match (different, differences.get(source)) {
                (Some(how), None) => wrong.push(format!("{source}\n    {how}")),
                (None, Some(_)) => {
                    wrong.push(format!("{source}\n    is listed, but does not differ"));
                }
                _ => {}
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_difference_is_in_the_table() {
    let expressions = expressions();
    for listed in differences().keys() {
        assert!(expressions.contains(listed), "{listed}");
    }
}
