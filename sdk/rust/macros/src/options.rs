//! The `key = value` list inside an attribute.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitStr, Path, Result, Token};

/// One `key = value`; the value is read by whoever knows the key.
struct Entry {
    key: Ident,
    value: TokenStream,
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key: Ident = input.parse()?;
        input.parse::<Token![=]>()?;
        let mut value = TokenStream::new();
        while !input.is_empty() && !input.peek(Token![,]) {
            value.extend([input.parse::<TokenTree>()?]);
        }
        if value.is_empty() {
            return Err(Error::new(key.span(), format!("`{key}` needs a value")));
        }
        Ok(Self { key, value })
    }
}

/// The options of one attribute, taken out one by one.
pub(crate) struct Options {
    entries: Vec<Entry>,
    place: Span,
}

impl Options {
    /// Reads the list; refuses unknown and repeated keys.
    pub(crate) fn parse(tokens: TokenStream, known: &[&str], place: Span) -> Result<Self> {
        let entries = Punctuated::<Entry, Token![,]>::parse_terminated.parse2(tokens)?;
        let entries: Vec<Entry> = entries.into_iter().collect();
        for (index, entry) in entries.iter().enumerate() {
            let key = &entry.key;
            if !known.iter().any(|name| key == name) {
                let message = format!("unknown option `{key}`: there is {}", list(known, ""));
                return Err(Error::new(key.span(), message));
            }
            if entries[..index].iter().any(|other| other.key == *key) {
                return Err(Error::new(key.span(), format!("`{key}` is given twice")));
            }
        }
        Ok(Self { entries, place })
    }

    /// Takes the raw value of a key.
    pub(crate) fn take(&mut self, key: &str) -> Option<TokenStream> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.swap_remove(at).value)
    }

    /// Takes a value of a type.
    pub(crate) fn value<T: Parse>(&mut self, key: &str) -> Result<Option<T>> {
        self.take(key).map(syn::parse2).transpose()
    }

    /// Takes a text.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<LitStr>> {
        self.value(key)
    }

    /// Takes a list in brackets.
    pub(crate) fn list<T: Parse>(&mut self, key: &str) -> Result<Vec<T>> {
        let Some(value) = self.take(key) else {
            return Ok(Vec::new());
        };
        let parse = |input: ParseStream<'_>| {
            let content;
            syn::bracketed!(content in input);
            Punctuated::<T, Token![,]>::parse_terminated(&content)
        };
        Ok(parse.parse2(value)?.into_iter().collect())
    }

    /// Takes one of a set of words that must be given; `why` says what it is for.
    pub(crate) fn word(&mut self, key: &str, words: &[&str], why: &str) -> Result<String> {
        let Some(given) = self.text(key)? else {
            let example = words.first().unwrap_or(&"");
            return Err(Error::new(
                self.place,
                format!(
                    "`{key} = \"{example}\"` is missing: {why}; write {}",
                    list(words, "\"")
                ),
            ));
        };
        one_of(&given, key, words)
    }
}

/// Checks that a text is one of the words.
pub(crate) fn one_of(given: &LitStr, what: &str, words: &[&str]) -> Result<String> {
    let text = given.value();
    if words.contains(&text.as_str()) {
        return Ok(text);
    }
    Err(Error::new(
        given.span(),
        format!("unknown {what} `{text}`: write {}", list(words, "\"")),
    ))
}

/// `a, b or c`.
fn list(words: &[&str], quote: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("{quote}{w}{quote}")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The last part of a path, for messages.
pub(crate) fn path_text(path: &Path) -> String {
    let parts: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
    parts.join("::")
}
