//! The rules by which two JSON Schemas are compared.
//!
//! Each rule says whether the newer schema takes more than the older one, or less. What
//! that means depends on who writes the value: a sender whose payload was good must not
//! be refused, and a reader of an output must not be handed what was never promised.

use serde::Serialize;

/// What a rule says about the values that the newer schema takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The same ones.
    Same,
    /// More.
    Wider,
    /// Fewer.
    Narrower,
    /// Some more, some fewer, or nobody can say.
    Unknown,
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])* $rule:ident $name:literal $effect:ident $old:literal $new:literal $witness:literal;)*) => {
        /// What is different in a schema.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Rule {
            $($(#[doc = $doc])* $rule,)*
        }

        impl Rule {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$rule,)*];

            /// Its name in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$rule => $name,)* }
            }

            /// What it says about the values that the newer schema takes.
            pub const fn effect(self) -> Effect {
                match self { $(Self::$rule => Effect::$effect,)* }
            }

            /// What it means, one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$rule => concat!($($doc),*),)* }
            }

            /// An older and a newer schema that differ by this rule alone.
            pub const fn example(self) -> (&'static str, &'static str) {
                match self { $(Self::$rule => ($old, $new),)* }
            }

            /// A value that one schema of the example takes and the other refuses; empty
            /// where there is none.
            pub const fn witness(self) -> &'static str {
                match self { $(Self::$rule => $witness,)* }
            }
        }
    };
}

rules! {
    /// A type is accepted that was not.
    TypeAdded "type-added" Wider r#"{"type": "string"}"# r#"{"type": ["string", "null"]}"# "null";
    /// A type is no longer accepted.
    TypeRemoved "type-removed" Narrower r#"{"type": "number"}"# r#"{"type": "integer"}"# "1.5";
    /// A key is required that was not.
    RequiredAdded "required-added" Narrower r#"{"required": ["a"]}"# r#"{"required": ["a", "b"]}"# r#"{"a": 1}"#;
    /// A key is no longer required.
    RequiredRemoved "required-removed" Wider r#"{"required": ["a", "b"]}"# r#"{"required": ["a"]}"# r#"{"a": 1}"#;
    /// A closed object knows a new key.
    PropertyAdded "property-added" Wider r#"{"additionalProperties": false}"# r#"{"properties": {"a": {}}, "additionalProperties": false}"# r#"{"a": 1}"#;
    /// An object that takes any further key now says what one of them looks like.
    PropertyConstrained "property-constrained" Narrower r#"{}"# r#"{"properties": {"a": {"type": "string"}}}"# r#"{"a": 1}"#;
    /// A closed object no longer knows a key.
    PropertyRemoved "property-removed" Narrower r#"{"properties": {"a": {}}, "additionalProperties": false}"# r#"{"additionalProperties": false}"# r#"{"a": 1}"#;
    /// An object that takes any further key no longer says what one of them looks like.
    PropertyReleased "property-released" Wider r#"{"properties": {"a": {"type": "string"}}}"# r#"{}"# r#"{"a": 1}"#;
    /// Keys or items that are not named are refused now.
    Closed "closed" Narrower r#"{}"# r#"{"additionalProperties": false}"# r#"{"a": 1}"#;
    /// Keys or items that are not named are accepted now.
    Opened "opened" Wider r#"{"additionalProperties": false}"# r#"{}"# r#"{"a": 1}"#;
    /// Values are limited to a list.
    EnumIntroduced "enum-introduced" Narrower r#"{"type": "string"}"# r#"{"type": "string", "enum": ["a", "b"]}"# r#""c""#;
    /// Values are no longer limited to a list.
    EnumLifted "enum-lifted" Wider r#"{"type": "string", "enum": ["a", "b"]}"# r#"{"type": "string"}"# r#""c""#;
    /// The list of values has a new one.
    EnumValueAdded "enum-value-added" Wider r#"{"enum": ["a"]}"# r#"{"enum": ["a", "b"]}"# r#""b""#;
    /// The list of values lacks one that it had.
    EnumValueRemoved "enum-value-removed" Narrower r#"{"enum": ["a", "b"]}"# r#"{"enum": ["a"]}"# r#""b""#;
    /// A limit is wider: of a number, a length or a count.
    LimitWidened "limit-widened" Wider r#"{"maximum": 10}"# r#"{"maximum": 20}"# "15";
    /// A limit is tighter: of a number, a length or a count.
    LimitTightened "limit-tightened" Narrower r#"{"minLength": 1}"# r#"{"minLength": 3}"# r#""ab""#;
    /// A format is asked for.
    FormatAdded "format-added" Narrower r#"{}"# r#"{"format": "date"}"# r#""tomorrow""#;
    /// A format is no longer asked for.
    FormatRemoved "format-removed" Wider r#"{"format": "date"}"# r#"{}"# r#""tomorrow""#;
    /// Another format is asked for.
    FormatChanged "format-changed" Unknown r#"{"format": "date"}"# r#"{"format": "email"}"# r#""2026-03-01""#;
    /// A pattern is asked for.
    PatternAdded "pattern-added" Narrower r#"{}"# r#"{"pattern": "^a"}"# r#""b""#;
    /// A pattern is no longer asked for.
    PatternRemoved "pattern-removed" Wider r#"{"pattern": "^a"}"# r#"{}"# r#""b""#;
    /// Another pattern is asked for.
    PatternChanged "pattern-changed" Unknown r#"{"pattern": "^a"}"# r#"{"pattern": "^b"}"# r#""a""#;
    /// One more alternative of `anyOf`.
    AlternativeAdded "alternative-added" Wider r#"{"anyOf": [{"type": "string"}]}"# r#"{"anyOf": [{"type": "string"}, {"type": "null"}]}"# "null";
    /// One alternative of `anyOf` less.
    AlternativeRemoved "alternative-removed" Narrower r#"{"anyOf": [{"type": "string"}, {"type": "null"}]}"# r#"{"anyOf": [{"type": "string"}]}"# "null";
    /// One more rule, such as a member of `allOf`, `not` or `contains`.
    RuleAdded "rule-added" Narrower r#"{}"# r#"{"not": {"type": "string"}}"# r#""a""#;
    /// One rule less, such as a member of `allOf`, `not` or `contains`.
    RuleRemoved "rule-removed" Wider r#"{"not": {"type": "string"}}"# r#"{}"# r#""a""#;
    /// A rule is another one, and the two cannot be compared.
    RuleChanged "rule-changed" Unknown r#"{"not": {"type": "string"}}"# r#"{"not": {"type": "number"}}"# "1";
    /// The default that the schema names is another one. The host fills in no defaults, so the same values are good; what an absent key means may have changed.
    DefaultChanged "default-changed" Same r#"{"default": 1}"# r#"{"default": 2}"# "";
    /// A value is marked as one that will go.
    Deprecated "deprecated" Same r#"{}"# r#"{"deprecated": true}"# "";
}
