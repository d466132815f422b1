//! Security schemes become what a connection has to show.

use crate::Problem;
use crate::document::{Document, entries};
use crate::model::{Auth, Note};
use serde_json::Value;
use std::collections::BTreeMap;

/// Which schemes the operations ask for, counted.
#[derive(Default)]
pub(crate) struct Asked(BTreeMap<String, usize>);

impl Asked {
    /// Counts what an operation asks for; its own list counts before the document's.
    pub(crate) fn by(&mut self, document: &Value, operation: &Value) {
        let own = operation.get("security").or(document.get("security"));
        for alternative in own.and_then(Value::as_array).into_iter().flatten() {
            for (scheme, _) in entries(alternative) {
                *self.0.entry(scheme.to_owned()).or_default() += 1;
            }
        }
    }

    /// The schemes as a connection can show them, the most used first.
    pub(crate) fn methods(
        self,
        document: &Document,
        notes: &mut Vec<Note>,
    ) -> Result<Vec<Auth>, Problem> {
        let schemes = &document.root()["components"]["securitySchemes"];
        let mut names: Vec<(String, usize)> = self.0.into_iter().collect();
        if names.is_empty() {
            // A document that says what there is and not what for.
            names = entries(schemes)
                .into_iter()
                .map(|(name, _)| (name.to_owned(), 0))
                .collect();
        }
        names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let mut found = Vec::new();
        for (name, _) in names {
            let Some(scheme) = schemes.get(&name) else {
                continue;
            };
            match method(document.follow(scheme)?) {
                Ok(method) if !found.contains(&method) => found.push(method),
                Ok(_) => {}
                Err(what) => notes.push(Note {
                    place: format!("securitySchemes/{name}"),
                    what,
                }),
            }
        }
        Ok(found)
    }
}

/// The lower-case names of headers and query parameters that hold credentials.
pub(crate) fn names(document: &Document) -> Vec<String> {
    let schemes = entries(&document.root()["components"]["securitySchemes"]);
    let keys = schemes
        .into_iter()
        .filter(|(_, scheme)| scheme["type"] == "apiKey");
    keys.filter_map(|(_, scheme)| scheme["name"].as_str().map(str::to_ascii_lowercase))
        .collect()
}

fn method(scheme: &Value) -> Result<Auth, String> {
    let text = |key: &str| scheme[key].as_str().unwrap_or_default();
    match text("type") {
        "http" => match text("scheme").to_ascii_lowercase().as_str() {
            "bearer" => Ok(Auth::Bearer),
            "basic" => Ok(Auth::Basic),
            other => Err(format!(
                "`Authorization: {other}` is not among the host's methods"
            )),
        },
        "apiKey" => match (text("in"), text("name")) {
            // A token with a word of its own in front; bearer if it is that word.
            ("header", name) => Ok(Auth::KeyInHeader(name.to_owned())),
            ("query", name) => Ok(Auth::KeyInQuery(name.to_owned())),
            _ => Err("a key in a cookie is not among the host's methods".to_owned()),
        },
        "oauth2" => oauth(&scheme["flows"]),
        "openIdConnect" => Err(format!(
            "OpenID Connect: take `oauth2_client_credentials` or `oauth2_authorization_code` with the \
             addresses that {} names",
            text("openIdConnectUrl")
        )),
        "mutualTLS" => Err("client certificates are set under `tls` of the connection".to_owned()),
        other => Err(format!("`{other}` is not among the host's methods")),
    }
}

fn oauth(flows: &Value) -> Result<Auth, String> {
    let url = |flow: &Value, key: &str| flow[key].as_str().map(str::to_owned);
    let scopes = |flow: &Value| {
        entries(&flow["scopes"])
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect()
    };
    let client = &flows["clientCredentials"];
    if let Some(token_url) = url(client, "tokenUrl") {
        return Ok(Auth::Token {
            authorization_url: None,
            token_url,
            scopes: scopes(client),
        });
    }
    let code = &flows["authorizationCode"];
    if let (authorization_url @ Some(_), Some(token_url)) =
        (url(code, "authorizationUrl"), url(code, "tokenUrl"))
    {
        return Ok(Auth::Token {
            authorization_url,
            token_url,
            scopes: scopes(code),
        });
    }
    Err(
        "the OAuth flows `implicit` and `password` are no longer used (RFC 9700, section 2)"
            .to_owned(),
    )
}
