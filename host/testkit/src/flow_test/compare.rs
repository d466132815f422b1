//! What came against what was expected: maps by the keys that are named, lists as a
//! whole, numbers by their text.

use dowel_core::JsonText;
use dowel_flow::flow_test::{Path, Segment};

/// A place where what came is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The place in the case.
    pub path: Path,
    /// What the case says.
    pub expected: JsonText,
    /// What came; `None` if nothing did.
    pub actual: Option<JsonText>,
    /// A place of the file and what has to stand there for the case to hold.
    pub mend: (Path, JsonText),
}

/// Adds every mismatch of a value and the values inside of it.
pub(super) fn compare(
    expected: &JsonText,
    actual: &JsonText,
    path: &Path,
    out: &mut Vec<Mismatch>,
) {
    if let (Some(expected), Some(fields)) = (expected.fields(), actual.fields()) {
        for (name, value) in &expected {
            let path_of = path.then(Segment::Key(name.clone()));
            match fields.iter().find(|(other, _)| other == name) {
                Some((_, found)) => compare(value, found, &path_of, out),
                // A key that is not there is `null` to every expression.
                None if value.is_null() => {}
                None => out.push(Mismatch {
                    path: path_of,
                    expected: value.clone(),
                    actual: None,
                    mend: (path.clone(), like(&expected, &fields)),
                }),
            }
        }
        return;
    }
    if let (Some(wanted), Some(items)) = (expected.items(), actual.items())
        && wanted.len() == items.len()
    {
        for (index, (wanted, item)) in wanted.iter().zip(&items).enumerate() {
            compare(wanted, item, &path.item(index), out);
        }
        return;
    }
    if !same_scalar(expected, actual) {
        out.push(Mismatch {
            path: path.clone(),
            expected: expected.clone(),
            actual: Some(actual.clone()),
            mend: (path.clone(), actual.clone()),
        });
    }
}

/// Whether a value has everything that is expected of it.
pub fn holds(expected: &JsonText, actual: &JsonText) -> bool {
    let mut out = Vec::new();
    compare(expected, actual, &Path::default(), &mut out);
    out.is_empty()
}

/// The keys that were expected, with the values that came.
fn like(expected: &[(String, JsonText)], actual: &[(String, JsonText)]) -> JsonText {
    let found = |(name, _): &&(String, JsonText)| expected.iter().any(|(other, _)| other == name);
    let kept = actual.iter().filter(found);
    JsonText::object(kept.map(|(name, value)| (name.as_str(), value)))
}

fn same_scalar(a: &JsonText, b: &JsonText) -> bool {
    match (a.as_string(), b.as_string()) {
        (Some(a), Some(b)) => a == b,
        (None, None) => {
            let is_collection = |json: &JsonText| matches!(json.type_name(), "object" | "array");
            !is_collection(a) && !is_collection(b) && a == b
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &str, actual: &str, shown: &[&str]) {
        let json = |text: &str| JsonText::parse(text).unwrap();
        let mut out = Vec::new();
        compare(&json(expected), &json(actual), &Path::default(), &mut out);
        let found: Vec<String> = out
            .iter()
            .map(|one| {
                let actual = one.actual.as_ref().map_or("nothing", JsonText::as_str);
                format!("{}: {} not {actual}", one.path, one.expected)
            })
            .collect();
        assert_eq!(found, shown);
    }

    #[test]
    fn maps_by_named_keys_lists_as_a_whole() {
        check(r#"{"a":1}"#, r#"{"b":2,"a":1}"#, &[]);
        check(r#"{"a":null}"#, r#"{"b":2}"#, &[]);
        check(r#"{"a":{"b":1}}"#, r#"{"a":{}}"#, &["a.b: 1 not nothing"]);
        check("[1]", "[1, 2]", &[": [1] not [1, 2]"]);
        check(r#"[{"a":1}]"#, r#"[{"a":2,"b":1}]"#, &["[0].a: 1 not 2"]);
        check("[]", "[ ]", &[]);
        check("{}", r#"{"a":1}"#, &[]);
    }

    #[test]
    fn scalars_by_type_and_text() {
        check("1.10", "1.10", &[]);
        check("1.10", "1.1", &[": 1.10 not 1.1"]);
        check(r#""\u0061""#, r#""a""#, &[]);
        check("1", r#""1""#, &[r#": 1 not "1""#]);
        check("{}", "[]", &[": {} not []"]);
        check("null", "false", &[": null not false"]);
    }
}
