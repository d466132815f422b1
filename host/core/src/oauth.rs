//! How a connection gets its access tokens (OAuth 2.0, RFC 6749). Each value that is a
//! secret is the name of one.

use serde::{Deserialize, Serialize};

/// Access tokens from a token endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuth2 {
    /// The token endpoint (RFC 6749, section 3.2).
    pub token_url: String,
    /// Who the host is at the authorization server; none where the grant says it.
    pub client: Option<OAuthClient>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// What the tokens are for (RFC 8707), where the server asks for that.
    pub resource: Option<String>,
    /// How tokens are asked for.
    pub grant: OAuthGrant,
    /// Who is asked when the server refuses: a team or an address, for people.
    pub owner: Option<String>,
}

/// A client of an authorization server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthClient {
    /// Secret with the client's identifier.
    pub id: String,
    /// Secret with its password; none for public clients.
    pub secret: Option<String>,
    /// Where they stand.
    pub place: ClientPlace,
}

/// Where a client's identifier and password stand (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientPlace {
    /// `Authorization: Basic`.
    #[default]
    Header,
    /// Among the parameters.
    Body,
}

/// How tokens are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OAuthGrant {
    /// The client for itself (RFC 6749, section 4.4).
    ClientCredentials,
    /// By a refresh token that a person's consent has given (RFC 6749, sections 4.1 and 6).
    AuthorizationCode {
        /// Where the person is asked (section 3.1).
        authorization_url: String,
        /// Secret with the refresh token; the host writes it.
        refresh_token: String,
    },
    /// By a signed assertion (RFC 7523, section 2.1).
    JwtBearer {
        /// Who asserts: the claim `iss`.
        issuer: String,
        /// For whom: the claim `sub`; the issuer itself without it.
        subject: Option<String>,
        /// To whom: the claim `aud`; the token endpoint without it.
        audience: Option<String>,
        /// Secret with the private key, in PEM.
        key: String,
        /// The header `kid`.
        key_id: Option<String>,
        /// How it is signed.
        algorithm: JwtAlgorithm,
    },
}

/// Signatures of assertions (RFC 7518, section 3.1; RFC 8037).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum JwtAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[default]
    RS256,
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl OAuth2 {
    /// The names of the secrets that tokens are asked for with.
    pub fn secret_names(&self) -> Vec<&str> {
        let client = self.client.as_ref();
        let id = client.map(|client| &client.id);
        let password = client.and_then(|client| client.secret.as_ref());
        let of_grant = match &self.grant {
            OAuthGrant::ClientCredentials => None,
            OAuthGrant::AuthorizationCode { refresh_token, .. } => Some(refresh_token),
            OAuthGrant::JwtBearer { key, .. } => Some(key),
        };
        let all = [id, password, of_grant].into_iter().flatten();
        all.map(String::as_str).collect()
    }

    /// The name of the refresh token that the host writes, if it writes one.
    pub fn refresh_token(&self) -> Option<&str> {
        match &self.grant {
            OAuthGrant::AuthorizationCode { refresh_token, .. } => Some(refresh_token),
            OAuthGrant::ClientCredentials | OAuthGrant::JwtBearer { .. } => None,
        }
    }
}
