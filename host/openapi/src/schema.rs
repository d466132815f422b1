//! Schemas become types.
//!
//! Objects get a name and are looked into later, those that operations refer to first, so
//! that what is cut off is what lies deepest.

use crate::document::{Dialect, Document, entries, reference};
use crate::model::{Definition, Direction, Field, Form, Id, Note, Shape, Type, sentence};
use crate::name::{self, Names};
use crate::shape::{infer, simplify, text, type_names};
use crate::{Problem, circle, name::TYPES};
use serde_json::{Map, Value};
use std::collections::{HashMap, VecDeque};

/// `allOf` in `allOf`, and references on the way.
const MAX_MERGED: usize = 32;

/// What may stand beside the one member of `allOf` without changing the type.
const DECORATION: &[&str] = &[
    "allOf",
    "description",
    "title",
    "nullable",
    "example",
    "examples",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "xml",
    "externalDocs",
];

/// Where a schema stands.
#[derive(Clone)]
pub(crate) struct At {
    pub(crate) direction: Direction,
    /// What its type is called if it needs a name.
    pub(crate) hint: String,
    pub(crate) depth: usize,
    /// References on the way here.
    refs: Vec<String>,
}

impl At {
    pub(crate) fn new(direction: Direction, hint: &str) -> Self {
        let hint = name::pascal(hint);
        Self {
            direction,
            hint,
            depth: 0,
            refs: Vec::new(),
        }
    }

    fn named(&self, more: &str) -> Self {
        let hint = self.hint.clone() + &name::pascal(more);
        Self {
            hint: name::pascal(&hint),
            ..self.clone()
        }
    }
}

/// An object that is named and not looked into yet.
struct Waiting {
    id: Id,
    schema: Value,
    at: At,
}

/// The types that are being made.
pub(crate) struct Types<'a> {
    document: &'a Document,
    pub(crate) definitions: Vec<Definition>,
    known: HashMap<(String, Direction), Type>,
    waiting: VecDeque<Waiting>,
    names: Names,
    pub(crate) notes: Vec<Note>,
    depth: usize,
}

impl<'a> Types<'a> {
    pub(crate) fn new(document: &'a Document, depth: usize) -> Self {
        Self {
            document,
            definitions: Vec::new(),
            known: HashMap::new(),
            waiting: VecDeque::new(),
            names: Names::reserved(TYPES),
            notes: Vec::new(),
            depth,
        }
    }

    pub(crate) fn note(&mut self, place: &str, what: impl Into<String>) {
        let (place, what) = (place.to_owned(), what.into());
        self.notes.push(Note { place, what });
    }

    /// Adds a definition under a name that is its own.
    pub(crate) fn define(&mut self, name: &str, doc: &str, direction: Direction, form: Form) -> Id {
        let name = self.names.unique(name, "");
        let doc = sentence(doc);
        self.definitions.push(Definition {
            name,
            doc,
            direction,
            form,
        });
        self.definitions.len() - 1
    }

    /// The type of a schema.
    pub(crate) fn of(&mut self, schema: &Value, at: &At) -> Result<Type, Problem> {
        let Some(reference) = reference(schema) else {
            return self.inline(schema, at);
        };
        let key = (reference.to_owned(), at.direction);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        if at.refs.contains(&key.0) {
            self.note(
                reference,
                "refers to itself and is no object: it is passed on unread",
            );
            return Ok(Type::Any(Shape::Anything));
        }
        let target = self.document.at(reference)?;
        let last = reference.rsplit('/').next().unwrap_or(reference);
        let suffix = if at.direction == Direction::Taken {
            "Input"
        } else {
            ""
        };
        let mut inner = at.clone();
        inner.hint = name::pascal(last) + suffix;
        inner.refs.push(key.0.clone());
        let found = self.of(target, &inner)?;
        self.known.insert(key, found.clone());
        Ok(found)
    }

    fn inline(&mut self, schema: &Value, at: &At) -> Result<Type, Problem> {
        if let Some(only) = only_member(schema) {
            let inner = self.of(only, at)?;
            let nullable = schema["nullable"] == true;
            return Ok(if nullable { inner.nullable() } else { inner });
        }
        let schema = match schema.get("allOf") {
            Some(_) => &self.merged(schema, at, 0)?,
            None => schema,
        };
        if schema.get("not").is_some() {
            self.note(&at.hint, "`not` is not checked");
        }
        let (variants, null_variant) = self.variants(schema);
        let mut types = type_names(schema);
        let before = types.len();
        types.retain(|name| *name != "null");
        let null_value = |values: &Vec<Value>| values.contains(&Value::Null);
        let nullable = null_variant
            || types.len() < before
            || (self.document.dialect == Dialect::V3_0 && schema["nullable"] == true)
            || schema["enum"].as_array().is_some_and(null_value);
        let found = match variants.is_empty() {
            false => self.union(schema, &variants, at)?,
            true => self.single(schema, &types, at)?,
        };
        Ok(if nullable { found.nullable() } else { found })
    }

