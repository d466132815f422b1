//! Maps with fixed keys, and words from a fixed list.

use super::basic::expected;
use super::{Shape, closest, did_you_mean};
use crate::diagnostic::Report;
use crate::text::Span;
use crate::yaml::{Entry, Node};
use dowel_core::code::flow as code;

/// The keys of a map while it is read.
pub(crate) struct Fields<'n> {
    entries: &'n [Entry],
    span: Span,
    /// Keys that unknown ones were probably meant to be.
    meant: Vec<String>,
}

impl<'n> Fields<'n> {
    /// Checks the keys against those that exist.
    pub(crate) fn open(
        node: &'n Node,
        known: &[&str],
        not_yet: &[&str],
        report: &mut Report,
    ) -> Option<Self> {
        let Node::Map(entries, span) = node else {
            expected("a map", node, report);
            return None;
        };
        let mut meant = Vec::new();
        for entry in entries {
            let (name, span) = (entry.key.text.as_str(), entry.key.span);
            if known.contains(&name) || name.starts_with("x-") {
                continue;
            }
            if not_yet.contains(&name) {
                let message = format!("`{name}` is not supported yet by this version of the host");
                report.error(code::NOT_SUPPORTED_YET, span, message);
                continue;
            }
            meant.extend(closest(name, known.iter().copied()).map(str::to_owned));
            let found = report.error(code::UNKNOWN_KEY, span, format!("unknown key `{name}`"));
            if let Some(help) = did_you_mean(name, known.iter().copied()) {
                found.help(help);
            }
        }
        Some(Self {
            entries,
            span: *span,
            meant,
        })
    }

    /// Reads the value of a key.
    pub(crate) fn take<T: Shape>(&self, name: &str, report: &mut Report) -> Option<T> {
        match self.entries.iter().find(|entry| entry.key.text == name) {
            Some(entry) => T::decode(&entry.value, report),
            None => {
                let absent = T::absent();
                if absent.is_none() && !self.meant.iter().any(|key| key == name) {
                    let message = format!("the key `{name}` is missing");
                    report.error(code::MISSING_KEY, self.span, message);
                }
                absent
            }
        }
    }

    /// The keys with their places.
    pub(crate) fn keys(&self) -> Vec<(String, Span)> {
        let keys = self.entries.iter();
        keys.map(|entry| (entry.key.text.clone(), entry.key.span))
            .collect()
    }

    /// Where the map begins.
    pub(crate) fn span(&self) -> Span {
        self.span
    }
}

/// Declares a map with fixed keys: the struct, how it is read and its JSON Schema.
/// The keys after `not_yet` belong to the language and are refused as not built yet.
macro_rules! record {
    (
        $(#[doc = $doc:literal])+
        $name:ident { $($(#[doc = $field_doc:literal])+ $field:ident = $key:literal: $type:ty,)* }
        not_yet [$($later:literal),*]
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        #[allow(dead_code, reason = "descriptive keys are checked for their form only")]
        pub(crate) struct $name {
            /// Where it begins.
            pub(crate) span: $crate::text::Span,
            /// The keys that are there.
            pub(crate) keys: Vec<(String, $crate::text::Span)>,
            $($(#[doc = $field_doc])+ pub(crate) $field: $type,)*
        }

        impl $crate::shape::Shape for $name {
            fn decode(
                node: &$crate::yaml::Node,
                report: &mut $crate::diagnostic::Report,
            ) -> Option<Self> {
                let fields =
                    $crate::shape::Fields::open(node, &[$($key),*], &[$($later),*], report)?;
                $(let $field = fields.take::<$type>($key, report);)*
                Some(Self {
                    span: fields.span(),
                    keys: fields.keys(),
                    $($field: $field?,)*
                })
            }

            fn schema(definitions: &mut $crate::shape::Definitions) -> serde_json::Value {
                definitions.refer(stringify!($name), |definitions| {
                    definitions.note(stringify!($name), &[$($key),*]);
                    let mut properties = serde_json::Map::new();
                    let mut required: Vec<&str> = Vec::new();
                    $(
                        let mut schema = <$type as $crate::shape::Shape>::schema(definitions);
                        schema["description"] = concat!($($field_doc),+).trim().into();
                        properties.insert($key.to_owned(), schema);
                        if <$type as $crate::shape::Shape>::absent().is_none() {
                            required.push($key);
                        }
                    )*
                    serde_json::json!({
                        "type": "object",
                        "description": concat!($($doc),+).trim(),
                        "properties": properties,
                        "required": required,
                        "patternProperties": { "^x-": {} },
                        "additionalProperties": false,
                    })
                })
            }
        }
    };
}

/// Declares a word from a fixed list. The words after `not_yet` belong to the language
/// and are refused as not built yet.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])+
        $name:ident { $($variant:ident = $word:literal,)* }
        not_yet [$($later:literal),*]
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the words are explained where they are used")]
        pub(crate) enum $name { $($variant,)* }

        impl $crate::shape::Shape for $name {
            fn decode(
                node: &$crate::yaml::Node,
                report: &mut $crate::diagnostic::Report,
            ) -> Option<Self> {
                let $crate::shape::Text(text) = $crate::shape::Shape::decode(node, report)?;
                match text.as_str() {
                    $($word => return Some(Self::$variant),)*
                    $($later => {
                        let message = format!(
                            "`{text}` is not supported yet by this version of the host"
                        );
                        report.error(
                            dowel_core::code::flow::NOT_SUPPORTED_YET, node.span(), message,
                        );
                    })*
                    _ => {
                        let found = report.error(
                            dowel_core::code::flow::UNKNOWN_VALUE,
                            node.span(),
                            format!("`{text}` is not accepted here"),
                        );
                        if let Some(help) = $crate::shape::did_you_mean(&text, [$($word),*]) {
                            found.help(help);
                        }
                    }
                }
                None
            }

            fn schema(_: &mut $crate::shape::Definitions) -> serde_json::Value {
                serde_json::json!({ "enum": [$($word),*] })
            }
        }
    };
}

pub(crate) use {choice, record};
