//! Validation of payloads and results by JSON Schema 2020-12.

use dowel_core::JsonText;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{Draft, PatternOptions, ValidationError};
use serde_json::Value;

/// A compiled schema. Cheap to share between threads.
pub struct Validator {
    schema: Value,
    compiled: jsonschema::Validator,
}

/// Why a schema was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSchema {
    /// JSON Pointer (RFC 6901) into the schema.
    pub pointer: String,
    /// One sentence.
    pub message: String,
}

impl std::fmt::Display for InvalidSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.pointer.is_empty() {
            "the schema"
        } else {
            &self.pointer
        };
        write!(f, "{place}: {}", self.message)
    }
}

impl std::error::Error for InvalidSchema {}

/// One way in which a value breaks its schema. Names types and keywords, and never
/// shows any part of the value but the keys in the pointer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) into the value.
    pub pointer: String,
    /// One sentence.
    pub message: String,
}

/// More violations of one value help nobody.
const MAX_VIOLATIONS: usize = 50;

impl Validator {
    /// Compiles a schema. References must stay within the schema itself.
    pub fn new(schema: &JsonText) -> Result<Self, InvalidSchema> {
        let schema = parse(schema).map_err(|message| InvalidSchema {
            pointer: String::new(),
            message,
        })?;
        let compiled = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .offline()
            .should_validate_formats(true)
            // The linear-time engine: patterns meet payloads of strangers.
            .with_pattern_options(PatternOptions::regex())
            .with_format("decimal", is_decimal)
            .build(&schema)
            .map_err(|error| InvalidSchema {
                pointer: error.instance_path().as_str().to_owned(),
                // Shows the schema, which is no payload.
                message: error.to_string(),
            })?;
        Ok(Self { schema, compiled })
    }

    /// Every way in which a value breaks the schema; empty if it does not.
    pub fn check(&self, value: &JsonText) -> Vec<Violation> {
        let parsed = match parse(value) {
            Ok(parsed) => parsed,
            Err(message) => {
                return vec![Violation {
                    pointer: String::new(),
                    message,
                }];
            }
        };
        let errors = self.compiled.iter_errors(&parsed).take(MAX_VIOLATIONS);
        errors.map(|error| self.violation(&error)).collect()
    }

    fn violation(&self, error: &ValidationError<'_>) -> Violation {
        Violation {
            pointer: error.instance_path().as_str().to_owned(),
            message: self.message(error),
        }
    }

    /// Written anew for each keyword: the library's own messages show the value.
    fn message(&self, error: &ValidationError<'_>) -> String {
        let keyword = error.kind().keyword();
        match error.kind() {
            Kind::Type { kind } => {
                let found = type_name(error.instance());
                format!("is of type {found}, {} is required", types(kind))
            }
            Kind::Required { property } => format!("lacks the required key {property}"),
            Kind::AdditionalProperties { unexpected }
            | Kind::UnevaluatedProperties { unexpected } => self.unexpected(error, unexpected),
            Kind::Enum { options } => format!("is none of {options}"),
            Kind::Constant { expected_value } => format!("is not {expected_value}"),
            Kind::Format { format } => format!("is not in the format `{format}`"),
            Kind::Pattern { pattern } => format!("does not match the pattern `{pattern}`"),
            Kind::Minimum { limit } => format!("is less than the minimum {limit}"),
            Kind::Maximum { limit } => format!("is more than the maximum {limit}"),
            Kind::ExclusiveMinimum { limit } => format!("is not more than {limit}"),
            Kind::ExclusiveMaximum { limit } => format!("is not less than {limit}"),
            Kind::MultipleOf { multiple_of } => format!("is not a multiple of {multiple_of}"),
            Kind::MinLength { limit } => format!("has fewer than {limit} characters"),
            Kind::MaxLength { limit } => format!("has more than {limit} characters"),
            Kind::MinItems { limit } => format!("has fewer than {limit} items"),
            Kind::MaxItems { limit } => format!("has more than {limit} items"),
            Kind::MinProperties { limit } => format!("has fewer than {limit} keys"),
            Kind::MaxProperties { limit } => format!("has more than {limit} keys"),
            Kind::AnyOf { .. } => "satisfies none of the schemas of `anyOf`".to_owned(),
            Kind::OneOfNotValid { .. } => "satisfies none of the schemas of `oneOf`".to_owned(),
            Kind::OneOfMultipleValid { .. } => {
                "satisfies more than one schema of `oneOf`".to_owned()
            }
            Kind::UniqueItems => "has equal items".to_owned(),
            Kind::FalseSchema => "is not accepted at all".to_owned(),
            _ => format!("breaks the rule `{keyword}`"),
        }
    }

    /// Keys that the schema knows, not the keys that were sent: those are payload.
    fn unexpected(&self, error: &ValidationError<'_>, unexpected: &[String]) -> String {
        let keys = match unexpected.len() {
            1 => "1 key".to_owned(),
            many => format!("{many} keys"),
        };
        let place = error.schema_path().as_str();
        let parent = place.rsplit_once('/').map_or("", |(parent, _)| parent);
        let properties = self.schema.pointer(&format!("{parent}/properties"));
        let known: Vec<&str> = properties
            .and_then(Value::as_object)
            .map(|all| all.keys().map(String::as_str).collect())
            .unwrap_or_default();
        if known.is_empty() {
            return format!("has {keys} that the schema does not allow");
        }
        format!(
            "has {keys} that the schema does not allow; allowed: {}",
            known.join(", ")
        )
    }
}

/// A copy for validation only. Unlike [`JsonText::to_value`] it tells of a number that
/// no machine number can hold.
fn parse(text: &JsonText) -> Result<Value, String> {
    let invalid = |error: serde_json::Error| match error.classify() {
        serde_json::error::Category::Syntax => {
            format!(
                "holds a number out of range, or is not JSON (line {}, column {})",
                error.line(),
                error.column()
            )
        }
        _ => "cannot be read as JSON".to_owned(),
    };
    serde_json::from_str(text.as_str()).map_err(invalid)
}

/// An exact decimal: digits with an optional sign and fraction, no exponent.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(only) => only.to_string(),
        TypeKind::Multiple(all) => {
            let names: Vec<String> = all.iter().map(|one| one.to_string()).collect();
            names.join(" or ")
        }
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
