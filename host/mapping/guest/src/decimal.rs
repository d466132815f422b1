//! Exact decimals: the filters `dadd`, `dmul` and so on.
//!
//! All operands are arguments: decimal strings (`"19.99"`) or number literals (`19.99`).
//! Results are decimal strings in plain notation, except for comparisons, and for
//! `dnum`, which makes a number literal of one.

mod arithmetic;
mod filters;
mod value;

pub use arithmetic::Rounding;
pub(crate) use filters::natives;
pub use value::Decimal;

/// Most digits that a decimal may have, before and after the point together. Amounts
/// have less than thirty; the limit keeps `1e999999999` from eating the sandbox.
pub const MAX_DIGITS: usize = 1000;

/// Most parts that `dsplit` makes.
pub const MAX_PARTS: usize = 10_000;

pub(crate) const NOT_DECIMAL: &str =
    "a string is not a decimal, which is written like \"-12.50\" or \"1e3\"";
pub(crate) const TOO_LONG: &str = "a decimal has more than 1000 digits";
pub(crate) const BINARY: &str = "a number with a fraction that came from plain arithmetic is no exact decimal; calculate it with dadd, dmul and the like";
pub(crate) const BY_ZERO: &str = "a decimal was divided by zero";
pub(crate) const PLACES: &str = "the number of places must be an integer from 0 to 1000";
pub(crate) const PARTS: &str = "the number of parts must be an integer from 1 to 10000";
pub(crate) const MODE: &str = "the rounding mode must be half_even, half_up, up or down";
pub(crate) const INDIVISIBLE: &str =
    "the total has more places than its parts may have; round it first with dround";

/// Every message of this module: fixed texts, so that no value can leak through them.
pub(crate) const MESSAGES: &[&str] = &[
    NOT_DECIMAL,
    TOO_LONG,
    BINARY,
    BY_ZERO,
    PLACES,
    PARTS,
    MODE,
    INDIVISIBLE,
];

#[cfg(test)]
mod tests;
