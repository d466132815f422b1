//! The manifest that a project will have once it is built, without building it.

use crate::Problem;
use crate::model::{Api, Direction, Field, Form, Id, Next, Operation, Shape, Type};
use crate::sample;
use dowel_core::JsonText;
use dowel_core::manifest::{CONTRACTS, Manifest, OperationSpec, Pagination};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The manifest of an API.
pub(crate) fn manifest(api: &Api) -> Result<Manifest, Problem> {
    let wrong = |error: &dyn std::fmt::Display| Problem::Nothing(error.to_string());
    let operations = api
        .operations
        .iter()
        .map(|operation| operation_spec(api, operation));
    let config = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["base_url"],
        "properties": { "base_url": { "type": "string", "format": "uri" } },
    });
    Ok(Manifest {
        contract: CONTRACTS[CONTRACTS.len() - 1].to_owned(),
        name: api.name.clone(),
        version: api.version.clone(),
        summary: api.summary.clone(),
        config_schema: JsonText::of(&config).map_err(|error| wrong(&error))?,
        egress: egress(api),
        operations: operations.collect::<Result<_, Problem>>()?,
        blobs: false,
        sources: Vec::new(),
        receivers: Vec::new(),
    })
}

fn operation_spec(api: &Api, operation: &Operation) -> Result<OperationSpec, Problem> {
    let wrong = |error: &dyn std::fmt::Display| Problem::Nothing(error.to_string());
    let text = |value: &Value| JsonText::of(value).map_err(|error| wrong(&error));
    Ok(OperationSpec {
        name: operation.name.parse().map_err(|error| wrong(&error))?,
        summary: operation.summary.clone(),
        input_schema: text(&schema(api, operation.input))?,
        output_schema: text(&schema(api, operation.output))?,
        idempotency: operation.idempotency,
        effect: operation.effect,
        compensated_by: None,
        deprecated: None,
        pagination: pagination(operation),
        deadline_ms: None,
        retry_kinds: None,
        example_input: Some(text(&sample::input(api, operation))?),
        example_output: Some(text(&sample::output(api, operation))?),
    })
}

/// How flows follow the pages of an operation.
pub(crate) fn pagination(operation: &Operation) -> Option<Pagination> {
    let page = operation.page.as_ref()?;
    let items = page.items.as_ref().map(|field| format!("/{}", field.wire));
    let (cursor_out, items) = match (&page.next, items) {
        (Next::Answered(pointer), items) => (pointer.clone(), items.unwrap_or_default()),
        (_, None) => ("/next".to_owned(), "/items".to_owned()),
        (_, Some(items)) => ("/next".to_owned(), format!("/answer{items}")),
    };
    let cursor_in = format!("/{}", operation.parameters[page.parameter].json);
    Some(Pagination {
        cursor_in,
        cursor_out,
        items,
    })
}

/// Where the requests of all operations go: methods and URLs, none of which another
/// covers.
pub(crate) fn egress(api: &Api) -> Vec<String> {
    let mut rules: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for operation in &api.operations {
        let base = operation.origin.as_deref().unwrap_or("{base_url}");
        let path = match operation.path.split_once('{') {
            Some((fixed, _)) => format!("{fixed}*"),
            None => operation.path.clone(),
        };
        rules
            .entry(format!("{base}{path}"))
            .or_default()
            .insert(&operation.method);
    }
    let covered = |url: &str, method: &str| {
        rules.iter().any(|(other, methods)| {
            let prefix = other.strip_suffix('*');
            other != url && prefix.is_some_and(|p| url.starts_with(p)) && methods.contains(method)
        })
    };
    let left = rules.iter().filter_map(|(url, methods)| {
        let methods: Vec<&str> = methods
            .iter()
            .copied()
            .filter(|m| !covered(url, m))
            .collect();
        (!methods.is_empty()).then(|| format!("{} {url}", methods.join(",")))
    });
    left.collect()
}

/// The schema of a definition, with those that it refers to.
fn schema(api: &Api, root: Id) -> Value {
    let mut schemas = Schemas {
        api,
        open: vec![],
        done: Map::new(),
        seen: BTreeSet::new(),
    };
    let mut out = schemas.definition(root);
    while let Some(id) = schemas.open.pop() {
        let schema = schemas.definition(id);
        schemas.done.insert(api.types[id].name.clone(), schema);
    }
    if !schemas.done.is_empty() {
        out["$defs"] = Value::Object(schemas.done);
    }
    out
}