    /// A schema without alternatives.
    fn single(&mut self, schema: &Value, types: &[&str], at: &At) -> Result<Type, Problem> {
        let name = match types {
            [] => infer(schema),
            [one] => *one,
            many if many
                .iter()
                .all(|name| matches!(*name, "string" | "integer")) =>
            {
                return Ok(Type::Either);
            }
            many => {
                let as_one = |name: &&str| {
                    let mut one = schema.clone();
                    one["type"] = Value::String((*name).to_owned());
                    one
                };
                let variants: Vec<Value> = many.iter().map(as_one).collect();
                return self.union(&Value::Null, &variants, at);
            }
        };
        Ok(match name {
            "string" => Type::Text(text(schema)),
            "integer" => Type::Integer(schema["minimum"].as_i64(), schema["maximum"].as_i64()),
            "number" => Type::Number,
            "boolean" => Type::Truth,
            "array" => {
                if schema.get("prefixItems").is_some() {
                    self.note(&at.hint, "`prefixItems` is not checked");
                }
                let item = match schema.get("items") {
                    Some(items) => self.of(items, &at.named("Item"))?,
                    None => Type::Any(Shape::Anything),
                };
                Type::List(Box::new(item))
            }
            "object" => return self.object(schema, at),
            _ => Type::Any(Shape::Anything),
        })
    }

    fn object(&mut self, schema: &Value, at: &At) -> Result<Type, Problem> {
        let more = schema.get("additionalProperties").unwrap_or(&Value::Null);
        let typed = more.as_object().is_some_and(|more| !more.is_empty());
        let is_open = typed || *more == true || more.as_object().is_some();
        let has_fields = schema["properties"]
            .as_object()
            .is_some_and(|p| !p.is_empty());
        if !has_fields {
            return Ok(match typed {
                true => Type::Map(Box::new(self.of(more, &at.named("Value"))?)),
                false => Type::Any(Shape::Object),
            });
        }
        if at.depth >= self.depth {
            let what = format!(
                "lies deeper than {} objects and is passed on unread (`--depth`)",
                self.depth
            );
            self.note(&at.hint, what);
            return Ok(Type::Any(Shape::Object));
        }
        let form = Form::Record {
            fields: Vec::new(),
            open: is_open,
        };
        let id = self.define(&at.hint, doc(schema), at.direction, form);
        let mut inner = at.clone();
        inner.hint.clone_from(&self.definitions[id].name);
        inner.depth += 1;
        inner.refs.clear();
        let schema = schema.clone();
        self.waiting.push_back(Waiting {
            id,
            schema,
            at: inner,
        });
        // Fields that nobody knows cannot be kept in a struct without losing digits.
        Ok(if is_open {
            Type::Any(Shape::Like(id))
        } else {
            Type::Named(id)
        })
    }

    /// Looks into every object that is named.
    pub(crate) fn finish(&mut self) -> Result<(), Problem> {
        while let Some(Waiting { id, schema, at }) = self.waiting.pop_front() {
            let found = self.fields(&schema, &at)?;
            if let Form::Record { fields, .. } = &mut self.definitions[id].form {
                *fields = found;
            }
        }
        circle::break_all(&mut self.definitions);
        Ok(())
    }

