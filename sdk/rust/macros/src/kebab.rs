//! The rule for names of connectors and operations: `kebab-case`, 64 characters at most.

use proc_macro2::Span;

/// The longest name, as in the host.
const MAX_LENGTH: usize = 64;

/// The operation name of a function: `get_contact` becomes `get-contact`.
pub(crate) fn from_snake(ident: &str) -> String {
    ident.trim_start_matches("r#").replace('_', "-")
}

/// Checks the rule for names.
pub(crate) fn check(name: &str, span: Span) -> syn::Result<()> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let well_formed = name.len() <= MAX_LENGTH
        && name.bytes().all(allowed)
        && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--");
    if well_formed {
        return Ok(());
    }
    Err(syn::Error::new(
        span,
        format!(
            "`{name}` is not a valid name: names are lower-case words joined by hyphens, \
             such as create-invoice ({MAX_LENGTH} characters at most); give one with \
             `name = \"…\"`"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(from_snake("get_contact"), "get-contact");
        for good in ["get", "get-contact", "v2-get"] {
            assert!(check(good, Span::call_site()).is_ok(), "{good}");
        }
        for bad in ["", "Get", "get-", "-get", "get--it", "2get", "ge_t"] {
            assert!(check(bad, Span::call_site()).is_err(), "{bad}");
        }
    }
}
