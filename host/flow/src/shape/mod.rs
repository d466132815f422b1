//! Types that are read from YAML and describe themselves as JSON Schema, so that each
//! key, its type and its explanation stand in one place.

mod basic;
mod record;
mod suggest;
mod word;

pub(crate) use basic::{Any, Either, Formula, Located, MapOf, OneOrMany, boolean_word, expected};
pub(crate) use record::{Fields, choice, record};
pub(crate) use suggest::{closest, did_you_mean};
pub(crate) use word::{FromText, Key, Percent, Size, Text};

use crate::diagnostic::Report;
use crate::yaml::Node;
use serde_json::Value;
use std::collections::BTreeMap;

/// A type of the language.
pub(crate) trait Shape: Sized {
    /// Reads it; what is wrong goes into the report.
    fn decode(node: &Node, report: &mut Report) -> Option<Self>;

    /// Its JSON Schema (2020-12).
    fn schema(definitions: &mut Definitions) -> Value;

    /// The value of an absent key, for keys that may be absent.
    fn absent() -> Option<Self> {
        None
    }
}

/// The `$defs` of a schema document.
#[derive(Default)]
pub(crate) struct Definitions(
    pub(crate) BTreeMap<String, Value>,
    /// The keys of each map in their order, the outer maps first.
    Vec<(String, Vec<&'static str>)>,
);

impl Definitions {
    /// Notes the keys of a map.
    pub(crate) fn note(&mut self, name: &str, keys: &[&'static str]) {
        self.1.push((name.to_owned(), keys.to_vec()));
    }

    /// The keys of each map in their order, the outer maps first.
    pub(crate) fn keys(&self) -> &[(String, Vec<&'static str>)] {
        &self.1
    }

    /// A reference to the definition of this name, which is made on first use.
    pub(crate) fn refer(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.0.contains_key(name) {
            // Present before it is made: definitions refer to themselves.
            self.0.insert(name.to_owned(), Value::Null);
            let made = make(self);
            self.0.insert(name.to_owned(), made);
        }
        serde_json::json!({ "$ref": format!("#/$defs/{name}") })
    }
}
