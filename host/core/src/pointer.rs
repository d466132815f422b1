//! JSON Pointers (RFC 6901) over raw JSON text: number literals stay as they are.

use crate::json::JsonText;

/// The value at a pointer; `None` if there is none.
pub fn get(json: &JsonText, pointer: &str) -> Option<JsonText> {
    let mut value = json.clone();
    for segment in segments(pointer)? {
        value = match (value.fields(), value.items()) {
            (Some(fields), _) => fields.into_iter().find(|(name, _)| *name == segment)?.1,
            (None, Some(items)) => items.into_iter().nth(segment.parse().ok()?)?,
            (None, None) => return None,
        };
    }
    Some(value)
}

/// The same document with `value` at the pointer, objects on the way there are made;
/// `None` if something else than an object is in the way.
pub fn set(json: &JsonText, pointer: &str, value: &JsonText) -> Option<JsonText> {
    place(json, &segments(pointer)?, value)
}

fn place(json: &JsonText, way: &[String], value: &JsonText) -> Option<JsonText> {
    let Some((first, rest)) = way.split_first() else {
        return Some(value.clone());
    };
    let mut fields = if json.is_null() {
        Vec::new()
    } else {
        json.fields()?
    };
    match fields.iter_mut().find(|(name, _)| name == first) {
        Some((_, inner)) => *inner = place(inner, rest, value)?,
        None => fields.push((first.clone(), place(&JsonText::null(), rest, value)?)),
    }
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value));
    Some(JsonText::object(fields))
}

/// The segments of a pointer, unescaped; `None` if the text is no pointer.
pub fn segments(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let parts = pointer.strip_prefix('/')?.split('/');
    Some(
        parts
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> JsonText {
        JsonText::parse(text).unwrap()
    }

    #[test]
    fn values_are_found_and_placed() {
        let document = json(r#"{"a/b":{"n":[1.10,12345678901234567890]}}"#);
        assert_eq!(
            get(&document, "/a~1b/n/1"),
            Some(json("12345678901234567890"))
        );
        assert_eq!(get(&document, "/a~1b/x"), None);
        assert_eq!(get(&document, "n"), None);
        let cursor = json("\"c2\"");
        let check = |input: &str, pointer: &str, expected: Option<&str>| {
            assert_eq!(set(&json(input), pointer, &cursor), expected.map(json));
        };
        check(
            r#"{"n":1.10}"#,
            "/page/after",
            Some(r#"{"n":1.10,"page":{"after":"c2"}}"#),
        );
        check(r#"{"after":null}"#, "/after", Some(r#"{"after":"c2"}"#));
        check("null", "/after", Some(r#"{"after":"c2"}"#));
        check("[1]", "/after", None);
    }
}
