//! Access tokens, against an authorization server and an API that count what they see.

use crate::support::{Bench, connection};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{any, post};
use axum::{Json, Router};
use dowel_core::ErrorKind;
use dowel_core::connection::{Auth, AuthMethod, Connection};
use dowel_core::oauth::{ClientPlace, JwtAlgorithm, OAuth2, OAuthClient, OAuthGrant};
use dowel_core::port::{BoxFuture, Secret, SecretError, Secrets};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

/// What the authorization server does next.
#[derive(Clone, Copy)]
enum Mode {
    /// A token that counts for so many seconds.
    Give(u64),
    /// A token, and another refresh token.
    Rotate,
    Refuse,
    Down,
}

struct Server {
    mode: Mode,
    /// What was sent to the token endpoint: the parameters and the `Authorization`.
    asked: Vec<(BTreeMap<String, String>, String)>,
    /// What the API was called with.
    seen: Vec<String>,
    /// Tokens that the API does not take any more.
    revoked: Vec<String>,
}

type Shared = Arc<Mutex<Server>>;

async fn token(
    State(server): State<Shared>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Json<Value>) {
    let pairs = url::form_urlencoded::parse(body.as_bytes());
    let form: BTreeMap<String, String> = pairs.into_owned().collect();
    let mut server = server.lock();
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    let said = form.values().cloned().collect::<Vec<_>>().join(" ");
    server.asked.push((form, authorization.unwrap_or_default()));
    let number = server.asked.len();
    let mut answer =
        json!({ "access_token": format!("access-token-{number:04}"), "token_type": "Bearer" });
    match server.mode {
        Mode::Give(seconds) => answer["expires_in"] = seconds.into(),
        Mode::Rotate => answer["refresh_token"] = format!("refresh-token-{number:04}").into(),
        Mode::Refuse => {
            let error = json!({ "error": "invalid_grant", "error_description": said });
            return (StatusCode::BAD_REQUEST, Json(error));
        }
        Mode::Down => return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({}))),
    }
    (StatusCode::OK, Json(answer))
}

async fn api(State(server): State<Shared>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let mut server = server.lock();
    let given = headers.get(header::AUTHORIZATION);
    let given = given.map_or("", |value| value.to_str().unwrap()).to_owned();
    server.seen.push(given.clone());
    let good = given.starts_with("Bearer access-token-") && !server.revoked.contains(&given);
    let status = if good {
        StatusCode::OK
    } else {
        StatusCode::UNAUTHORIZED
    };
    (status, Json(json!({ "heard": given })))
}

/// Secrets that can be stored, or not.
struct Stored {
    values: Mutex<BTreeMap<String, String>>,
    writable: bool,
}

impl Secrets for Stored {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, SecretError>> {
        let found = self.values.lock().get(name).map(Secret::new);
        let missing = || SecretError::Missing(name.to_owned());
        Box::pin(std::future::ready(found.ok_or_else(missing)))
    }

    fn put<'a>(&'a self, name: &'a str, value: Secret) -> BoxFuture<'a, Result<(), SecretError>> {
        let done = if self.writable {
            let mut values = self.values.lock();
            values.insert(name.to_owned(), value.expose().to_owned());
            Ok(())
        } else {
            Err(SecretError::ReadOnly(name.to_owned()))
        };
        Box::pin(std::future::ready(done))
    }
}

struct World {
    server: Shared,
    secrets: Arc<Stored>,
    bench: Bench,
    base: String,
}

fn settings(base: &str, grant: OAuthGrant) -> OAuth2 {
    OAuth2 {
        token_url: format!("{base}/token"),
        client: Some(OAuthClient {
            id: "id".to_owned(),
            secret: Some("word".to_owned()),
            place: ClientPlace::Header,
        }),
        scopes: vec!["read".to_owned(), "write".to_owned()],
        resource: None,
        grant,
        owner: Some("crm-team@example.com".to_owned()),
    }
}

fn bound(base: &str, settings: OAuth2) -> Connection {
    Connection {
        auth: Some(Auth {
            method: AuthMethod::OAuth2(settings),
            origins: vec![base.to_owned()],
        }),
        ..connection(base)
    }
}

