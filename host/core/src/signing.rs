//! How requests are signed. Each value that is a secret is the name of one.

use serde::{Deserialize, Serialize};

/// Signature Version 4 of Amazon Web Services, which S3-compatible stores take too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsSigV4 {
    /// Secret with the access key id.
    pub access_key_id: String,
    /// Secret with the secret access key.
    pub secret_access_key: String,
    /// Secret with the session token of temporary credentials.
    pub session_token: Option<String>,
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// The service's name in the signature, such as `s3`.
    pub service: String,
}

impl AwsSigV4 {
    /// The names of the secrets.
    pub fn secret_names(&self) -> Vec<&str> {
        let token = self.session_token.iter();
        [&self.access_key_id, &self.secret_access_key]
            .into_iter()
            .chain(token)
            .map(String::as_str)
            .collect()
    }
}

/// A keyed digest of each request (HMAC, RFC 2104).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmacSigning {
    /// Secret with the key.
    pub key: String,
    /// The header that the signature goes into.
    pub header: String,
    /// What stands before it, such as `sha256=`.
    pub prefix: String,
    /// How it is written.
    pub encoding: SignatureEncoding,
    /// What is signed.
    pub content: SignedContent,
    /// The header that the time goes into, in seconds since 1970; none: none.
    pub timestamp_header: Option<String>,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureEncoding {
    /// Lower-case hexadecimal digits.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// What is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignedContent {
    /// The body.
    #[default]
    Body,
    /// The time, a dot, and the body.
    TimeAndBody,
    /// The time, the method, the path with its query, and the body, each but the last with
    /// a line feed after it.
    TimeMethodPathAndBody,
}
