//! `src/types.rs`: what goes in and comes out.

use super::MADE;
use crate::contract::detail;
use crate::model::{Api, Definition, Direction, Field, Form, Shape, Type};
use crate::name::{self, Names, TYPES, escaped};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What the file begins with.
const HEAD: &str = r#"#![allow(dead_code, unused_imports, unused_macros)]

use dowel_sdk::{Id, Json, NumberText};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Tells "null" from "not there".
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Types that stand in schemas only: what is known of a value beside its type in Rust.
macro_rules! schemas {
    ($($name:ident = $schema:tt;)*) => { $(
        struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                schemars::json_schema!($schema)
            }
        }
    )* };
}
"#;

/// The text of the file.
pub(super) fn types(api: &Api) -> String {
    let mut names = Names::reserved(TYPES);
    for definition in &api.types {
        names.unique(&definition.name, "");
    }
    let mut writer = Writer {
        api,
        names,
        schemas: BTreeMap::new(),
    };
    let mut body = String::new();
    let mut order: Vec<&Definition> = api.types.iter().collect();
    order.sort_by(|a, b| a.name.cmp(&b.name));
    for definition in order {
        writer.definition(definition, &mut body);
    }
    let mut out = format!("//! What goes in and comes out. {MADE}\n\n{HEAD}");
    if !writer.schemas.is_empty() {
        let mut all: Vec<(&String, &String)> = writer.schemas.iter().collect();
        all.sort_by_key(|(_, name)| *name);
        out.push_str("\nschemas! {\n");
        for (schema, name) in all {
            let _ = writeln!(out, "    {name} = {schema};");
        }
        out.push_str("}\n");
    }
    out + &body
}

struct Writer<'a> {
    api: &'a Api,
    names: Names,
    /// Schemas, and what they are called.
    schemas: BTreeMap<String, String>,
}

impl Writer<'_> {
    fn definition(&mut self, definition: &Definition, out: &mut String) {
        out.push('\n');
        comment(&definition.doc, "", out);
        let (name, direction) = (&definition.name, definition.direction);
        match &definition.form {
            Form::Union(variants) => {
                let _ = writeln!(
                    out,
                    "#[derive(JsonSchema)]\n#[schemars(untagged)]\nenum {name} {{"
                );
                for (variant, ty) in variants {
                    let ty = self.in_schema(ty, &format!("{name}{variant}"), direction);
                    let _ = writeln!(out, "    {variant}({ty}),");
                }
                out.push_str("}\n");
            }
            Form::Wrapper(ty) => {
                derive(out);
                let _ = writeln!(out, "#[serde(transparent)]\npub(crate) struct {name}(");
                let (rust, schema) = (self.rust(ty), self.in_schema(ty, name, direction));
                if rust != schema {
                    let _ = writeln!(out, "    #[schemars(with = {schema:?})]");
                }
                let _ = writeln!(out, "    pub(crate) {rust},\n);");
            }
            Form::Record { fields, open } => {
                derive(out);
                if direction == Direction::Taken && !open {
                    out.push_str("#[serde(deny_unknown_fields)]\n");
                }
                if fields.is_empty() {
                    let _ = writeln!(out, "pub(crate) struct {name} {{}}");
                    return;
                }
                let _ = writeln!(out, "pub(crate) struct {name} {{");
                for field in fields {
                    self.field(definition, field, out);
                }
                out.push_str("}\n");
            }
        }
    }

    fn field(&mut self, definition: &Definition, field: &Field, out: &mut String) {
        comment(&field.doc, "    ", out);
        let hint = format!("{}{}", definition.name, name::pascal(&field.wire));
        let boxed = |text: String| {
            if field.boxed {
                format!("Box<{text}>")
            } else {
                text
            }
        };
        let bare = field.ty.bare();
        let (mut rust, mut schema) = (
            boxed(self.rust(bare)),
            boxed(self.in_schema(bare, &hint, definition.direction)),
        );
        let nullable = matches!(field.ty, Type::Nullable(_));
        let mut serde: Vec<String> = Vec::new();
        let ident = escaped(&field.ident);
        if ident.trim_start_matches("r#") != field.wire {
            serde.push(format!("rename = {:?}", field.wire));
        }
        if nullable || !field.required {
            (rust, schema) = (format!("Option<{rust}>"), format!("Option<{schema}>"));
        }
        if !field.required {
            if nullable && definition.direction == Direction::Taken {
                if schema == rust {
                    schema = rust.clone();
                }
                rust = format!("Option<{rust}>");
                serde.push("default, deserialize_with = \"given\"".to_owned());
            }
            serde.push("skip_serializing_if = \"Option::is_none\"".to_owned());
        }
        if !serde.is_empty() {
            let _ = writeln!(out, "    #[serde({})]", serde.join(", "));
        }
        if rust != schema {
            let _ = writeln!(out, "    #[schemars(with = {schema:?})]");
        }
        let _ = writeln!(out, "    pub(crate) {ident}: {rust},");
    }

    /// The type as values have it.
    fn rust(&self, ty: &Type) -> String {
        match ty {
            Type::Text(_) => "String".to_owned(),
            Type::Integer(..) => "i64".to_owned(),
            Type::Number => "NumberText".to_owned(),
            Type::Truth => "bool".to_owned(),
            Type::Either => "Id".to_owned(),
            Type::Any(_) => "Json".to_owned(),
            Type::List(item) => format!("Vec<{}>", self.rust(item)),
            Type::Map(item) => format!("BTreeMap<String, {}>", self.rust(item)),
            Type::Named(id) => self.api.types[*id].name.clone(),
            Type::Nullable(inner) => format!("Option<{}>", self.rust(inner)),
        }
    }

    /// The type as the schema has it.
    fn in_schema(&mut self, ty: &Type, hint: &str, direction: Direction) -> String {
        match ty {
            Type::List(item) => format!("Vec<{}>", self.in_schema(item, hint, direction)),
            Type::Map(item) => format!(
                "BTreeMap<String, {}>",
                self.in_schema(item, hint, direction)
            ),
            Type::Nullable(inner) => format!("Option<{}>", self.in_schema(inner, hint, direction)),
            Type::Any(Shape::Like(id)) => self.api.types[*id].name.clone(),
            _ => match detail(ty, direction) {
                Some(schema) => self.schema(ty, schema.to_string(), hint),
                None => self.rust(ty),
            },
        }
    }

    fn schema(&mut self, ty: &Type, schema: String, hint: &str) -> String {
        if let Some(known) = self.schemas.get(&schema) {
            return known.clone();
        }
        let name = match ty {
            Type::Text(text) if text.values.is_empty() => {
                name::pascal(text.format.as_deref().unwrap_or("plain")) + "Text"
            }
            Type::Any(_) => "AnyObject".to_owned(),
            _ => hint.to_owned(),
        };
        let name = self.names.unique(&name, "");
        self.schemas.insert(schema, name.clone());
        name
    }
}

fn derive(out: &mut String) {
    out.push_str("#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]\n");
}

/// A doc comment on one line.
pub(super) fn comment(text: &str, indent: &str, out: &mut String) {
    if !text.is_empty() {
        let _ = writeln!(out, "{indent}/// {}", text.trim());
    }
}