async fn serve() -> (Shared, String) {
    let server = Arc::new(Mutex::new(Server {
        mode: Mode::Give(3_600),
        asked: Vec::new(),
        seen: Vec::new(),
        revoked: Vec::new(),
    }));
    let router = Router::new()
        .route("/token", post(token))
        .fallback(any(api))
        .with_state(Arc::clone(&server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (server, base)
}

impl World {
    async fn new(grant: OAuthGrant) -> Self {
        Self::with(grant, true, |_| ()).await
    }

    async fn with(grant: OAuthGrant, writable: bool, change: impl Fn(&mut OAuth2)) -> Self {
        let (server, base) = serve().await;
        let values = [
            ("id", "the client"),
            ("word", "canary:word/1+2"),
            ("refresh", "refresh-token-first"),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let secrets = Arc::new(Stored {
            values: Mutex::new(values.into()),
            writable,
        });
        let mut settings = settings(&base, grant);
        change(&mut settings);
        Self {
            bench: Bench::with(bound(&base, settings), secrets.clone()),
            server,
            secrets,
            base,
        }
    }

    fn input(&self) -> Value {
        json!({ "url": format!("{}/api", self.base) })
    }

    /// The status that the guest saw.
    async fn get(&self) -> u64 {
        let answer = self.bench.good("fetch", self.input()).await;
        let text = answer.to_string();
        assert!(!text.contains("access-token-"), "{text}");
        answer["status"].as_u64().unwrap()
    }

    async fn refused(&self, code: &str) -> dowel_core::StepError {
        let outcome = self.bench.bad("fetch-fail", self.input(), code).await;
        let error = outcome.result.unwrap_err();
        let text = format!("{error:?}");
        assert!(
            !text.contains("canary") && !text.contains("-token-"),
            "{text}"
        );
        error
    }

    fn asked(&self) -> usize {
        self.server.lock().asked.len()
    }

    fn stored(&self) -> String {
        self.secrets.values.lock()["refresh"].clone()
    }
}

fn consent(base: &str) -> OAuthGrant {
    OAuthGrant::AuthorizationCode {
        authorization_url: format!("{base}/authorize"),
        refresh_token: "refresh".to_owned(),
    }
}

#[tokio::test]
async fn one_token_for_all_who_ask_at_once() {
    let world = World::new(OAuthGrant::ClientCredentials).await;
    let calls = (0..6).map(|_| world.get());
    let statuses = futures_util::future::join_all(calls).await;
    assert_eq!(statuses, [200; 6]);
    assert_eq!(world.get().await, 200);
    assert_eq!(world.asked(), 1);
    let server = world.server.lock();
    let (form, authorization) = &server.asked[0];
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["scope"], "read write");
    // "the+client:canary%3Aword%2F1%2B2" (RFC 6749, section 2.3.1).
    let expected = "Basic dGhlK2NsaWVudDpjYW5hcnklM0F3b3JkJTJGMSUyQjI=";
    assert_eq!(authorization, expected);
}

#[tokio::test]
async fn a_client_may_stand_in_the_body() {
    let in_body = |settings: &mut OAuth2| {
        let client = settings.client.as_mut().unwrap();
        client.place = ClientPlace::Body;
        settings.resource = Some("https://api.example.com".to_owned());
    };
    let world = World::with(OAuthGrant::ClientCredentials, true, in_body).await;
    assert_eq!(world.get().await, 200);
    let server = world.server.lock();
    let (form, authorization) = &server.asked[0];
    assert_eq!(form["client_secret"], "canary:word/1+2");
    assert_eq!(form["resource"], "https://api.example.com");
    assert_eq!(authorization, "");
}

#[tokio::test]
async fn a_token_that_ends_is_renewed() {
    let world = World::new(OAuthGrant::ClientCredentials).await;
    world.server.lock().mode = Mode::Give(0);
    assert_eq!((world.get().await, world.get().await), (200, 200));
    assert_eq!(world.asked(), 2);
    let seen = &world.server.lock().seen;
    assert_eq!(
        seen[..],
        ["Bearer access-token-0001", "Bearer access-token-0002"]
    );
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let world = World::new(OAuthGrant::ClientCredentials).await;
    let revoked = |numbers: &[u32]| {
        let texts = numbers.iter();
        texts
            .map(|n| format!("Bearer access-token-{n:04}"))
            .collect()
    };
    world.server.lock().revoked = revoked(&[1]);
    assert_eq!(world.get().await, 200, "the second token is good");
    assert_eq!(world.asked(), 2);
    world.server.lock().revoked = revoked(&[1, 2, 3, 4]);
    assert_eq!(world.get().await, 401, "one other token is tried, not more");
    assert_eq!(world.asked(), 3);
}

#[tokio::test]
async fn a_new_refresh_token_is_stored() {
    let world = World::new(consent("http://127.0.0.1")).await;
    world.server.lock().mode = Mode::Rotate;
    assert_eq!(world.get().await, 200);
    assert_eq!(world.stored(), "refresh-token-0001");
    world.server.lock().revoked = vec!["Bearer access-token-0001".to_owned()];
    assert_eq!(world.get().await, 200);
    assert_eq!(world.stored(), "refresh-token-0002");
    let server = world.server.lock();
    let sent = server.asked.iter().map(|(form, _)| &form["refresh_token"]);
    let sent: Vec<&String> = sent.collect();
    assert_eq!(sent, ["refresh-token-first", "refresh-token-0001"]);
}

#[tokio::test]
async fn a_refresh_token_that_cannot_be_stored_is_used_all_the_same() {
    let world = World::with(consent("http://127.0.0.1"), false, |_| ()).await;
    world.server.lock().mode = Mode::Rotate;
    assert_eq!(world.get().await, 200);
    world.server.lock().revoked = vec!["Bearer access-token-0001".to_owned()];
    assert_eq!(world.get().await, 200);
    let sent = world.server.lock().asked[1].0["refresh_token"].clone();
    assert_eq!(sent, "refresh-token-0001");
    // Somebody gave consent again: that counts.
    let new = "refresh-token-of-a-new-consent";
    world
        .secrets
        .values
        .lock()
        .insert("refresh".to_owned(), new.to_owned());
    world.server.lock().revoked = vec!["Bearer access-token-0002".to_owned()];
    assert_eq!(world.get().await, 200);
    let sent = world.server.lock().asked[2].0["refresh_token"].clone();
    assert_eq!(sent, new);
}

#[tokio::test]
async fn a_refusal_names_the_owner_and_is_not_repeated_at_once() {
    let world = World::new(consent("http://127.0.0.1")).await;
    world.server.lock().mode = Mode::Refuse;
    for _ in 0..3 {
        let error = world.refused("DWL-2216").await;
        assert_eq!(error.kind, ErrorKind::Unauthenticated);
        assert!(error.message.contains("invalid_grant"), "{error}");
        assert!(error.message.contains("crm-team@example.com"), "{error}");
        assert!(
            error.message.contains("dowel connection authorize it"),
            "{error}"
        );
    }
    assert_eq!(world.asked(), 1);
    assert!(
        world.server.lock().seen.is_empty(),
        "nothing was sent without a token"
    );
}

#[tokio::test]
async fn a_server_that_is_down_is_no_refusal() {
    let world = World::new(OAuthGrant::ClientCredentials).await;
    world.server.lock().mode = Mode::Down;
    let error = world.refused("DWL-2217").await;
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn without_consent_nobody_is_asked() {
    let world = World::new(consent("http://127.0.0.1")).await;
    world.secrets.values.lock().remove("refresh");
    let error = world.refused("DWL-2216").await;
    assert!(
        error.message.contains("nobody has given consent"),
        "{error}"
    );
    assert_eq!(world.asked(), 0);
}

#[tokio::test]
async fn a_token_endpoint_at_a_private_address_has_to_be_granted() {
    let elsewhere = |settings: &mut OAuth2| {
        settings.token_url = "http://10.0.0.1/token".to_owned();
    };
    let world = World::with(OAuthGrant::ClientCredentials, true, elsewhere).await;
    let error = world.refused("DWL-2216").await;
    assert!(error.message.contains("private"), "{error}");
}

/// A fresh key pair, in PEM.
fn key(kind: &[&str]) -> (String, String) {
    let run = |arguments: &[&str], input: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, input).unwrap();
        let arguments = arguments
            .iter()
            .map(|a| a.replace("KEY", file.to_str().unwrap()));
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let mut generate = vec!["genpkey"];
    generate.extend(kind);
    let private = run(&generate, "");
    let public = run(&["pkey", "-in", "KEY", "-pubout"], &private);
    (private, public)
}

#[tokio::test]
async fn openssl_keys_sign_assertions() {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
    let curve = "ec_paramgen_curve:P-256";
    let cases: [(JwtAlgorithm, Algorithm, &[&str]); 3] = [
        (
            JwtAlgorithm::RS256,
            Algorithm::RS256,
            &["-algorithm", "RSA"],
        ),
        (
            JwtAlgorithm::ES256,
            Algorithm::ES256,
            &["-algorithm", "EC", "-pkeyopt", curve],
        ),
        (
            JwtAlgorithm::EdDSA,
            Algorithm::EdDSA,
            &["-algorithm", "ED25519"],
        ),
    ];
    for (ours, theirs, kind) in cases {
        let grant = OAuthGrant::JwtBearer {
            issuer: "robot@example.com".to_owned(),
            subject: Some("ana@example.com".to_owned()),
            audience: None,
            key: "key".to_owned(),
            key_id: Some("k1".to_owned()),
            algorithm: ours,
        };
        let world = World::with(grant, true, |settings| settings.client = None).await;
        let (private, public) = key(kind);
        world
            .secrets
            .values
            .lock()
            .insert("key".to_owned(), private);
        assert_eq!(world.get().await, 200);
        let (form, authorization) = world.server.lock().asked[0].clone();
        assert_eq!(
            form["grant_type"],
            "urn:ietf:params:oauth:grant-type:jwt-bearer"
        );
        assert_eq!(authorization, "");
        let key = match theirs {
            Algorithm::RS256 => DecodingKey::from_rsa_pem(public.as_bytes()),
            Algorithm::ES256 => DecodingKey::from_ec_pem(public.as_bytes()),
            _ => DecodingKey::from_ed_pem(public.as_bytes()),
        };
        let mut validation = Validation::new(theirs);
        validation.set_audience(&[format!("{}/token", world.base)]);
        validation.set_issuer(&["robot@example.com"]);
        let read = decode::<Value>(&form["assertion"], &key.unwrap(), &validation).unwrap();
        assert_eq!(read.claims["sub"], "ana@example.com");
        assert_eq!(read.header.kid.as_deref(), Some("k1"));
    }
}
