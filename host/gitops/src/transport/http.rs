//! The smart protocol over HTTP: one request for what is there, one for each exchange.

use super::failed;
use crate::location::Access;
use dowel_core::port::Secret;
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Certificate, Client, Response, redirect};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// A server that takes longer to take a connection is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A server that says nothing for longer has stopped. Packing a large repository takes a
/// while before the first byte.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// What a server may be told at once: objects of a push are collected in memory.
const MAX_REQUEST_BYTES: usize = 256 << 20;

/// The user name where only a token is given; servers look at the token alone.
const DEFAULT_USER: &str = "git";

pub(super) struct Http {
    access: Access,
}

impl Http {
    pub(super) const fn new(access: Access) -> Self {
        Self { access }
    }

    fn client(&self) -> Result<Client, git2::Error> {
        let wrong = |reason: String| failed(format!("the root certificates: {reason}"));
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // Another server must not get the token, and no other flows may come from there.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("git/2 dowel/", env!("CARGO_PKG_VERSION")));
        if let Some(file) = &self.access.ca_file {
            let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
            let roots = Certificate::from_pem_bundle(&pem);
            for root in roots.map_err(|error| wrong(error.to_string()))? {
                builder = builder.add_root_certificate(root);
            }
        }
        builder.build().map_err(|error| failed(chain(&error)))
    }
}

impl SmartSubtransport for Http {
    fn action(
        &self,
        url: &str,
        service: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let url = url.trim_end_matches('/');
        let (is_first, name) = match service {
            Service::UploadPackLs => (true, "git-upload-pack"),
            Service::UploadPack => (false, "git-upload-pack"),
            Service::ReceivePackLs => (true, "git-receive-pack"),
            Service::ReceivePack => (false, "git-receive-pack"),
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        let client = self.client()?;
        let request = if is_first {
            client.get(format!("{url}/info/refs?service={name}"))
        } else {
            let request = client.post(format!("{url}/{name}"));
            let request = request.header(CONTENT_TYPE, format!("application/x-{name}-request"));
            request.header(ACCEPT, format!("application/x-{name}-result"))
        };
        let request = match &self.access.token_file {
            Some(file) => {
                let user = self.access.user.as_deref().unwrap_or(DEFAULT_USER);
                request.basic_auth(user, Some(token(file)?.expose()))
            }
            None => request,
        };
        let what = if is_first { "advertisement" } else { "result" };
        Ok(Box::new(Exchange {
            runtime: Arc::new(runtime),
            request: Some(request),
            sent: Vec::new(),
            expected: format!("application/x-{name}-{what}"),
            response: None,
            chunk: Chunk::default(),
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// Editors end files with a line break that is not part of the token.
fn token(file: &Path) -> Result<Secret, git2::Error> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| failed(format!("the token: {}", error.kind())))?;
    Ok(Secret::new(text.trim_end()))
}

/// One request and its response.
struct Exchange {
    runtime: Arc<Runtime>,
    request: Option<reqwest::RequestBuilder>,
    sent: Vec<u8>,
    expected: String,
    response: Option<Response>,
    chunk: Chunk,
}

#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    at: usize,
}

impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.request.is_none() {
            return Err(io::Error::other("the request has been sent already"));
        }
        if self.sent.len() + bytes.len() > MAX_REQUEST_BYTES {
            return Err(io::Error::other("the request is too large"));
        }
        self.sent.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(request) = self.request.take() {
            let request = if self.sent.is_empty() {
                request
            } else {
                request.body(std::mem::take(&mut self.sent))
            };
            let response = self.runtime.block_on(async { request.send().await });
            let response = response.map_err(|error| io::Error::other(chain(&error)))?;
            self.response = Some(checked(response, &self.expected)?);
        }
        while self.chunk.at == self.chunk.bytes.len() {
            let Some(response) = &mut self.response else {
                return Ok(0);
            };
            let chunk = self.runtime.block_on(async { response.chunk().await });
            match chunk.map_err(|error| io::Error::other(chain(&error)))? {
                Some(bytes) => {
                    self.chunk = Chunk {
                        bytes: bytes.to_vec(),
                        at: 0,
                    };
                }
                None => return Ok(0),
            }
        }
        let rest = &self.chunk.bytes[self.chunk.at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.chunk.at += count;
        Ok(count)
    }
}

/// Whether it is git that answers.
fn checked(response: Response, expected: &str) -> io::Result<Response> {
    let status = response.status();
    let reason = match status.as_u16() {
        200 => {
            let kind = response.headers().get(CONTENT_TYPE);
            let is_git = kind.is_some_and(|kind| kind.as_bytes() == expected.as_bytes());
            if is_git {
                return Ok(response);
            }
            "what answers there is no git repository".to_owned()
        }
        401 | 403 => format!("the server answers {status}: the credential is missing or refused"),
        404 => format!("the server answers {status}: no such repository, or no right to see it"),
        300..=399 => {
            let to = response.headers().get(reqwest::header::LOCATION);
            let to = to.and_then(|to| to.to_str().ok()).unwrap_or("elsewhere");
            let to = to.split(['?', '#']).next().unwrap_or_default();
            format!("the server sends on to {to}; redirects are not followed")
        }
        _ => format!("the server answers {status}"),
    };
    Err(io::Error::other(reason))
}

/// What went wrong, down to the cause, without the address.
fn chain(error: &reqwest::Error) -> String {
    let mut text = match () {
        () if error.is_timeout() => "the server does not answer in time".to_owned(),
        () if error.is_connect() => "no connection".to_owned(),
        () => "the request failed".to_owned(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
