//! What is known about the shape of a value.

use super::fields;
use dowel_core::JsonText;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known about a value.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    /// Nothing.
    Any,
    /// It follows the part of a JSON Schema that the pointer (RFC 6901) names.
    Schema(Arc<Value>, String),
    /// It is an object of exactly these fields. Shared: values are put into values.
    Object(Arc<BTreeMap<String, Known>>),
    /// It follows one of these.
    OneOf(Vec<Known>),
}

/// Where a step into a value leads.
pub(crate) enum Leads {
    /// To a value of which this is known.
    Value(Known),
    /// Nowhere: the fields are listed and this is none of them.
    Excluded(Vec<String>),
    /// Perhaps somewhere: fields are listed, and others are possible.
    Undeclared(Vec<String>),
}

impl Known {
    /// What a schema says.
    pub(crate) fn schema(schema: &JsonText) -> Self {
        Self::Schema(Arc::new(schema.to_value()), String::new())
    }

    /// An object of which only the names of the fields are known.
    pub(crate) fn object(names: &[&str]) -> Self {
        let fields = names.iter().map(|name| ((*name).to_owned(), Self::Any));
        Self::Object(Arc::new(fields.collect()))
    }

    /// The field `segment`, or any item for `[]`.
    pub(crate) fn step_into(&self, segment: &str) -> Leads {
        match self {
            Self::Any => Leads::Value(Self::Any),
            Self::Schema(root, pointer) => fields::step_into(root, pointer, segment),
            Self::Object(_) if segment == "[]" => Leads::Value(Self::Any),
            Self::Object(fields) => match fields.get(segment) {
                Some(known) => Leads::Value(known.clone()),
                None => Leads::Excluded(fields.keys().cloned().collect()),
            },
            Self::OneOf(all) => best(all.iter().map(|known| known.step_into(segment))),
        }
    }

    /// Whether the value is an exact decimal.
    pub(crate) fn is_decimal(&self) -> bool {
        match self {
            Self::Any | Self::Object(_) => false,
            Self::Schema(root, pointer) => fields::is_decimal(root, pointer),
            Self::OneOf(all) => all.iter().any(Self::is_decimal),
        }
    }
}

/// The most permissive of several answers: a value that may be of several shapes has
/// the fields of all of them.
pub(crate) fn best(answers: impl Iterator<Item = Leads>) -> Leads {
    let mut values = Vec::new();
    let (mut undeclared, mut excluded) = (None, None);
    for answer in answers {
        match answer {
            Leads::Value(Known::OneOf(all)) => {
                all.into_iter().for_each(|known| add(&mut values, known));
            }
            Leads::Value(known) => add(&mut values, known),
            Leads::Undeclared(names) => merge(&mut undeclared, names),
            Leads::Excluded(names) => merge(&mut excluded, names),
        }
    }
    if values.iter().any(|known| matches!(known, Known::Any)) {
        return Leads::Value(Known::Any);
    }
    if values.len() > 1 {
        return Leads::Value(Known::OneOf(values));
    }
    if let Some(only) = values.pop() {
        return Leads::Value(only);
    }
    if let Some(names) = undeclared {
        return Leads::Undeclared(names);
    }
    excluded.map_or(Leads::Value(Known::Any), Leads::Excluded)
}

/// Adds what is not there yet: schemas that refer to themselves lead to the same places
/// over and over.
fn add(all: &mut Vec<Known>, known: Known) {
    let same = |other: &Known| match (other, &known) {
        (Known::Any, Known::Any) => true,
        (Known::Schema(a, at), Known::Schema(b, there)) => Arc::ptr_eq(a, b) && at == there,
        (Known::Object(a), Known::Object(b)) => Arc::ptr_eq(a, b),
        _ => false,
    };
    if !all.iter().any(same) {
        all.push(known);
    }
}

fn merge(all: &mut Option<Vec<String>>, names: Vec<String>) {
    all.get_or_insert_default().extend(names);
}
