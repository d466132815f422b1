//! JSON written as Rust tokens, for examples: `{ "id": "C-1", "total": 19.90 }`.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::iter::Peekable;
use syn::{Error, Result};

type Tokens = Peekable<proc_macro2::token_stream::IntoIter>;

/// Reads one JSON value and returns its text, number literals as they were written.
pub(crate) fn text(tokens: TokenStream) -> Result<String> {
    let mut out = String::new();
    let mut tokens = tokens.into_iter().peekable();
    value(&mut tokens, &mut out)?;
    match tokens.next() {
        None => Ok(out),
        Some(extra) => Err(Error::new(
            extra.span(),
            "expected the end of the JSON value",
        )),
    }
}

fn value(tokens: &mut Tokens, out: &mut String) -> Result<()> {
    const EXPECTED: &str = "expected a JSON value: an object, an array, a string, a number, \
                            true, false or null";
    let Some(token) = tokens.next() else {
        return Err(Error::new(proc_macro2::Span::call_site(), EXPECTED));
    };
    match &token {
        TokenTree::Group(group) => match group.delimiter() {
            Delimiter::Brace => object(group.stream(), out),
            Delimiter::Bracket => array(group.stream(), out),
            _ => Err(Error::new(group.span(), EXPECTED)),
        },
        TokenTree::Ident(word) if ["true", "false", "null"].iter().any(|w| word == w) => {
            out.push_str(&word.to_string());
            Ok(())
        }
        TokenTree::Punct(minus) if minus.as_char() == '-' => {
            out.push('-');
            number(&tokens.next().unwrap_or(token), out)
        }
        TokenTree::Literal(literal) => match syn::Lit::new(literal.clone()) {
            syn::Lit::Str(text) => {
                quote(&text.value(), out);
                Ok(())
            }
            _ => number(&token, out),
        },
        _ => Err(Error::new(token.span(), EXPECTED)),
    }
}

fn number(token: &TokenTree, out: &mut String) -> Result<()> {
    let text = token.to_string();
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    if !text.bytes().all(plain) || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Error::new(
            token.span(),
            "expected a JSON number: digits, without a type suffix or underscores",
        ));
    }
    out.push_str(&text);
    Ok(())
}

fn object(tokens: TokenStream, out: &mut String) -> Result<()> {
    let mut tokens = tokens.into_iter().peekable();
    out.push('{');
    while let Some(key) = tokens.next() {
        let TokenTree::Literal(literal) = &key else {
            return Err(Error::new(key.span(), "expected a key in quotes"));
        };
        let syn::Lit::Str(name) = syn::Lit::new(literal.clone()) else {
            return Err(Error::new(key.span(), "expected a key in quotes"));
        };
        quote(&name.value(), out);
        match tokens.next() {
            Some(TokenTree::Punct(colon)) if colon.as_char() == ':' => out.push(':'),
            _ => return Err(Error::new(key.span(), "expected `:` after this key")),
        }
        value(&mut tokens, out)?;
        separator(&mut tokens, out)?;
    }
    out.push('}');
    Ok(())
}

fn array(tokens: TokenStream, out: &mut String) -> Result<()> {
    let mut tokens = tokens.into_iter().peekable();
    out.push('[');
    while tokens.peek().is_some() {
        value(&mut tokens, out)?;
        separator(&mut tokens, out)?;
    }
    out.push(']');
    Ok(())
}

fn separator(tokens: &mut Tokens, out: &mut String) -> Result<()> {
    match tokens.next() {
        None => Ok(()),
        Some(TokenTree::Punct(comma)) if comma.as_char() == ',' => {
            if tokens.peek().is_some() {
                out.push(',');
            }
            Ok(())
        }
        Some(other) => Err(Error::new(other.span(), "expected `,`")),
    }
}

/// Appends a JSON string (RFC 8259, section 7).
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::text;

    fn check(rust: &str, json: &str) {
        assert_eq!(text(rust.parse().unwrap()).unwrap(), json, "{rust}");
    }

    #[test]
    fn keeps_what_is_written() {
        check("{}", "{}");
        check(
            r#"{ "a": [1.10, -2, 12345678901234567890,], "b": null }"#,
            r#"{"a":[1.10,-2,12345678901234567890],"b":null}"#,
        );
        check(r#""tab\t\"é\"""#, r#""tab\u0009\"é\"""#);
        check("1e5", "1e5");
    }

    #[test]
    fn refuses_what_is_not_json() {
        for bad in [
            "{a: 1}",
            "{\"a\" 1}",
            "[1 2]",
            "1u8",
            "yes",
            "1_000",
            "",
            "{} {}",
            "-",
        ] {
            assert!(text(bad.parse().unwrap()).is_err(), "{bad}");
        }
    }
}
