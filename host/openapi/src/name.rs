//! Names of others become names of ours: valid, and each once.

use std::collections::HashSet;

/// Words that Rust keeps for itself (the Rust reference, "Keywords"), and that can be
/// written `r#…`.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// Those that cannot.
const NEVER: &[&str] = &["self", "super", "crate", "_"];

/// Types that generated code names without a path.
pub(crate) const TYPES: &[&str] = &[
    "BTreeMap",
    "Box",
    "Config",
    "Context",
    "Cow",
    "Default",
    "Deserialize",
    "Deserializer",
    "Err",
    "ErrorKind",
    "Id",
    "Json",
    "JsonSchema",
    "None",
    "NumberText",
    "Ok",
    "Option",
    "Result",
    "Schema",
    "SchemaGenerator",
    "Self",
    "Serialize",
    "Some",
    "String",
    "Vec",
    "Paged",
];

/// Modules and crates that generated code names.
pub(crate) const MODULES: &[&str] = &[
    "alloc",
    "core",
    "dowel_sdk",
    "lib",
    "main",
    "schemars",
    "serde",
    "std",
    "types",
];

/// The longest name of a connector or operation.
const MAX_KEBAB: usize = 64;

/// The longest name of a type or module: generated names are made of others.
const MAX_IDENT: usize = 80;

/// Names that are taken.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    /// Nothing is taken but these.
    pub(crate) fn reserved(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// The name, or the name with the first number that makes it the only one.
    pub(crate) fn unique(&mut self, name: &str, joint: &str) -> String {
        let mut out = name.to_owned();
        let mut number = 2;
        while !self.0.insert(out.clone()) {
            out = format!("{name}{joint}{number}");
            number += 1;
        }
        out
    }
}

/// The words of a name: `fooBar`, `foo-bar`, `foo_bar` and `FOO bar` are two words.
fn words(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut words = vec![String::new()];
    for (at, c) in chars.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1);
        let begins = c.is_ascii_uppercase()
            && before.is_some_and(|b| {
                b.is_ascii_lowercase()
                    || b.is_ascii_digit()
                    || (b.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Joins words up to a length, whole words where that is possible.
fn joined(words: &[String], joint: &str, most: usize) -> String {
    let mut out = String::new();
    for word in words {
        let joint = if out.is_empty() { "" } else { joint };
        let room = most.saturating_sub(out.len() + joint.len());
        if word.len() > room && !out.is_empty() {
            break;
        }
        out.push_str(joint);
        out.extend(word.chars().take(room));
    }
    out
}

/// A name that begins with a letter.
fn lettered(mut words: Vec<String>, fallback: &str) -> Vec<String> {
    match words.first() {
        None => words.push(fallback.to_owned()),
        Some(first) if first.starts_with(|c: char| c.is_ascii_digit()) => {
            words.insert(0, fallback.to_owned());
        }
        Some(_) => {}
    }
    words
}

/// `kebab-case`, as connectors and operations are called. Leaves room for a number.
pub(crate) fn kebab(text: &str, fallback: &str) -> String {
    joined(&lettered(words(text), fallback), "-", MAX_KEBAB - 4)
}

/// `snake_case`, without regard to keywords.
pub(crate) fn snake(text: &str, fallback: &str) -> String {
    joined(&lettered(words(text), fallback), "_", MAX_IDENT)
}

/// `PascalCase`.
pub(crate) fn pascal(text: &str) -> String {
    let words = lettered(words(text), "n");
    let upper = |word: &String| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    };
    joined(&words.iter().map(upper).collect::<Vec<_>>(), "", MAX_IDENT)
}

/// The same name as Rust writes it.
pub(crate) fn escaped(ident: &str) -> String {
    if NEVER.contains(&ident) {
        format!("{ident}_")
    } else if KEYWORDS.contains(&ident) {
        format!("r#{ident}")
    } else {
        ident.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(kebab("issues/list-for-repo", "op"), "issues-list-for-repo");
        assert_eq!(kebab("getHTTPResponse2xx", "op"), "get-http-response2xx");
        assert_eq!(kebab("2fa", "op"), "op-2fa");
        assert_eq!(kebab("§", "op"), "op");
        let long = kebab(&"very-long-name-".repeat(20), "op");
        assert!(long.len() <= 60 && !long.ends_with('-'), "{long}");
        assert_eq!(kebab(&"x".repeat(200), "op").len(), 60);
        assert_eq!(snake("X-Rate-Limit", "field"), "x_rate_limit");
        assert_eq!(snake("+1", "field"), "field_1");
        assert_eq!(pascal("pull-request-simple"), "PullRequestSimple");
        assert_eq!(pascal("3d_secure"), "N3dSecure");
        for (ident, rust) in [("type", "r#type"), ("self", "self_"), ("name", "name")] {
            assert_eq!(escaped(ident), rust);
        }
    }

    #[test]
    fn each_once() {
        let mut names = Names::reserved(&["a"]);
        let made: Vec<String> = ["a", "a", "b"]
            .iter()
            .map(|n| names.unique(n, "-"))
            .collect();
        assert_eq!(made, ["a-2", "a-3", "b"]);
    }
}
