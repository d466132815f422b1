//! YAML 1.2 (core schema) as JSON values, with aliases and merge keys: documents of
//! others use what the flow language refuses.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};
use std::collections::HashMap;

/// Values of one document, those of repeated aliases included: a small file must not
/// become a large tree.
const MAX_VALUES: usize = 4_000_000;

/// Deeper documents are attacks or mistakes, and what walks the tree recurses.
const MAX_DEPTH: usize = 200;

/// Reads the first document. The error says what is wrong, and in which line.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let line = span.start.line();
        match builder.event(event) {
            Ok(true) => break,
            Ok(false) => {}
            Err(what) => return Err(format!("line {line}: {what}")),
        }
    }
    builder.root.ok_or_else(|| "the file is empty".to_owned())
}

/// A list or map that is not closed yet.
enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

#[derive(Default)]
struct Builder {
    stack: Vec<(Open, usize)>,
    anchors: HashMap<usize, (Value, usize)>,
    values: usize,
    root: Option<Value>,
}

impl Builder {
    /// Takes an event; `true` at the end of the document.
    fn event(&mut self, event: Event<'_>) -> Result<bool, &'static str> {
        match event {
            Event::DocumentEnd => return Ok(true),
            Event::Scalar(text, style, anchor, _) => {
                let value = match style {
                    ScalarStyle::Plain => plain(&text),
                    _ => Value::String(text.into_owned()),
                };
                self.add(value, anchor)?;
            }
            Event::SequenceStart(anchor, _) => self.open(Open::List(Vec::new()), anchor)?,
            Event::MappingStart(anchor, _) => self.open(Open::Map(Map::new(), None), anchor)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((open, anchor)) = self.stack.pop() {
                    let value = match open {
                        Open::List(items) => Value::Array(items),
                        Open::Map(fields, _) => Value::Object(fields),
                    };
                    self.add(value, anchor)?;
                }
            }
            Event::Alias(anchor) => {
                let found = self.anchors.get(&anchor).cloned();
                let (value, size) = found.ok_or("an alias of what is not there yet")?;
                self.count(size)?;
                self.add(value, 0)?;
            }
            _ => {}
        }
        Ok(false)
    }

    fn open(&mut self, open: Open, anchor: usize) -> Result<(), &'static str> {
        if self.stack.len() >= MAX_DEPTH {
            return Err("lists and maps are nested too deeply");
        }
        self.stack.push((open, anchor));
        Ok(())
    }

    fn count(&mut self, more: usize) -> Result<(), &'static str> {
        self.values += more;
        match self.values > MAX_VALUES {
            true => Err("the document has too many values"),
            false => Ok(()),
        }
    }

    fn add(&mut self, value: Value, anchor: usize) -> Result<(), &'static str> {
        self.count(1)?;
        if anchor > 0 {
            let size = size(&value);
            self.anchors.insert(anchor, (value.clone(), size));
        }
        match self.stack.last_mut() {
            None => self.root = Some(value),
            Some((Open::List(items), _)) => items.push(value),
            Some((Open::Map(fields, key), _)) => match key.take() {
                None => *key = Some(key_text(value)?),
                Some(key) if key == "<<" => merge(fields, value),
                Some(key) => {
                    fields.insert(key, value);
                }
            },
        }
        Ok(())
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

/// Keys are texts in JSON: `200:` is the key `200`.
fn key_text(value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null => Ok("null".to_owned()),
        _ => Err("a list or a map cannot be a key"),
    }
}

/// `<<: *defaults`: what is there already stays.
fn merge(fields: &mut Map<String, Value>, value: Value) {
    match value {
        Value::Object(more) => {
            for (key, value) in more {
                fields.entry(key).or_insert(value);
            }
        }
        Value::Array(all) => all.into_iter().for_each(|one| merge(fields, one)),
        _ => {}
    }
}

/// A scalar without quotes (YAML 1.2.2, section 10.3.2).
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let number = text.strip_prefix('+').unwrap_or(text);
    let begins = number.trim_start_matches('-').as_bytes().first();
    if !begins.is_some_and(u8::is_ascii_digit) {
        return Value::String(text.to_owned());
    }
    let read: Option<Number> = serde_json::from_str(number).ok();
    read.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values() {
        let text = "a: &x {b: 1, c: [yes, 'true', true, ~, 1.5, 1.2.3, 007]}\n200: *x\nd: {<<: *x, b: 2}\n";
        let c = json!(["yes", "true", true, null, 1.5, "1.2.3", "007"]);
        let expected = json!({
            "a": { "b": 1, "c": c }, "200": { "b": 1, "c": c }, "d": { "b": 2, "c": c },
        });
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn bombs_and_mistakes() {
        let mut bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
        for i in 1..9 {
            let of = format!("*a{}", i - 1);
            bomb += &format!("a{i}: &a{i} [{}]\n", vec![of; 10].join(", "));
        }
        assert!(parse(&bomb).unwrap_err().contains("too many values"));
        assert!(parse(&"[".repeat(1000)).is_err());
        assert!(parse("a: [").unwrap_err().contains("line"));
        assert!(parse("").is_err());
    }
}
