//! Values that fit the types: for examples and cases.

use crate::model::{Answer, Api, Field, Form, Id, Next, Operation, Shape, Text, Type};
use serde_json::{Map, Value, json};

/// Fields of an output that are shown although they may be absent.
const MAX_OPTIONAL: usize = 6;

/// Lists deeper than this are empty.
const MAX_DEPTH: usize = 6;

/// The smallest input.
pub(crate) fn input(api: &Api, operation: &Operation) -> Value {
    object(api, operation.input, 0, 0)
}

/// What the upstream answers.
pub(crate) fn answer(api: &Api, operation: &Operation) -> Value {
    match &operation.answer {
        Answer::Nothing => Value::Null,
        Answer::Text => json!("text"),
        Answer::Json(ty) => {
            let mut answer = value(api, ty, MAX_OPTIONAL, 0);
            complete(&mut answer, api, operation);
            answer
        }
    }
}

/// What the operation makes of that answer.
pub(crate) fn output(api: &Api, operation: &Operation) -> Value {
    let answer = answer(api, operation);
    match (&operation.answer, &operation.page) {
        (Answer::Nothing, _) => json!({}),
        (_, Some(page)) if !matches!(page.next, Next::Answered(_)) => {
            let name = if page.items.is_some() {
                "answer"
            } else {
                "items"
            };
            let mut out = json!({ name: answer });
            if let Some(next) = next(operation, &answer) {
                out["next"] = next;
            }
            out
        }
        _ => answer,
    }
}

/// The page behind the first, which is the last: what is asked, answered and given.
pub(crate) struct Last {
    pub(crate) input: Value,
    pub(crate) answer: Value,
    pub(crate) output: Value,
}

/// The last page of an operation that has pages.
pub(crate) fn last(api: &Api, operation: &Operation) -> Option<Last> {
    let page = operation.page.as_ref()?;
    let first = answer(api, operation);
    let cursor = match &page.next {
        Next::Answered(pointer) => first.pointer(pointer)?.clone(),
        Next::Link => linked(operation),
        _ => next(operation, &first)?,
    };
    let mut asked = input(api, operation);
    asked[&operation.parameters[page.parameter].json] = cursor;
    let mut answered = first;
    match (&page.next, &page.more, &page.items) {
        (Next::Answered(pointer), ..) => {
            let (place, name) = pointer.rsplit_once('/')?;
            answered.pointer_mut(place)?.as_object_mut()?.remove(name);
        }
        (Next::Link, ..) => {}
        (_, Some(more), _) => answered[&more.wire] = json!(false),
        (_, None, Some(items)) => answered[&items.wire] = json!([]),
        (_, None, None) => answered = json!([]),
    }
    let output = match &page.next {
        Next::Answered(_) => answered.clone(),
        _ => json!({ if page.items.is_some() { "answer" } else { "items" }: answered }),
    };
    Some(Last {
        input: asked,
        answer: answered,
        output,
    })
}

/// The cursor that the header `Link` of the first page has.
pub(crate) fn linked(operation: &Operation) -> Value {
    let page = operation.page.as_ref();
    match page.map(|page| operation.parameters[page.parameter].ty.bare()) {
        Some(Type::Integer(..)) => json!(2),
        _ => json!("c2"),
    }
}

/// The cursor behind an answer.
fn next(operation: &Operation, answer: &Value) -> Option<Value> {
    let page = operation.page.as_ref()?;
    let items = match &page.items {
        Some(field) => &answer[&field.wire],
        None => answer,
    };
    let items = items.as_array()?;
    match &page.next {
        Next::Answered(_) => None,
        Next::Link => Some(linked(operation)),
        Next::LastId => items.last().map(|item| item["id"].clone()),
        Next::Offset => Some(json!(items.len())),
        Next::Number(first) => Some(json!(first + 1)),
    }
}

