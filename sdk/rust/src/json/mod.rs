//! JSON values that keep every digit.
//!
//! Never read a number of a payload into `f64`: `19.90` becomes `19.9`, a sum of money
//! drifts, and a 20-digit id loses its last digits. Take [`Decimal`] for amounts,
//! [`Id`] for identifiers, [`NumberText`] for other numbers and [`Json`] for what the
//! connector only passes on. Integers that fit `i64` or `u64` are exact as well.
//!
//! These types keep the text of the input, which `#[serde(flatten)]` and untagged enums
//! do not hand on: they do not work inside of those.

mod decimal;
mod id;
mod number;
mod raw;
pub(crate) mod read;

pub use decimal::Decimal;
pub use id::Id;
pub use number::NumberText;
pub use raw::Json;

/// Whether this is a JSON number (RFC 8259, section 6); the text is a JSON value.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

/// A text that was not what a type needs. Says what is needed, never what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsuitable(&'static str);

impl std::fmt::Display for Unsuitable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl std::error::Error for Unsuitable {}

impl Unsuitable {
    fn for_serde<E: serde::de::Error>(self) -> E {
        E::invalid_value(serde::de::Unexpected::Other("another value"), &self.0)
    }
}
