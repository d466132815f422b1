//! `dowel connection authorize`: a person's consent, by the browser and a loopback
//! redirect (RFC 8252, section 7.3).

use crate::args::{Authorize, Format};
use crate::{exit, output, secrets, wiring};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_core::code::secret::{CONSENT, NO_AGE_FILE};
use dowel_core::connection::Connection;
use dowel_core::port::Secrets as _;
use dowel_wasm::{Consent, ConsentError};
use serde_json::json;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Where the browser comes back to.
const PATH: &str = "/callback";

/// The largest request head of a browser, in bytes.
const MAX_HEAD: usize = 16 << 10;

pub(crate) async fn run(authorize: &Authorize, format: Format) -> Result<ExitCode> {
    let connection = connection(authorize)?;
    let secrets = Arc::new(secrets::of(&authorize.repository)?);
    if secrets.age().is_none() {
        bail!(
            "{NO_AGE_FILE}: the refresh token is kept in an encrypted file, and neither the host \
             file nor the environment names one under `secrets.age`"
        );
    }
    let listener = TcpListener::bind(("127.0.0.1", authorize.port))
        .await
        .with_context(|| format!("cannot listen on 127.0.0.1:{}", authorize.port))?;
    let redirect = format!("http://{}{PATH}", listener.local_addr()?);
    let consent = Consent::new(&connection, secrets.clone(), redirect).map_err(coded)?;
    let url = consent.url().await.map_err(coded)?;
    ask(&url);
    let answered = tokio::time::timeout(authorize.wait, answer(&listener, &consent)).await;
    let token = answered.map_err(|_| {
        let name = &connection.name;
        anyhow!(
            "{CONSENT}: nobody came back in time; run `dowel connection authorize {name}` again"
        )
    })??;
    let name = consent.refresh_token();
    secrets
        .put(name, token)
        .await
        .map_err(|error| anyhow!("{CONSENT}: {error}"))?;
    let human = format!(
        "consent was given: `{}` uses it from now on, and its refresh token is the secret `{name}`\n",
        connection.name
    );
    let value = json!({ "connection": connection.name.as_str(), "secret": name });
    output::print(format, &value, &human)?;
    Ok(exit::found(false))
}

fn connection(authorize: &Authorize) -> Result<Connection> {
    let environment = match authorize.repository.environment()? {
        None => bail!("name an environment with --env: it has the connection"),
        Some(Err(findings)) => return Err(wiring::as_error(&findings)),
        Some(Ok(environment)) => environment,
    };
    let mut bound = environment.connections.into_iter();
    let found = bound.find(|one| one.name.as_str() == authorize.connection);
    let (name, wanted) = (environment.name, &authorize.connection);
    found.ok_or_else(|| anyhow!("the environment `{name}` binds no connection `{wanted}`"))
}

/// The address goes where people look and programs do not.
#[allow(clippy::print_stderr)] // The program talks to the person who runs it.
fn ask(url: &str) {
    eprintln!("Open this address in a browser:\n{url}");
}

/// Waits for the browser. What is not the answer to this question gets an error, and the
/// wait goes on: others on this machine can reach the port too.
async fn answer(listener: &TcpListener, consent: &Consent) -> Result<dowel_core::port::Secret> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let Some(query) = query(&mut stream).await else {
            reply(&mut stream, "404 Not Found", "There is nothing here.").await;
            continue;
        };
        match consent.finish(&query).await {
            Ok(token) => {
                let text = "Consent was given. This window can be closed.";
                reply(&mut stream, "200 OK", text).await;
                return Ok(token);
            }
            Err(error @ ConsentError::OtherState) => {
                reply(&mut stream, "400 Bad Request", &error.to_string()).await;
            }
            Err(error) => {
                reply(&mut stream, "200 OK", &error.to_string()).await;
                return Err(coded(error));
            }
        }
    }
}

/// The query of a request for the callback.
async fn query(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > MAX_HEAD || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let head = std::str::from_utf8(&head).ok()?;
    let target = head.strip_prefix("GET ")?.split(' ').next()?;
    let query = target.strip_prefix(PATH)?.strip_prefix('?')?;
    Some(query.to_owned())
}

async fn reply(stream: &mut TcpStream, status: &str, text: &str) {
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    // The person may have closed the window.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

#[allow(clippy::needless_pass_by_value)] // It is handed to `map_err` as it is.
fn coded(error: ConsentError) -> anyhow::Error {
    anyhow!("{CONSENT}: {error}")
}
