//! How a connection proves itself to an upstream.

use crate::diagnostic::Report;
use crate::shape::Text;
use crate::surface::auth::{
    AuthFile, AuthorizationCode, AwsSignature, ClientCredentials, ClientPlaceName, ContentName,
    EncodingName, HmacFile, JwtAlgorithmName, JwtBearer, SecretReference, TlsFile,
};
use dowel_core::code::flow as code;
use dowel_core::connection::{ApiKeyPlace, Auth, AuthMethod, ClientCertificate, Tls};
use dowel_core::oauth::{ClientPlace, JwtAlgorithm, OAuth2, OAuthClient, OAuthGrant};
use dowel_core::signing::{AwsSigV4, HmacSigning, SignatureEncoding, SignedContent};

pub(super) fn auth(auth: &AuthFile, report: &mut Report) -> Option<Auth> {
    if auth.origins.value.is_empty() {
        let message = "a credential without origins would go nowhere";
        report.error(code::EMPTY_LIST, auth.origins.span, message);
    }
    let bearer = auth.bearer.as_ref().map(|bearer| AuthMethod::Bearer {
        token: secret(&bearer.token),
    });
    let basic = auth.basic.as_ref().map(|basic| AuthMethod::Basic {
        username: secret(&basic.username),
        password: secret(&basic.password),
    });
    let api_key = match &auth.api_key {
        None => None,
        Some(written) => {
            let place = match (&written.header, &written.query) {
                (Some(header), None) => ApiKeyPlace::Header(header.0.clone()),
                (None, Some(query)) => ApiKeyPlace::Query(query.0.clone()),
                _ => {
                    let message = "the key goes either into a `header` or into the `query`";
                    report.error(code::AUTH_CHOICE, written.span, message);
                    return None;
                }
            };
            let key = secret(&written.key);
            Some(AuthMethod::ApiKey { place, key })
        }
    };
    let oauth2 = [
        auth.oauth2_client_credentials
            .as_ref()
            .map(client_credentials),
        auth.oauth2_authorization_code
            .as_ref()
            .map(authorization_code),
        auth.oauth2_jwt_bearer.as_ref().map(jwt_bearer),
    ];
    let oauth2 = oauth2.into_iter().flatten().map(AuthMethod::OAuth2);
    let aws = auth.aws_sigv4.as_ref().map(aws).map(AuthMethod::AwsSigV4);
    let mut digest = None;
    if let Some(written) = &auth.hmac {
        digest = Some(AuthMethod::Hmac(hmac(written, report)?));
    }
    let methods = [bearer, basic, api_key, aws, digest].into_iter().flatten();
    let mut methods: Vec<AuthMethod> = methods.chain(oauth2).collect();
    if methods.len() != 1 {
        let is_method = |(key, _): &(String, _)| key != "origins" && !key.starts_with("x-");
        // A method that is not supported yet has been reported already.
        let has_later = methods.is_empty() && auth.keys.iter().any(is_method);
        if !has_later {
            let message = "`auth` names exactly one method, such as `bearer`, `basic`, `api_key` or \
                           `oauth2_client_credentials`";
            report.error(code::AUTH_CHOICE, auth.span, message);
        }
        return None;
    }
    let origins = auth.origins.value.iter();
    Some(Auth {
        method: methods.pop()?,
        origins: origins.map(|origin| origin.value.text.clone()).collect(),
    })
}

fn secret(reference: &SecretReference) -> String {
    reference.0.secret.0.clone()
}

fn text(text: &Option<Text>) -> Option<String> {
    text.as_ref().map(|text| text.0.clone())
}

fn texts(texts: &Option<Vec<Text>>) -> Vec<String> {
    let texts = texts.iter().flatten();
    texts.map(|text| text.0.clone()).collect()
}

fn client(
    id: &SecretReference,
    password: Option<&SecretReference>,
    place: Option<ClientPlaceName>,
) -> OAuthClient {
    OAuthClient {
        id: secret(id),
        secret: password.map(secret),
        place: match place {
            None | Some(ClientPlaceName::Header) => ClientPlace::Header,
            Some(ClientPlaceName::Body) => ClientPlace::Body,
        },
    }
}

fn aws(written: &AwsSignature) -> AwsSigV4 {
    AwsSigV4 {
        access_key_id: secret(&written.access_key_id),
        secret_access_key: secret(&written.secret_access_key),
        session_token: written.session_token.as_ref().map(secret),
        region: written.region.0.clone(),
        service: written.service.0.clone(),
    }
}

