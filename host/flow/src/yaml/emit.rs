//! JSON text as YAML that this crate reads back to the same JSON text.

use super::Plain;
use dowel_core::JsonText;

/// The longest line that a list or map is written on.
const MAX_WIDTH: usize = 110;

/// The deepest list or map that is written on one line.
const MAX_DEPTH: usize = 2;

/// A value on one line.
pub(crate) fn inline(json: &JsonText) -> String {
    if let Some(fields) = json.fields() {
        if fields.is_empty() {
            return "{}".to_owned();
        }
        let fields = fields
            .iter()
            .map(|(name, value)| format!("{}: {}", key(name), inline(value)));
        return format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "));
    }
    if let Some(items) = json.items() {
        let items: Vec<String> = items.iter().map(inline).collect();
        return format!("[{}]", items.join(", "));
    }
    match json.as_string() {
        Some(string) => text(&string),
        None => json.as_str().to_owned(),
    }
}

/// A value that stands behind `key:` or `-`, whose own line is indented by `indent` and
/// has `used` columns: on the same line if there is room, below and indented otherwise.
pub(crate) fn value(json: &JsonText, indent: usize, used: usize) -> String {
    let line = inline(json);
    if !is_block(json) || reads_well(json, &line, used + 1) {
        return format!(" {line}");
    }
    format!("\n{}", block(json, indent + 2))
}

/// A list or map with one line or more for each entry, the lines indented by `indent`.
pub(crate) fn block(json: &JsonText, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let mut lines = Vec::new();
    if let Some(fields) = json.fields() {
        for (name, field) in &fields {
            let key = format!("{pad}{}:", key(name));
            let used = key.chars().count();
            lines.push(format!("{key}{}", value(field, indent, used)));
        }
    }
    for item in json.items().unwrap_or_default() {
        let line = inline(&item);
        if !is_block(&item) || reads_well(&item, &line, indent + 2) {
            lines.push(format!("{pad}- {line}"));
        } else {
            let below = block(&item, indent + 2);
            lines.push(format!("{pad}- {}", below.trim_start()));
        }
    }
    lines.join("\n")
}

/// Whether a list or map is better on one line.
fn reads_well(json: &JsonText, line: &str, used: usize) -> bool {
    used + line.chars().count() <= MAX_WIDTH && depth(json) <= MAX_DEPTH
}

/// How many lists and maps are inside of each other.
fn depth(json: &JsonText) -> usize {
    let fields = json.fields().unwrap_or_default();
    let below = fields.iter().map(|(_, value)| depth(value));
    let items = json.items().unwrap_or_default();
    let deepest = below.chain(items.iter().map(depth)).max();
    deepest.map_or(0, |deepest| deepest + 1)
}

/// Whether a value can be written as a block.
pub(crate) fn is_block(json: &JsonText) -> bool {
    json.fields().is_some_and(|fields| !fields.is_empty())
        || json.items().is_some_and(|items| !items.is_empty())
}

/// A key of a map, quoted where YAML would take it for something else.
fn key(text: &str) -> String {
    quoted(text)
}

/// A text, quoted where YAML or Dowel would take it for something else.
fn text(text: &str) -> String {
    // In keys there are no expressions.
    quoted(&text.replace("${", "$${"))
}

fn quoted(text: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | '+');
    let is_plain = text.starts_with(|c: char| c.is_alphanumeric())
        && !text.ends_with(' ')
        && text.chars().all(|c| is_word(c) || c == ' ')
        && Plain::of(text) == Plain::Text;
    if is_plain {
        return text.to_owned();
    }
    if text.chars().all(|c| !c.is_control() && c != '\u{feff}') {
        return format!("'{}'", text.replace('\'', "''"));
    }
    // JSON's escapes are YAML's too.
    JsonText::string(text).as_str().to_owned()
}
