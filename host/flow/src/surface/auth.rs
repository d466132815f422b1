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
        /// Signature Version 4 of Amazon Web Services and of whoever speaks S3.
        aws_sigv4 = "aws_sigv4": Option<AwsSignature>,
        /// A keyed digest (HMAC-SHA256) of each request.
        hmac = "hmac": Option<HmacFile>,
        /// `scheme://host[:port]` of every origin that receives the credential.
        origins = "origins": Located<Vec<Located<Origin>>>,
    }
    not_yet []
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

record! {
    /// Signature Version 4 of each request.
    AwsSignature {
        /// The access key id.
        access_key_id = "access_key_id": SecretReference,
        /// The secret access key.
        secret_access_key = "secret_access_key": SecretReference,
        /// The session token of temporary credentials.
        session_token = "session_token": Option<SecretReference>,
        /// The region, such as `eu-central-1`.
        region = "region": Text,
        /// The service's name, such as `s3`.
        service = "service": Text,
    }
    not_yet []
}

record! {
    /// A keyed digest (HMAC-SHA256) of each request.
    HmacFile {
        /// The key.
        key = "key": SecretReference,
        /// The header that the signature goes into.
        header = "header": HeaderName,
        /// What stands before the signature, such as `sha256=`.
        prefix = "prefix": Option<Text>,
        /// How it is written: `hex` unless given, or `base64`.
        encoding = "encoding": Option<EncodingName>,
        /// What is signed: `body` unless given, `time.body` (the time, a dot, the body), or
        /// `time-method-path-body` (each but the last with a line feed after it).
        content = "content": Option<ContentName>,
        /// The header that the time goes into, in seconds since 1970.
        timestamp_header = "timestamp_header": Option<HeaderName>,
    }
    not_yet []
}

choice! {
    /// How a signature is written.
    EncodingName { Hex = "hex", Base64 = "base64", }
    not_yet []
}

choice! {
    /// What is signed.
    ContentName {
        Body = "body",
        TimeBody = "time.body",
        TimeMethodPathBody = "time-method-path-body",
    }
    not_yet []
}

record! {
    /// What is special about the TLS of a connection.
    TlsFile {
        /// Certificates of authorities, in PEM, that are trusted beside those of the system.
        ca = "ca": Option<Text>,
        /// The client certificate that the host shows, in PEM.
        certificate = "certificate": Option<SecretReference>,
        /// Its private key, in PEM.
        key = "key": Option<SecretReference>,
    }
    not_yet []
}