fn hmac(written: &HmacFile, report: &mut Report) -> Option<HmacSigning> {
    let content = match written.content {
        None | Some(ContentName::Body) => SignedContent::Body,
        Some(ContentName::TimeBody) => SignedContent::TimeAndBody,
        Some(ContentName::TimeMethodPathBody) => SignedContent::TimeMethodPathAndBody,
    };
    if content != SignedContent::Body && written.timestamp_header.is_none() {
        let message = "who checks the signature has to know the time: name the `timestamp_header`";
        report.error(code::MISSING_KEY, written.span, message);
        return None;
    }
    Some(HmacSigning {
        key: secret(&written.key),
        header: written.header.0.clone(),
        prefix: text(&written.prefix).unwrap_or_default(),
        encoding: match written.encoding {
            None | Some(EncodingName::Hex) => SignatureEncoding::Hex,
            Some(EncodingName::Base64) => SignatureEncoding::Base64,
        },
        content,
        timestamp_header: written.timestamp_header.as_ref().map(|name| name.0.clone()),
    })
}

/// What is special about the TLS of a connection.
pub(super) fn tls(written: &TlsFile, report: &mut Report) -> Option<Tls> {
    let client = match (&written.certificate, &written.key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(ClientCertificate {
            certificate: secret(certificate),
            key: secret(key),
        }),
        _ => {
            let message = "`certificate` and `key` go together";
            report.error(code::MISSING_KEY, written.span, message);
            return None;
        }
    };
    Some(Tls {
        ca: text(&written.ca),
        client,
    })
}

fn client_credentials(written: &ClientCredentials) -> OAuth2 {
    OAuth2 {
        token_url: written.token_url.value.text.clone(),
        client: Some(client(
            &written.client_id,
            Some(&written.client_secret),
            written.client_in,
        )),
        scopes: texts(&written.scopes),
        resource: text(&written.resource),
        grant: OAuthGrant::ClientCredentials,
        owner: text(&written.owner),
    }
}

fn authorization_code(written: &AuthorizationCode) -> OAuth2 {
    OAuth2 {
        token_url: written.token_url.value.text.clone(),
        client: Some(client(
            &written.client_id,
            written.client_secret.as_ref(),
            written.client_in,
        )),
        scopes: texts(&written.scopes),
        resource: text(&written.resource),
        grant: OAuthGrant::AuthorizationCode {
            authorization_url: written.authorization_url.value.text.clone(),
            refresh_token: secret(&written.refresh_token),
        },
        owner: text(&written.owner),
    }
}

fn jwt_bearer(written: &JwtBearer) -> OAuth2 {
    OAuth2 {
        token_url: written.token_url.value.text.clone(),
        client: None,
        scopes: texts(&written.scopes),
        resource: None,
        grant: OAuthGrant::JwtBearer {
            issuer: written.issuer.0.clone(),
            subject: text(&written.subject),
            audience: text(&written.audience),
            key: secret(&written.key),
            key_id: text(&written.key_id),
            algorithm: match written.algorithm {
                None | Some(JwtAlgorithmName::Rs256) => JwtAlgorithm::RS256,
                Some(JwtAlgorithmName::Es256) => JwtAlgorithm::ES256,
                Some(JwtAlgorithmName::EdDsa) => JwtAlgorithm::EdDSA,
            },
        },
        owner: text(&written.owner),
    }
}

/// A network of one's own, which has to be granted, may do without encryption.
pub(super) fn refuse_exposed(auth: &AuthFile, report: &mut Report) {
    for origin in auth
        .origins
        .value
        .iter()
        .filter(|origin| origin.value.is_exposed)
    {
        let message = "everybody on the way to this origin could read the credential";
        let found = report.error(code::EXPOSED_ORIGIN, origin.span, message);
        found.help("use https");
    }
    let client = auth.oauth2_client_credentials.as_ref();
    let consent = auth.oauth2_authorization_code.as_ref();
    let assertion = auth.oauth2_jwt_bearer.as_ref();
    let addresses = [
        client.map(|written| &written.token_url),
        consent.map(|written| &written.token_url),
        consent.map(|written| &written.authorization_url),
        assertion.map(|written| &written.token_url),
    ];
    let addresses = addresses.into_iter().flatten();
    for address in addresses.filter(|address| address.value.is_exposed) {
        let message = "everybody on the way to this server could read the credential";
        let found = report.error(code::EXPOSED_ORIGIN, address.span, message);
        found.help("use https");
    }
}
