//! The header `Link` (RFC 8288, section 3).

/// The parameter of this name in the target of the link with `rel=next`.
pub(super) fn next(header: &str, parameter: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        // The link's own parameters end where the next link begins.
        let end = after.find('<').unwrap_or(after.len());
        if after[..end].split([';', ',']).any(is_next) {
            return query(target, parameter);
        }
        rest = &after[end..];
    }
    None
}

/// Whether this is `rel=next`, among other relations perhaps.
fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return false;
    };
    let value = value.trim().trim_matches('"');
    let mut relations = value.split_ascii_whitespace();
    name.trim().eq_ignore_ascii_case("rel") && relations.any(|r| r.eq_ignore_ascii_case("next"))
}

fn query(target: &str, parameter: &str) -> Option<String> {
    let (_, query) = target.split_once('?')?;
    let query = query.split('#').next().unwrap_or(query);
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
        decoded.map(std::borrow::Cow::into_owned).ok()
    };
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| decode(name).as_deref() == Some(parameter))?;
    decode(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page() {
        let header = r#"<https://a/x?page=1>; rel="prev", <https://a/x?per_page=2&page=3#f>; title="a"; rel="last next""#;
        assert_eq!(next(header, "page").as_deref(), Some("3"));
        assert_eq!(next(header, "cursor"), None);
        assert_eq!(
            next("<https://a/?c=a%2Bb+c>;rel=next", "c").as_deref(),
            Some("a+b c")
        );
        for last in [
            "",
            "<https://a/x?page=1>; rel=prev",
            "<https://a/?page=2",
            "nonsense",
        ] {
            assert_eq!(next(last, "page"), None, "{last}");
        }
    }
}
