//! What a schema without references says about its type.

use crate::model::{Shape, Text, Type};
use serde_json::Value;

/// Formats that mean the same everywhere.
const FORMATS: &[&str] = &[
    "date-time",
    "date",
    "time",
    "email",
    "uri",
    "uuid",
    "ipv4",
    "ipv6",
    "hostname",
];

pub(crate) fn type_names(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The type of a schema that names none.
pub(crate) fn infer(schema: &Value) -> &'static str {
    let values = schema["enum"].as_array();
    let first = values.and_then(|values| values.iter().find(|value| !value.is_null()));
    if schema.get("properties").is_some() || schema.get("additionalProperties").is_some() {
        "object"
    } else if schema.get("items").is_some() {
        "array"
    } else {
        match first.or(schema.get("const")) {
            Some(Value::String(_)) => "string",
            Some(Value::Bool(_)) => "boolean",
            Some(Value::Number(number)) if number.is_i64() => "integer",
            Some(Value::Number(_)) => "number",
            _ => "",
        }
    }
}

pub(crate) fn text(schema: &Value) -> Text {
    let format = schema["format"].as_str().filter(|f| FORMATS.contains(f));
    let values: Vec<&Value> = match (schema.get("const"), schema["enum"].as_array()) {
        (Some(only), _) => vec![only],
        (None, Some(values)) => values.iter().filter(|value| !value.is_null()).collect(),
        (None, None) => Vec::new(),
    };
    let mut texts: Vec<String> = values
        .iter()
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect();
    if texts.len() < values.len() {
        texts.clear();
    }
    Text {
        format: format.map(str::to_owned),
        values: texts,
    }
}

/// One type that stands for all of them, if there is one.
pub(crate) fn simplify(types: &[Type]) -> Option<Type> {
    if let [one] = types {
        return Some(one.clone());
    }
    if types.contains(&Type::Any(Shape::Anything)) {
        return Some(Type::Any(Shape::Anything));
    }
    let texts: Option<Vec<&Text>> = types
        .iter()
        .map(|ty| match ty {
            Type::Text(text) => Some(text),
            _ => None,
        })
        .collect();
    if let Some(texts) = texts {
        let any = texts.iter().any(|text| text.values.is_empty());
        let mut values: Vec<String> = texts.iter().flat_map(|text| text.values.clone()).collect();
        if any {
            values.clear();
        }
        return Some(Type::Text(Text {
            format: None,
            values,
        }));
    }
    let all = |wanted: fn(&Type) -> bool| types.iter().all(wanted);
    if all(|ty| matches!(ty, Type::Integer(..))) {
        return Some(Type::Integer(None, None));
    }
    if all(|ty| matches!(ty, Type::Integer(..) | Type::Number)) {
        return Some(Type::Number);
    }
    all(|ty| matches!(ty, Type::Integer(..) | Type::Text(_) | Type::Either)).then_some(Type::Either)
}
