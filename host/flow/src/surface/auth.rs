//! How a connection proves itself to an upstream.

use super::environment::{HeaderName, Origin, SecretName};
use crate::diagnostic::Report;
use crate::shape::{Definitions, FromText, Key, Located, Shape, Text, choice, record};
use crate::yaml::Node;
use dowel_core::code::flow as code;
use serde_json::{Value, json};

record! {
    /// One method of authentication and the origins that it is for.
    AuthFile {
        /// `Authorization: Bearer` (RFC 6750).
        bearer = "bearer": Option<Bearer>,
        /// `Authorization: Basic` (RFC 7617).
        basic = "basic": Option<Basic>,
        /// A key in a header or in the query.
        api_key = "api_key": Option<ApiKey>,
        /// Access tokens that the host asks for by itself (RFC 6749, section 4.4).
        oauth2_client_credentials = "oauth2_client_credentials": Option<ClientCredentials>,
        /// Access tokens by the consent of a person (RFC 6749, section 4.1), which
        /// `dowel connection authorize` asks for.
        oauth2_authorization_code = "oauth2_authorization_code": Option<AuthorizationCode>,
        /// Access tokens for a signed assertion (RFC 7523).
        oauth2_jwt_bearer = "oauth2_jwt_bearer": Option<JwtBearer>,
        /// `scheme://host[:port]` of every origin that receives the credential.
        origins = "origins": Located<Vec<Located<Origin>>>,
    }
    not_yet ["hmac", "aws_sigv4", "mtls"]
}

record! {
    /// A bearer token.
    Bearer {
        /// The token.
        token = "token": SecretReference,
    }
    not_yet []
}

record! {
    /// A user name and a password.
    Basic {
        /// The user name.
        username = "username": SecretReference,
        /// The password.
        password = "password": SecretReference,
    }
    not_yet []
}

record! {
    /// A key.
    ApiKey {
        /// The request header that carries it.
        header = "header": Option<HeaderName>,
        /// The query parameter that carries it.
        query = "query": Option<Key>,
        /// The key.
        key = "key": SecretReference,
    }
    not_yet []
}

record! {
    /// A reference to a secret.
    SecretMap {
        /// The secret's name.
        secret = "secret": SecretName,
    }
    not_yet []
}

/// A reference to a secret, `{ secret: <name> }`.
#[derive(Clone, Debug)]
pub(crate) struct SecretReference(pub(crate) SecretMap);

impl Shape for SecretReference {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        if let Node::Scalar(scalar) = node {
            report.hide(scalar.span);
            let message = "a reference to a secret is expected here, never the secret itself";
            let found = report.error(code::WRONG_TYPE, scalar.span, message);
            found.help("write `{ secret: <name> }`");
            return None;
        }
        SecretMap::decode(node, report).map(Self)
    }

    fn schema(definitions: &mut Definitions) -> Value {
        SecretMap::schema(definitions)
    }
}

record! {
    /// Access tokens for the host itself.
    ClientCredentials {
        /// The token endpoint of the authorization server.
        token_url = "token_url": Located<Address>,
        /// The client's identifier.
        client_id = "client_id": SecretReference,
        /// The client's password.
        client_secret = "client_secret": SecretReference,
        /// Where both stand: `header` (`Authorization: Basic`) unless given, or `body`.
        client_in = "client_in": Option<ClientPlaceName>,
        /// What is asked for.
        scopes = "scopes": Option<Vec<Text>>,
        /// What the tokens are for (RFC 8707), where the server asks for that.
        resource = "resource": Option<Text>,
        /// Who is asked when the server refuses.
        owner = "owner": Option<Text>,
    }
    not_yet []
}

record! {
    /// Access tokens by the consent of a person.
    AuthorizationCode {
        /// Where the person is asked.
        authorization_url = "authorization_url": Located<Address>,
        /// The token endpoint of the authorization server.
        token_url = "token_url": Located<Address>,
        /// The client's identifier.
        client_id = "client_id": SecretReference,
        /// The client's password; none for public clients.
        client_secret = "client_secret": Option<SecretReference>,
        /// Where both stand: `header` (`Authorization: Basic`) unless given, or `body`.
        client_in = "client_in": Option<ClientPlaceName>,
        /// The secret that the host keeps the refresh token in, in `secrets.age`.
        refresh_token = "refresh_token": SecretReference,
        /// What is asked for; often with `offline_access`.
        scopes = "scopes": Option<Vec<Text>>,
        /// What the tokens are for (RFC 8707), where the server asks for that.
        resource = "resource": Option<Text>,
        /// Who gives the consent, and is asked when the server refuses.
        owner = "owner": Option<Text>,
    }
    not_yet []
}

record! {
    /// Access tokens for a signed assertion.
    JwtBearer {
        /// The token endpoint of the authorization server.
        token_url = "token_url": Located<Address>,
        /// Who asserts: the claim `iss`.
        issuer = "issuer": Text,
        /// For whom: the claim `sub`; the issuer unless given.
        subject = "subject": Option<Text>,
        /// To whom: the claim `aud`; the token endpoint unless given.
        audience = "audience": Option<Text>,
        /// The private key, in PEM.
        key = "key": SecretReference,
        /// The header `kid`.
        key_id = "key_id": Option<Text>,
        /// How it is signed: `RS256` unless given, `ES256` or `EdDSA`.
        algorithm = "algorithm": Option<JwtAlgorithmName>,
        /// What is asked for.
        scopes = "scopes": Option<Vec<Text>>,
        /// Who is asked when the server refuses.
        owner = "owner": Option<Text>,
    }
    not_yet []
}

choice! {
    /// Where a client's identifier and password stand.
    ClientPlaceName { Header = "header", Body = "body", }
    not_yet []
}

choice! {
    /// How an assertion is signed.
    JwtAlgorithmName { Rs256 = "RS256", Es256 = "ES256", EdDsa = "EdDSA", }
    not_yet []
}

/// An address of an authorization server: an origin and a path, without credentials.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) text: String,
    /// Whether what is sent there can be read on the way.
    pub(crate) is_exposed: bool,
}

impl FromText for Address {
    fn from_text(text: &str) -> Result<Self, String> {
        let rule = || "an address is written `https://host/path`".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(rule)?;
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let origin = Origin::from_text(&format!("{scheme}://{authority}")).map_err(|_| rule())?;
        let in_address = |b: u8| b.is_ascii_graphic() && b != b'#';
        if !rest.bytes().all(in_address) {
            return Err(rule());
        }
        Ok(Self {
            text: text.to_owned(),
            is_exposed: origin.is_exposed,
        })
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^https?://[A-Za-z0-9_.:\[\]-]+([/?][!-~]*)?$" })
    }
}
