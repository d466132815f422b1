//! JSON compared by its text: numbers by their digits, objects by their keys.

use dowel_core::JsonText;

/// Whether two values are the same: keys in any order, numbers digit by digit.
pub(crate) fn same(a: &JsonText, b: &JsonText) -> bool {
    if let (Some(a), Some(b)) = (a.fields(), b.fields()) {
        let found = |name: &str| b.iter().find(|(other, _)| other == name);
        let all = |(name, value): &(String, JsonText)| {
            found(name).is_some_and(|(_, other)| same(value, other))
        };
        return a.len() == b.len() && a.iter().all(all);
    }
    if let (Some(a), Some(b)) = (a.items(), b.items()) {
        return a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| same(a, b));
    }
    match (a.as_string(), b.as_string()) {
        (Some(a), Some(b)) => a == b,
        (None, None) => a.as_str() == b.as_str(),
        _ => false,
    }
}

/// One step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Item(usize),
}

/// A value that is neither list nor map, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) path: Vec<Step>,
    pub(crate) value: JsonText,
}

/// Every value that is neither list nor map, in order.
pub(crate) fn leaves(json: &JsonText) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(json, &mut Vec::new(), &mut found);
    found
}

fn collect(json: &JsonText, path: &mut Vec<Step>, found: &mut Vec<Leaf>) {
    if let Some(fields) = json.fields() {
        for (name, value) in fields {
            path.push(Step::Key(name));
            collect(&value, path, found);
            path.pop();
        }
    } else if let Some(items) = json.items() {
        for (index, value) in items.iter().enumerate() {
            path.push(Step::Item(index));
            collect(value, path, found);
            path.pop();
        }
    } else {
        found.push(Leaf {
            path: path.clone(),
            value: json.clone(),
        });
    }
}

/// The value at a path.
pub(crate) fn at(json: &JsonText, path: &[Step]) -> Option<JsonText> {
    let Some((step, rest)) = path.split_first() else {
        return Some(json.clone());
    };
    let next = match step {
        Step::Key(name) => {
            let mut fields = json.fields()?.into_iter();
            fields.find(|(own, _)| own == name)?.1
        }
        Step::Item(index) => json.items()?.get(*index)?.clone(),
    };
    at(&next, rest)
}

/// The same with another value at a path; a key that is missing at its end is added.
pub(crate) fn with(json: &JsonText, path: &[Step], value: &JsonText) -> JsonText {
    let Some((step, rest)) = path.split_first() else {
        return value.clone();
    };
    match step {
        Step::Key(name) => {
            let mut fields = json.fields().unwrap_or_default();
            match fields.iter_mut().find(|(own, _)| own == name) {
                Some((_, inner)) => *inner = with(inner, rest, value),
                None => {
                    let inner = with(&JsonText::null(), rest, value);
                    fields.push((name.clone(), inner));
                }
            }
            JsonText::object(fields.iter().map(|(name, value)| (name.as_str(), value)))
        }
        Step::Item(index) => {
            let mut items = json.items().unwrap_or_default();
            if let Some(inner) = items.get_mut(*index) {
                *inner = with(inner, rest, value);
            }
            JsonText::array(&items)
        }
    }
}

/// The steps of a JSON Pointer (RFC 6901) into objects and lists.
pub(crate) fn pointer(text: &str) -> Vec<Step> {
    let steps = text.split('/').skip(1);
    steps
        .map(|step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            match step.parse() {
                Ok(index) => Step::Item(index),
                Err(_) => Step::Key(step),
            }
        })
        .collect()
}

/// The text of a scalar, without the quotes of a string.
pub(crate) fn plain(json: &JsonText) -> String {
    json.as_string().unwrap_or_else(|| json.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> JsonText {
        JsonText::parse(text).unwrap()
    }

    #[test]
    fn the_same_and_not() {
        for (a, b, expected) in [
            (r#"{"a":1,"b":[2]}"#, r#"{ "b": [2], "a": 1 }"#, true),
            ("1.10", "1.1", false),
            ("1", "\"1\"", false),
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#, false),
            (r#""\u0061""#, "\"a\"", true),
            ("[1,2]", "[2,1]", false),
        ] {
            assert_eq!(same(&json(a), &json(b)), expected, "{a} {b}");
        }
    }

    #[test]
    fn values_are_found_and_replaced() {
        let text = json(r#"{"a":[{"b":1.10},2],"c":"x"}"#);
        let shown: Vec<String> = leaves(&text).iter().map(|l| l.value.to_string()).collect();
        assert_eq!(shown, ["1.10", "2", "\"x\""]);
        let path = pointer("/a/0/b");
        assert_eq!(at(&text, &path).unwrap().as_str(), "1.10");
        let changed = with(&text, &path, &json("7"));
        assert_eq!(changed.as_str(), r#"{"a":[{"b":7},2],"c":"x"}"#);
        let added = with(&json("{}"), &pointer("/cursor"), &json("\"p\""));
        assert_eq!(added.as_str(), r#"{"cursor":"p"}"#);
        assert!(at(&text, &pointer("/a/5")).is_none());
    }
}
