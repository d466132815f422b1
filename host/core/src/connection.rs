//! What an environment grants to a connection: configuration, credentials, egress and
//! limits. Values of secrets are never part of it, only their names.

use crate::id::{ConnectionName, ConnectorName};
use crate::json::JsonText;
use crate::oauth::OAuth2;
use crate::signing::{AwsSigV4, HmacSigning};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A connector, configured and authorised for an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The logical name that flows use.
    pub name: ConnectionName,
    /// The connector that it binds.
    pub connector: ConnectorName,
    /// Non-secret configuration, a JSON object, shown to the guest.
    pub config: JsonText,
    /// The credential that the gateway adds, and where to.
    pub auth: Option<Auth>,
    /// What is special about its TLS.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// Where requests may go.
    pub allow: Vec<EgressRule>,
    /// Address ranges (CIDR) that are granted although they are private, link-local
    /// or loopback.
    pub private_addresses: Vec<String>,
    /// Limits of this connection.
    pub limits: ConnectionLimits,
    /// The request header that carries the idempotency key.
    pub idempotency_header: String,
    /// Fresh instance for each call instead of a pooled one.
    pub isolation: Isolation,
}

impl Connection {
    /// The names of the secrets that its credential is made from.
    pub fn secret_names(&self) -> Vec<&str> {
        let auth = self.auth.iter();
        let certificate = self.tls.iter().flat_map(|tls| &tls.client);
        let of_auth = auth.flat_map(|auth| auth.method.secret_names());
        let of_tls = certificate.flat_map(|client| [&client.certificate, &client.key]);
        of_auth.chain(of_tls.map(String::as_str)).collect()
    }
}

/// The header that carries the idempotency key unless the connection names another.
pub const DEFAULT_IDEMPOTENCY_HEADER: &str = "Idempotency-Key";

/// How instances of a connector are shared between the calls of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Warm instances are reused within the connection.
    #[default]
    Pooled,
    /// Each call gets a fresh instance.
    PerCall,
}

/// What is special about the TLS of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// Certificates of authorities, in PEM, that are trusted beside those of the system.
    pub ca: Option<String>,
    /// Who the host is to the upstream (RFC 8446, section 4.4.2).
    pub client: Option<ClientCertificate>,
}

/// A client certificate, as names of secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// Secret with the certificate and those between it and its authority, in PEM.
    pub certificate: String,
    /// Secret with the private key, in PEM.
    pub key: String,
}

/// A credential and the origins that it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// How the credential is presented.
    pub method: AuthMethod,
    /// `scheme://host[:port]` of every origin that receives it.
    pub origins: Vec<String>,
}

/// How the gateway presents a credential. Each value is the name of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// `Authorization: Bearer` (RFC 6750, section 2.1).
    Bearer {
        /// Secret with the token.
        token: String,
    },
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// Secret with the user name.
        username: String,
        /// Secret with the password.
        password: String,
    },
    /// A key in a header or in the query.
    ApiKey {
        /// Where the key goes.
        place: ApiKeyPlace,
        /// Secret with the key.
        key: String,
    },
    /// `Authorization: Bearer` with a token that the host asks for (RFC 6749).
    #[serde(rename = "oauth2")]
    OAuth2(OAuth2),
    /// Signature Version 4 of each request.
    #[serde(rename = "aws_sigv4")]
    AwsSigV4(AwsSigV4),
    /// A keyed digest of each request.
    Hmac(HmacSigning),
}

impl AuthMethod {
    /// The names of the secrets that the credential is made from.
    pub fn secret_names(&self) -> Vec<&str> {
        match self {
            Self::Bearer { token } => vec![token],
            Self::Basic { username, password } => vec![username, password],
            Self::ApiKey { key, .. } => vec![key],
            Self::OAuth2(settings) => settings.secret_names(),
            Self::AwsSigV4(settings) => settings.secret_names(),
            Self::Hmac(settings) => vec![&settings.key],
        }
    }
}

/// Where an API key goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyPlace {
    /// In the request header of this name.
    Header(String),
    /// In the query parameter of this name.
    Query(String),
}

/// One line of an allow-list, such as `GET,POST https://api.example.com/v1/*`.
///
/// The scheme, host and port must be equal; `*` as host allows any host; a path that
/// ends in `*` is a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EgressRule {
    /// Upper-case methods; empty means every method.
    pub methods: Vec<String>,
    /// The URL pattern.
    pub url: String,
}

/// A text that is not an egress rule.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "an egress rule is written `GET,POST https://host/path/*`: methods, a space, and a URL whose path may end in *"
)]
pub struct InvalidEgressRule;

