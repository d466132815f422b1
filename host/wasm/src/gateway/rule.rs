//! One line of an allow-list, parsed so that it can be compared with requests and with
//! other lines.

use super::target::{Target, normalise, port};
use crate::load::BindReason;
use dowel_core::JsonText;
use dowel_core::connection::EgressRule;
use url::Url;

/// Stands for `*` as host while the rest of a rule is parsed. Reserved (RFC 6761,
/// section 6.4), so no rule can mean it.
const ANY_HOST: &str = "any-host.invalid";

/// A rule, normalised as requests are.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// As it was written, for messages.
    text: String,
    /// Empty: every method.
    methods: Vec<String>,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Anywhere,
    At {
        scheme: String,
        /// `None`: any host.
        host: Option<String>,
        port: u16,
        path: PathPattern,
    },
}

#[derive(Clone, Debug)]
enum PathPattern {
    Exactly(String),
    Below(String),
}

impl PathPattern {
    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exactly(exact) => path == exact,
            Self::Below(prefix) => path.starts_with(prefix.as_str()),
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exactly(path), pattern) | (pattern, Self::Exactly(path)) => {
                pattern.matches(path)
            }
            (Self::Below(a), Self::Below(b)) => a.starts_with(b) || b.starts_with(a),
        }
    }
}

impl Rule {
    /// Reads a rule without placeholders.
    pub(crate) fn parse(rule: &EgressRule) -> Result<Self, BindReason> {
        let place = place(&rule.url).map_err(|why| BindReason::Rule {
            rule: rule.to_string(),
            why,
        })?;
        Ok(Self {
            text: rule.to_string(),
            methods: rule.methods.clone(),
            place,
        })
    }

    /// Reads a rule of a manifest: `{name}` stands for that text of the connection's
    /// configuration.
    pub(crate) fn of_manifest(text: &str, config: &JsonText) -> Result<Self, BindReason> {
        let mut rule: EgressRule = text.parse().map_err(|_| BindReason::Rule {
            rule: text.to_owned(),
            why: "it is not a method list and a URL",
        })?;
        rule.url = substitute(&rule.url, config).map_err(|name| BindReason::Config {
            rule: text.to_owned(),
            name,
        })?;
        Self::parse(&rule)
    }

    /// Whether the rule covers a request.
    pub(crate) fn matches(&self, target: &Target) -> bool {
        let method = target.method.as_str();
        if !self.methods.is_empty() && !self.methods.iter().any(|m| m == method) {
            return false;
        }
        match &self.place {
            Place::Anywhere => true,
            Place::At {
                scheme,
                host,
                port: number,
                path,
            } => {
                let url = &target.url;
                scheme == url.scheme()
                    && *number == port(url)
                    && host.as_deref().is_none_or(|host| host == target.host())
                    && path.matches(url.path())
            }
        }
    }

    /// Whether some request could satisfy both rules.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let methods = self.methods.is_empty()
            || other.methods.is_empty()
            || self.methods.iter().any(|m| other.methods.contains(m));
        methods && self.place.overlaps(&other.place)
    }

    /// Whether a request over TLS could satisfy the rule.
    pub(crate) fn allows_tls(&self) -> bool {
        match &self.place {
            Place::Anywhere => true,
            Place::At { scheme, .. } => scheme == "https",
        }
    }

    /// The rule as it was written, placeholders filled in.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl Place {
    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anywhere, _) | (_, Self::Anywhere) => true,
            (
                Self::At {
                    scheme: s1,
                    host: h1,
                    port: p1,
                    path: a,
                },
                Self::At {
                    scheme: s2,
                    host: h2,
                    port: p2,
                    path: b,
                },
            ) => {
                let hosts = h1.is_none() || h2.is_none() || h1 == h2;
                s1 == s2 && p1 == p2 && hosts && a.overlaps(b)
            }
        }
    }
}

fn place(pattern: &str) -> Result<Place, &'static str> {
    if pattern == "*" {
        return Ok(Place::Anywhere);
    }
    let (body, below) = match pattern.strip_suffix('*') {
        // `https://*` is a host, not a path.
        Some(body) if !body.ends_with("://") => (body, true),
        _ => (pattern, false),
    };
    let any_host = host_is_star(body);
    let body = if any_host {
        body.replacen("://*", &format!("://{ANY_HOST}"), 1)
    } else {
        body.to_owned()
    };
    if body.contains('*') {
        return Err("`*` is only possible as the whole host or at the end of the path");
    }
    if body.contains(['?', '#']) {
        return Err("a rule has neither query nor fragment");
    }
    let url = normalise(&body)?;
    if below && !has_path(&body) {
        return Err("`*` has to follow a `/` of the path");
    }
    let path = url.path().to_owned();
    Ok(Place::At {
        scheme: url.scheme().to_owned(),
        host: host(&url, any_host),
        port: port(&url),
        path: if below {
            PathPattern::Below(path)
        } else {
            PathPattern::Exactly(path)
        },
    })
}

fn host(url: &Url, any_host: bool) -> Option<String> {
    let host = url.host_str().unwrap_or_default().to_owned();
    (!any_host).then_some(host)
}

fn host_is_star(pattern: &str) -> bool {
    let rest = pattern.split_once("://").map(|(_, rest)| rest);
    let after = rest.and_then(|rest| rest.strip_prefix('*'));
    after.is_some_and(|after| after.is_empty() || after.starts_with(['/', ':']))
}

/// Whether anything follows the authority, so that `https://example.com*` is not taken
/// for a path: it would look like a rule for subdomains.
fn has_path(pattern: &str) -> bool {
    pattern
        .split_once("://")
        .is_some_and(|(_, rest)| rest.contains('/'))
}

/// Fills in `{name}`. A value that ends in `/` before another `/` loses its own.
fn substitute(pattern: &str, config: &JsonText) -> Result<String, String> {
    let config = config.to_value();
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        let value = config.get(name).and_then(|v| v.as_str());
        let value = value.ok_or_else(|| name.to_owned())?;
        out.push_str(before);
        out.push_str(if after.starts_with('/') {
            value.trim_end_matches('/')
        } else {
            value
        });
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests;
