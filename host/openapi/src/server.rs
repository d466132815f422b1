//! Where the API is.

use crate::model::Note;
use serde_json::Value;

/// What stands in the place of a host that the document does not name (RFC 2606,
/// section 3).
const NOWHERE: &str = "https://api.example.com";

/// The addresses of `servers`, with the defaults of their variables.
pub(crate) fn all(document: &Value, notes: &mut Vec<Note>) -> Vec<String> {
    let listed = document["servers"].as_array().into_iter().flatten();
    let mut found: Vec<String> = listed.filter_map(one).collect();
    found.dedup();
    if found.is_empty() {
        found.push("/".to_owned());
    }
    for url in &mut found {
        let absolute = url.starts_with("https://") || url.starts_with("http://");
        if !absolute {
            notes.push(Note {
                place: "servers".to_owned(),
                what: format!("`{url}` names no host: the configuration does"),
            });
            *url = format!("{NOWHERE}/{}", url.trim_start_matches('/'));
        }
        url.truncate(url.trim_end_matches('/').len());
    }
    found
}

/// The first address of an operation's or a path's own `servers`.
pub(crate) fn own(place: &Value) -> Option<String> {
    let url = one(place["servers"].as_array()?.first()?)?;
    let absolute = url.starts_with("https://") || url.starts_with("http://");
    absolute.then(|| url.trim_end_matches('/').to_owned())
}

fn one(server: &Value) -> Option<String> {
    let mut url = server["url"].as_str()?.to_owned();
    for (name, variable) in crate::document::entries(&server["variables"]) {
        let value = variable["default"].as_str().unwrap_or(name);
        url = url.replace(&format!("{{{name}}}"), value);
    }
    // A query has no place in front of a path.
    let end = url.find(['?', '#', '{']).unwrap_or(url.len());
    url.truncate(end);
    Some(url)
}

/// `scheme://host` of an address.
pub(crate) fn origin(url: &str) -> &str {
    let after = url.find("://").map_or(0, |at| at + 3);
    let end = url[after..].find('/').map_or(url.len(), |at| after + at);
    &url[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn addresses() {
        let document = json!({ "servers": [
            { "url": "https://{region}.example.com/v1/", "variables": { "region": { "default": "eu" } } },
            { "url": "/api" },
        ]});
        let mut notes = Vec::new();
        let found = all(&document, &mut notes);
        assert_eq!(
            found,
            ["https://eu.example.com/v1", "https://api.example.com/api"]
        );
        assert_eq!(notes.len(), 1);
        assert_eq!(all(&json!({}), &mut notes), ["https://api.example.com"]);
        assert_eq!(origin("https://a.example/x/y"), "https://a.example");
        assert_eq!(own(&json!({ "servers": [{ "url": "/x" }] })), None);
    }
}