impl std::str::FromStr for EgressRule {
    type Err = InvalidEgressRule;
    fn from_str(text: &str) -> Result<Self, InvalidEgressRule> {
        let (methods, url) = text.trim().split_once(' ').ok_or(InvalidEgressRule)?;
        let methods: Vec<String> = match methods {
            "*" => Vec::new(),
            list => list.split(',').map(str::to_owned).collect(),
        };
        let well_formed = |m: &String| !m.is_empty() && m.bytes().all(|b| b.is_ascii_uppercase());
        let url = url.trim();
        let has_origin = url.starts_with("https://")
            || url.starts_with("http://")
            || url.starts_with('{')
            || url == "*";
        if !methods.iter().all(well_formed) || !has_origin {
            return Err(InvalidEgressRule);
        }
        Ok(Self {
            methods,
            url: url.to_owned(),
        })
    }
}

impl std::fmt::Display for EgressRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let methods = if self.methods.is_empty() {
            "*".to_owned()
        } else {
            self.methods.join(",")
        };
        write!(f, "{methods} {}", self.url)
    }
}

/// Limits of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionLimits {
    /// Calls at the same time.
    pub concurrency: u32,
    /// The largest memory of one instance, in bytes.
    pub memory_bytes: u64,
    /// The largest JSON text that a call may return, in bytes.
    pub output_bytes: u64,
    /// The largest response body that a call may read, in bytes.
    pub response_bytes: u64,
    /// The bytes of blobs that a call may write, which is also whether it may write and
    /// read any: 0 is neither.
    #[serde(default)]
    pub blob_bytes: u64,
    /// The longest time for connecting to the upstream.
    pub connect_timeout: Duration,
    /// Calls per time; none: as many as there are.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// When calls stop because the upstream does not answer; none: never.
    #[serde(default)]
    pub breaker: Option<BreakerLimits>,
}

/// So many calls in so much time, as a token bucket that holds as many calls as one
/// period has: after a quiet time that many may go at once, then they follow each
/// other at the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Calls in one period, at least 1.
    pub calls: u32,
    /// The period, at least a second.
    pub per: Duration,
}

/// A text that is not a rate.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "a rate is a whole number of calls, from 1 to {MAX_RATE}, and a period: 10/s, 600/m, 5000/h or 100000/d"
)]
pub struct InvalidRate;

/// More calls than this in one period is no limit.
pub const MAX_RATE: u32 = 1_000_000;

impl std::str::FromStr for Rate {
    type Err = InvalidRate;
    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let (calls, unit) = text.split_once('/').ok_or(InvalidRate)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(InvalidRate),
        };
        if !calls.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidRate);
        }
        match calls.parse() {
            Ok(calls) if (1..=MAX_RATE).contains(&calls) => Ok(Self {
                calls,
                per: Duration::from_secs(seconds),
            }),
            _ => Err(InvalidRate),
        }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.per.as_secs() {
            1 => "s",
            60 => "m",
            3_600 => "h",
            _ => "d",
        };
        write!(f, "{}/{unit}", self.calls)
    }
}

/// When a connection's circuit breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerLimits {
    /// It opens when this share of the last calls failed, in hundredths of a percent
    /// (1 to 10000).
    pub errors: u16,
    /// How many last calls are looked at; fewer do not open it.
    pub of: u32,
    /// How long it stays open before one call is let through to try.
    pub cooldown: Duration,
}

impl Default for ConnectionLimits {
    /// Limits that fit an ordinary SaaS API.
    fn default() -> Self {
        Self {
            concurrency: 16,
            memory_bytes: 64 << 20,
            output_bytes: 10 << 20,
            response_bytes: 32 << 20,
            blob_bytes: 0,
            connect_timeout: Duration::from_secs(5),
            rate: None,
            breaker: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for text in ["1/s", "600/m", "5000/h", "1000000/d"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "10",
            "0/s",
            "-1/s",
            "+1/s",
            "1/ms",
            "1.5/s",
            "1000001/s",
            "1 /s",
        ] {
            assert_eq!(bad.parse::<Rate>(), Err(InvalidRate), "{bad}");
        }
    }

    #[test]
    fn egress_rules() {
        let rule: EgressRule = "GET,POST https://api.example.com/v1/*".parse().unwrap();
        assert_eq!(rule.methods, ["GET", "POST"]);
        assert_eq!(rule.to_string(), "GET,POST https://api.example.com/v1/*");
        assert_eq!(
            "* {base_url}/*".parse::<EgressRule>().unwrap().methods,
            Vec::<String>::new()
        );
        for bad in [
            "",
            "GET",
            "get https://x/",
            "GET ftp://x/",
            "GET, https://x/",
        ] {
            assert!(bad.parse::<EgressRule>().is_err(), "{bad}");
        }
    }
}