struct Schemas<'a> {
    api: &'a Api,
    open: Vec<Id>,
    done: Map<String, Value>,
    seen: BTreeSet<Id>,
}

impl Schemas<'_> {
    fn refer(&mut self, id: Id) -> Value {
        if self.seen.insert(id) {
            self.open.push(id);
        }
        json!({ "$ref": format!("#/$defs/{}", self.api.types[id].name) })
    }

    fn definition(&mut self, id: Id) -> Value {
        let definition = &self.api.types[id];
        let direction = definition.direction;
        match &definition.form {
            Form::Wrapper(ty) => self.ty(ty, direction),
            Form::Union(variants) => {
                let all: Vec<Value> = variants
                    .iter()
                    .map(|(_, ty)| self.ty(ty, direction))
                    .collect();
                json!({ "anyOf": all })
            }
            Form::Record { fields, open } => {
                let taken = direction == Direction::Taken;
                let properties: Map<String, Value> = fields
                    .iter()
                    .map(|field| (field.wire.clone(), self.field(field, direction)))
                    .collect();
                let is_required = |f: &&Field| f.required && !(taken && is_nullable(&f.ty));
                let required: Vec<&str> = fields
                    .iter()
                    .filter(is_required)
                    .map(|field| field.wire.as_str())
                    .collect();
                let mut out = json!({ "type": "object", "properties": properties });
                if !required.is_empty() {
                    out["required"] = json!(required);
                }
                if taken && !open {
                    out["additionalProperties"] = Value::Bool(false);
                }
                out
            }
        }
    }

    fn field(&mut self, field: &Field, direction: Direction) -> Value {
        let schema = self.ty(&field.ty, direction);
        match field.required || is_nullable(&field.ty) {
            true => schema,
            false => or_null(schema),
        }
    }

    fn ty(&mut self, ty: &Type, direction: Direction) -> Value {
        match ty {
            Type::Nullable(inner) => or_null(self.ty(inner, direction)),
            Type::Number => json!({ "type": "number" }),
            Type::Truth => json!({ "type": "boolean" }),
            Type::Either => json!({ "type": ["string", "integer"] }),
            Type::Any(Shape::Anything) => Value::Bool(true),
            Type::Any(Shape::Like(id)) | Type::Named(id) => self.refer(*id),
            Type::List(item) => json!({ "type": "array", "items": self.ty(item, direction) }),
            Type::Map(item) => {
                json!({ "type": "object", "additionalProperties": self.ty(item, direction) })
            }
            Type::Integer(..) => detail(ty, direction)
                .unwrap_or_else(|| json!({ "type": "integer", "format": "int64" })),
            Type::Text(_) | Type::Any(Shape::Object) => {
                detail(ty, direction).unwrap_or_else(|| json!({ "type": "string" }))
            }
        }
    }
}

/// The schema of a type of which more is known than Rust's type says.
///
/// The host holds answers against their schema: there it says no more than what would be
/// of no use otherwise. Upstreams add values, and write dates in forms of their own.
pub(crate) fn detail(ty: &Type, direction: Direction) -> Option<Value> {
    match ty {
        Type::Text(_) | Type::Integer(..) if direction == Direction::Given => None,
        Type::Text(text) if text.format.is_some() || !text.values.is_empty() => {
            let mut out = json!({ "type": "string" });
            if let Some(format) = &text.format {
                out["format"] = json!(format);
            }
            if !text.values.is_empty() {
                out["enum"] = json!(text.values);
            }
            Some(out)
        }
        Type::Integer(least, most) if least.is_some() || most.is_some() => {
            let mut out = json!({ "type": "integer" });
            if let Some(least) = least {
                out["minimum"] = json!(least);
            }
            if let Some(most) = most {
                out["maximum"] = json!(most);
            }
            Some(out)
        }
        Type::Any(Shape::Object) => Some(json!({ "type": "object" })),
        _ => None,
    }
}

fn is_nullable(ty: &Type) -> bool {
    matches!(ty, Type::Nullable(_))
}

/// The schema, or null.
fn or_null(schema: Value) -> Value {
    let Value::Object(mut fields) = schema else {
        return schema;
    };
    match fields.get_mut("type") {
        Some(Value::Array(types)) => types.push(json!("null")),
        Some(Value::String(one)) => {
            let one = std::mem::take(one);
            fields.insert("type".to_owned(), json!([one, "null"]));
        }
        _ => return json!({ "anyOf": [fields, { "type": "null" }] }),
    }
    if let Some(Value::Array(values)) = fields.get_mut("enum") {
        values.push(Value::Null);
    }
    Value::Object(fields)
}