/// A first page has items, says that there is more, and where.
fn complete(answer: &mut Value, api: &Api, operation: &Operation) {
    let Some(page) = &operation.page else {
        return;
    };
    if let Some(items) = &page.items
        && answer[&items.wire].as_array().is_none_or(Vec::is_empty)
    {
        answer[&items.wire] = value(api, items.ty.bare(), MAX_OPTIONAL, 1);
    }
    if let Some(more) = &page.more {
        answer[&more.wire] = json!(true);
    }
    if let Next::Answered(pointer) = &page.next {
        let names: Vec<&str> = pointer.split('/').skip(1).collect();
        let is_number = matches!(
            operation.parameters[page.parameter].ty.bare(),
            Type::Integer(..)
        );
        let cursor = if is_number { json!(2) } else { json!("c2") };
        match names[..] {
            [name] => answer[name] = cursor,
            [outer, name] => {
                if !answer[outer].is_object() {
                    answer[outer] = outer_value(api, operation, outer);
                }
                answer[outer][name] = cursor;
            }
            _ => {}
        }
    }
}

fn outer_value(api: &Api, operation: &Operation, name: &str) -> Value {
    let Answer::Json(ty) = &operation.answer else {
        return json!({});
    };
    let Type::Named(id) = ty.bare() else {
        return json!({});
    };
    let field = api.fields(*id).iter().find(|field| field.wire == name);
    field.map_or(json!({}), |field| value(api, field.ty.bare(), 0, 1))
}

fn value(api: &Api, ty: &Type, optional: usize, depth: usize) -> Value {
    match ty {
        Type::Text(text) => json!(sample_text(text)),
        Type::Integer(least, most) => {
            json!(1.max(least.unwrap_or(1)).min(most.unwrap_or(i64::MAX)))
        }
        Type::Number => json!(1.5),
        Type::Truth => json!(true),
        Type::Either => json!("A-1"),
        Type::Any(Shape::Anything) => json!("any"),
        Type::Any(Shape::Object) => json!({}),
        Type::List(_) if depth >= MAX_DEPTH => json!([]),
        Type::List(item) => json!([value(api, item, optional, depth + 1)]),
        Type::Map(item) => json!({ "key": value(api, item, optional, depth + 1) }),
        Type::Nullable(inner) if depth < MAX_DEPTH => value(api, inner, optional, depth),
        Type::Nullable(_) => Value::Null,
        Type::Named(id) | Type::Any(Shape::Like(id)) => definition(api, *id, optional, depth),
    }
}

fn definition(api: &Api, id: Id, optional: usize, depth: usize) -> Value {
    // Only schemas that hold themselves without an end come here.
    if depth > 4 * MAX_DEPTH {
        return Value::Null;
    }
    match &api.types[id].form {
        Form::Record { .. } => object(api, id, optional, depth),
        Form::Union(variants) => match variants.first() {
            Some((_, ty)) => value(api, ty, optional, depth + 1),
            None => Value::Null,
        },
        Form::Wrapper(ty) => value(api, ty, optional, depth),
    }
}

/// What is required, and some of what is not.
fn object(api: &Api, id: Id, optional: usize, depth: usize) -> Value {
    let mut left = optional;
    let mut shown = |field: &&Field| {
        let plain = field.ty.is_scalar() && left > 0;
        if !field.required && plain {
            left -= 1;
        }
        field.required || plain
    };
    let fields = api.fields(id).iter().filter(|field| shown(field));
    let fields: Map<String, Value> = fields
        .map(|field| {
            (
                field.wire.clone(),
                value(api, &field.ty, optional / 2, depth + 1),
            )
        })
        .collect();
    Value::Object(fields)
}

fn sample_text(text: &Text) -> String {
    if let Some(first) = text.values.first() {
        return first.clone();
    }
    let sample = match text.format.as_deref() {
        Some("date-time") => "2026-01-02T03:04:05Z",
        Some("date") => "2026-01-02",
        Some("time") => "03:04:05Z",
        Some("email") => "ada@example.com",
        Some("uri") => "https://example.com/",
        Some("uuid") => "11111111-2222-4333-8444-555555555555",
        Some("ipv4") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        Some("hostname") => "example.com",
        _ => "text",
    };
    sample.to_owned()
}
