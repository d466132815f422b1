//! The manifest's egress rules, as far as a test needs them.

/// Whether a rule with the configuration's values filled in covers a request.
pub(super) fn allows(rule: &str, config: &serde_json::Value, method: &str, url: &str) -> bool {
    let Some((methods, pattern)) = rule.trim().split_once(' ') else {
        return false;
    };
    if methods != "*" && !methods.split(',').any(|m| m == method) {
        return false;
    }
    let pattern = fill(pattern.trim(), config);
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match pattern.strip_suffix('*') {
        Some(prefix) => url.starts_with(prefix),
        None => url == pattern,
    }
}

fn fill(pattern: &str, config: &serde_json::Value) -> String {
    let mut out = pattern.to_owned();
    for (name, value) in config.as_object().into_iter().flatten() {
        if let Some(text) = value.as_str() {
            out = out.replace(&format!("{{{name}}}"), text.trim_end_matches('/'));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let config = serde_json::json!({ "base_url": "https://x.example/v1/" });
        let check = |rule, method, url| allows(rule, &config, method, url);
        assert!(check("GET {base_url}/*", "GET", "https://x.example/v1/a?b"));
        assert!(!check("GET {base_url}/*", "POST", "https://x.example/v1/a"));
        assert!(check("* {base_url}/*", "POST", "https://x.example/v1/a"));
        assert!(!check(
            "* {base_url}/*",
            "GET",
            "https://x.example.evil/v1/a"
        ));
        assert!(!check("* {base_url}/a", "GET", "https://x.example/v1/ab"));
    }
}
