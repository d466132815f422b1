//! Stable codes of everything that a user may see go wrong. One table per area; the
//! pages under `docs/errors/` and `dowel explain` are made from these tables.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

pub mod access;
pub mod api;
pub mod approval;
pub mod build;
pub mod change;
pub mod config;
pub mod connector;
pub mod desk;
pub mod expression;
pub mod flow;
pub mod gitops;
pub mod http;
pub mod openapi;
pub mod receiver;
pub mod reference;
pub mod repeat;
pub mod run;
pub mod secret;
pub mod store;
pub mod switch;
pub mod upgrade;

/// A stable code, written `DWL-1203`. A code is never given a second meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Code(u16);

/// What a code means.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The code.
    pub code: Code,
    /// A few words, as a title.
    pub title: &'static str,
    /// What happened, in a sentence or two.
    pub what: &'static str,
    /// What to do about it.
    pub fix: &'static str,
}

impl Code {
    /// The page that explains this code, relative to the documentation's root.
    pub fn page(self) -> String {
        format!("errors/{self}.md")
    }

    /// What this code means.
    pub fn entry(self) -> Option<&'static Entry> {
        all().find(|entry| entry.code == self)
    }
}

/// Every entry, in order of the codes.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    [
        flow::ENTRIES,
        expression::ENTRIES,
        receiver::ENTRIES,
        reference::ENTRIES,
        change::ENTRIES,
        run::ENTRIES,
        store::ENTRIES,
        api::ENTRIES,
        connector::ENTRIES,
        approval::ENTRIES,
        desk::ENTRIES,
        repeat::ENTRIES,
        access::ENTRIES,
        http::ENTRIES,
        switch::ENTRIES,
        upgrade::ENTRIES,
        config::ENTRIES,
        secret::ENTRIES,
        gitops::ENTRIES,
        build::ENTRIES,
        openapi::ENTRIES,
    ]
    .into_iter()
    .flatten()
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DWL-{:04}", self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a code.
#[derive(Debug, thiserror::Error)]
#[error("a code is written DWL- and four digits, such as DWL-1203")]
pub struct InvalidCode;

impl FromStr for Code {
    type Err = InvalidCode;
    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        let text = text.trim();
        let prefix = text.get(..4).filter(|p| p.eq_ignore_ascii_case("DWL-"));
        let digits = if prefix.is_some() { &text[4..] } else { text };
        if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidCode);
        }
        digits.parse().map(Self).map_err(|_| InvalidCode)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.to_string()
    }
}

impl TryFrom<String> for Code {
    type Error = InvalidCode;
    fn try_from(text: String) -> Result<Self, InvalidCode> {
        text.parse()
    }
}

/// Declares the constants of one area and the table that explains them.
macro_rules! codes {
    ($($name:ident = $number:literal, $title:literal, $what:literal, $fix:literal;)*) => {
        $(
            #[doc = $title]
            pub const $name: $crate::code::Code = $crate::code::Code::from_number($number);
        )*
        /// What the codes of this area mean.
        pub const ENTRIES: &[$crate::code::Entry] = &[
            $($crate::code::Entry { code: $name, title: $title, what: $what, fix: $fix },)*
        ];
    };
}
use codes;

impl Code {
    const fn from_number(number: u16) -> Self {
        Self(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_ordered_and_explained() {
        let codes: Vec<Code> = all().map(|entry| entry.code).collect();
        let mut sorted = codes.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(codes, sorted, "each code once, in order");
        for entry in all() {
            for text in [entry.title, entry.what, entry.fix] {
                assert!(!text.trim().is_empty(), "{}", entry.code);
            }
        }
    }

    #[test]
    fn codes_are_read_with_and_without_prefix() {
        let code = codes_first();
        assert_eq!(code.to_string().parse::<Code>().unwrap(), code);
        assert_eq!(code.to_string()[4..].parse::<Code>().unwrap(), code);
        assert!("DWL-12".parse::<Code>().is_err());
        assert!("é".parse::<Code>().is_err());
    }

    fn codes_first() -> Code {
        flow::ENTRIES[0].code
    }
}
