//! Names and identifiers. Each type can only hold a well-formed value.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest name of a flow, connector, connection, operation or step.
pub const MAX_NAME_LENGTH: usize = 64;

/// A text that does not follow the rule for names.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a valid name: {rule}")]
pub struct InvalidName {
    /// What was given.
    pub text: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

const KEBAB: &str =
    "lower-case words joined by hyphens, such as order-to-invoice (64 characters at most)";
const SNAKE: &str =
    "a lower-case letter, then lower-case letters, digits and underscores (64 characters at most)";

fn is_kebab(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    bytes.len() <= MAX_NAME_LENGTH
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && !text.contains("--")
}

fn is_snake(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= MAX_NAME_LENGTH
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $is_valid:ident, $rule:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the rule for such names.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                if $is_valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidName { text: text.to_owned(), rule: $rule })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name!(/** A flow's name: `kebab-case`. */ FlowName, is_kebab, KEBAB);
name!(/** A connector's name: `kebab-case`. */ ConnectorName, is_kebab, KEBAB);
name!(/** An operation's name: `kebab-case`. */ OperationName, is_kebab, KEBAB);
name!(
    /** A connection's logical name in flows and environments: `kebab-case`. */
    ConnectionName,
    is_kebab,
    KEBAB
);
name!(/** A group of people in the policy: `kebab-case`. */ GroupName, is_kebab, KEBAB);
name!(/** A business calendar's name: `kebab-case`. */ CalendarName, is_kebab, KEBAB);
name!(
    /** A step's id: `snake_case`, so that expressions can name it. */
    StepId,
    is_snake,
    SNAKE
);

/// Identifies a run. A UUID version 7 (RFC 9562, section 5.7): sorts by creation time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId(uuid::Uuid);

impl RunId {
    /// A new id from the time and ten random bytes.
    pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(at.as_millis(), &random).into_uuid())
    }

    /// The id as text, written into `space`: for places that need it at every call.
    pub fn write(self, space: &mut [u8; 32]) -> &str {
        self.0.simple().encode_lower(space)
    }

    /// The id of these 128 bits.
    pub const fn from_u128(bits: u128) -> Self {
        Self(uuid::Uuid::from_u128(bits))
    }

    /// The 128 bits.
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RunId {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = || InvalidName {
            text: text.to_owned(),
            rule: "a run id has 32 hexadecimal digits",
        };
        uuid::Uuid::try_parse(text).map(Self).map_err(|_| invalid())
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.to_string()
    }
}

/// A step's place in a run: `invoice`, or `items[3].invoice` inside a loop.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepPath(Arc<str>);

impl StepPath {
    /// A step outside of any loop.
    pub fn top(id: &StepId) -> Self {
        Self(id.as_str().into())
    }

    /// The path of a step around another one: the beginning of the inner one's path.
    pub fn inside(text: &str) -> Self {
        Self(text.into())
    }

    /// A step inside item `index` of the loop at this path.
    pub fn item(&self, index: usize, id: &StepId) -> Self {
        Self(format!("{}[{index}].{id}", self.0).into())
    }

    /// A step inside a branch of the `parallel` step at this path.
    pub fn branch(&self, branch: &StepId, id: &StepId) -> Self {
        Self(format!("{}[{branch}].{id}", self.0).into())
    }

    /// The step that undoes the one at this path.
    pub fn compensation(&self) -> Self {
        Self(format!("{}{COMPENSATION}", self.0).into())
    }

    /// Whether this is the path of a step that undoes another one.
    pub fn is_compensation(&self) -> bool {
        self.0.ends_with(COMPENSATION)
    }

    /// The call that fetches page `number`, from 1, of the loop at this path.
    pub fn page(&self, number: u32) -> Self {
        Self(format!("{}{PAGE}{number}", self.0).into())
    }

    /// Whether this is the path of a call that fetches a page of a loop.
    pub fn is_page(&self) -> bool {
        self.0[self.place().len()..].contains(PAGE)
    }

    /// The place around the step, up to and with its last dot: `items[3].`, or nothing
    /// for a step outside of loops and branches.
    pub fn place(&self) -> &str {
        self.0.rfind("].").map_or("", |end| &self.0[..end + 2])
    }

    /// The step's id.
    pub fn id(&self) -> &str {
        let name = &self.0[self.place().len()..];
        name.split('~').next().unwrap_or(name)
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Ends the path of a step that undoes another one. No id contains it.
const COMPENSATION: &str = "~compensate";

/// Stands between the path of a loop and the number of a page that it fetches.
const PAGE: &str = "~page";

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kebab_and_snake() {
        for good in ["a", "order-to-invoice", "s3", "x-2"] {
            assert!(FlowName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "a--b",
            "A",
            "a_b",
            "2a",
            "é",
            &"a".repeat(65),
        ] {
            assert!(FlowName::new(bad).is_err(), "{bad}");
        }
        assert!(StepId::new("order_2").is_ok());
        assert!(StepId::new("order-2").is_err());
        assert!(serde_json::from_str::<StepId>("\"a b\"").is_err());
    }

    #[test]
    fn run_ids_sort_by_time_and_round_trip() {
        let early = RunId::new(Timestamp::from_millis(1), [255; 10]);
        let late = RunId::new(Timestamp::from_millis(2), [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse::<RunId>().unwrap(), early);
        assert_eq!(early.write(&mut [0; 32]), early.to_string());
        assert_eq!(RunId::from_u128(early.as_u128()), early);
    }

    #[test]
    fn paths() {
        let items = StepPath::top(&StepId::new("items").unwrap());
        assert_eq!(
            items.item(3, &StepId::new("invoice").unwrap()).as_str(),
            "items[3].invoice"
        );
        let void = items
            .item(3, &StepId::new("invoice").unwrap())
            .compensation();
        assert_eq!(void.as_str(), "items[3].invoice~compensate");
        assert_eq!((void.place(), void.id()), ("items[3].", "invoice"));
        assert_eq!((items.place(), items.id()), ("", "items"));
        let page = items.page(12);
        assert_eq!(page.as_str(), "items~page12");
        assert_eq!((page.place(), page.id()), ("", "items"));
        assert!(page.is_page() && !items.is_page() && !void.is_page());
    }
}