    fn fields(&mut self, schema: &Value, at: &At) -> Result<Vec<Field>, Problem> {
        let required = schema["required"].as_array();
        let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|r| r == name));
        let hidden = match at.direction {
            Direction::Taken => "readOnly",
            Direction::Given => "writeOnly",
        };
        let mut names = Names::default();
        let mut fields = Vec::new();
        for (wire, property) in entries(&schema["properties"]) {
            let target = self.document.follow(property)?;
            if property[hidden] == true || target[hidden] == true {
                continue;
            }
            let ty = self.of(property, &at.named(wire))?;
            let words = if doc(property).is_empty() {
                doc(target)
            } else {
                doc(property)
            };
            fields.push(Field {
                wire: wire.to_owned(),
                ident: names.unique(&name::snake(wire, "field"), "_"),
                doc: sentence(words) + &known_values(&ty, at.direction),
                ty,
                required: is_required(wire),
                boxed: false,
            });
        }
        Ok(fields)
    }

    /// The alternatives that a schema leaves, and whether null is one.
    fn variants(&self, schema: &Value) -> (Vec<Value>, bool) {
        let listed = ["oneOf", "anyOf"]
            .iter()
            .find_map(|key| schema[*key].as_array());
        let Some(listed) = listed else {
            return (Vec::new(), false);
        };
        let is_null =
            |v: &&Value| v["type"] == "null" || v["enum"] == Value::Array(vec![Value::Null]);
        let shapes = |v: &&Value| {
            // `anyOf: [{ required: [a] }, { required: [b] }]` says nothing about types.
            let keys = v.as_object().into_iter().flat_map(Map::keys);
            keys.into_iter()
                .any(|key| !matches!(key.as_str(), "required" | "not" | "title"))
        };
        let null = listed.iter().any(|v| is_null(&v));
        let kept = listed.iter().filter(|v| !is_null(v) && shapes(v));
        (kept.cloned().collect(), null)
    }

    fn union(&mut self, schema: &Value, variants: &[Value], at: &At) -> Result<Type, Problem> {
        let mut base = schema.clone();
        if let Some(base) = base.as_object_mut() {
            base.remove("oneOf");
            base.remove("anyOf");
            base.remove("nullable");
            base.remove("discriminator");
        }
        let adds = base.get("properties").is_some() || base.get("required").is_some();
        let mut found: Vec<Type> = Vec::new();
        let mut nullable = false;
        for (index, variant) in variants.iter().enumerate() {
            let inner = at.named(
                variant["title"]
                    .as_str()
                    .unwrap_or(&format!("Variant{}", index + 1)),
            );
            let ty = match adds {
                true => {
                    let both = serde_json::json!({ "allOf": [base, variant] });
                    self.of(&both, &inner)?
                }
                false => self.of(variant, &inner)?,
            };
            nullable |= matches!(ty, Type::Nullable(_));
            let ty = ty.bare().clone();
            if !found.contains(&ty) {
                found.push(ty);
            }
        }
        let one = match simplify(&found) {
            Some(simple) => simple,
            None => {
                let named = self.variant_names(found);
                let id = self.define(&at.hint, doc(schema), at.direction, Form::Union(named));
                self.note(
                    &at.hint,
                    "has alternatives: the value is passed on unread, the schema names them",
                );
                Type::Any(Shape::Like(id))
            }
        };
        Ok(if nullable { one.nullable() } else { one })
    }

    fn variant_names(&self, types: Vec<Type>) -> Vec<(String, Type)> {
        let mut names = Names::reserved(&["Self"]);
        let named = types.into_iter().map(|ty| {
            let name = match &ty {
                Type::Text(_) => "Text",
                Type::Integer(..) | Type::Number => "Number",
                Type::Truth => "Truth",
                Type::Either => "Id",
                Type::List(_) => "List",
                Type::Map(_) | Type::Any(Shape::Object) => "Object",
                Type::Any(Shape::Like(id)) | Type::Named(id) => &self.definitions[*id].name,
                Type::Any(_) | Type::Nullable(_) => "Other",
            };
            (names.unique(name, ""), ty)
        });
        named.collect()
    }

    /// `allOf` as one schema: the later member wins where they differ.
    fn merged(&mut self, schema: &Value, at: &At, hops: usize) -> Result<Value, Problem> {
        if hops > MAX_MERGED {
            let what = "leads round in a circle through `allOf`";
            return Err(Problem::Reference(at.hint.clone(), what));
        }
        let schema = self.document.follow(schema)?;
        let Some(members) = schema.get("allOf").and_then(Value::as_array) else {
            return Ok(schema.clone());
        };
        let mut out = Map::new();
        for member in members {
            let member = self.merged(member, at, hops + 1)?;
            let clash = ["oneOf", "anyOf"];
            if clash
                .iter()
                .any(|key| out.contains_key(*key) && member.get(*key).is_some())
            {
                self.note(
                    &at.hint,
                    "has alternatives in several members of `allOf`: the last ones count",
                );
            }
            overlay(&mut out, &member);
        }
        let mut own = schema.clone();
        if let Some(own) = own.as_object_mut() {
            own.remove("allOf");
        }
        overlay(&mut out, &own);
        Ok(Value::Object(out))
    }
}

/// The values that are known of an answer, which may have others later.
fn known_values(ty: &Type, direction: Direction) -> String {
    const SHOWN: usize = 12;
    match ty.bare() {
        Type::Text(text) if direction == Direction::Given && !text.values.is_empty() => {
            let quoted = text
                .values
                .iter()
                .take(SHOWN)
                .map(|value| format!("{value:?}"));
            format!(" Known: {}.", quoted.collect::<Vec<_>>().join(", "))
        }
        _ => String::new(),
    }
}

/// The one member of an `allOf` that is only decorated.
fn only_member(schema: &Value) -> Option<&Value> {
    let [only] = schema.get("allOf")?.as_array()?.as_slice() else {
        return None;
    };
    let mut keys = schema.as_object()?.keys();
    let plain = |key: &String| DECORATION.contains(&key.as_str()) || key.starts_with("x-");
    keys.all(plain).then_some(only)
}

fn overlay(out: &mut Map<String, Value>, more: &Value) {
    for (key, value) in entries(more) {
        match (key, out.get_mut(key), value) {
            ("properties", Some(Value::Object(known)), Value::Object(more)) => {
                known.extend(more.clone());
            }
            ("required", Some(Value::Array(known)), Value::Array(more)) => {
                let new: Vec<Value> = more
                    .iter()
                    .filter(|r| !known.contains(r))
                    .cloned()
                    .collect();
                known.extend(new);
            }
            _ => {
                out.insert(key.to_owned(), value.clone());
            }
        }
    }
}

/// What a schema says about itself.
pub(crate) fn doc(schema: &Value) -> &str {
    let words = schema["description"].as_str().or(schema["title"].as_str());
    words.unwrap_or("")
}
