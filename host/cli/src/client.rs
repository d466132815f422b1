//! Talks to the admin listener of a running host: through its local socket where this
//! program runs beside the host's data folder, otherwise over the network.

use crate::args::{Author, Host};
use crate::logins::Logins;
use anyhow::{Context as _, Result, anyhow, bail};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long an answer of the host may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Items that are asked for at a time: as many as a host gives.
const PAGE: usize = 500;

/// The longest time of a stream such as a backup: a day, so that one that hangs ends.
const STREAM_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// The socket of a host in its data folder.
pub(crate) const SOCKET: &str = "admin.sock";

/// How the address of a socket begins.
const UNIX: &str = "unix:";

/// Where a host listens for its administration unless it is told otherwise.
const DEFAULT_HOST: &str = "http://127.0.0.1:8081";

/// An API token, for programs.
const TOKEN_VARIABLE: &str = "DOWEL_TOKEN";

/// Whom the caller of the local socket speaks for.
const SPEAKS_FOR: HeaderName = HeaderName::from_static("dowel-as");

/// The longest path that the address of a socket holds, in bytes, on every system.
const MAX_SOCKET_PATH: usize = 100;

pub(crate) struct Client {
    base: String,
    /// What is shown to people.
    shown: String,
    http: reqwest::Client,
    /// Keeps the way to a socket with a long path.
    _folder: Option<std::fs::File>,
}

/// Where a host is.
pub(crate) enum Address {
    /// The socket in its data folder.
    Socket(PathBuf),
    /// In the network.
    Url(String),
}

impl Address {
    /// The address that is meant: what was named, the socket beside this program, where
    /// somebody has signed in, or where a host listens by default.
    pub(crate) fn of(host: &Host) -> Result<Self> {
        if let Some(named) = &host.host {
            return Ok(match named.strip_prefix(UNIX) {
                Some(path) => Self::Socket(path.into()),
                None => Self::Url(named.trim_end_matches('/').to_owned()),
            });
        }
        let folder = std::env::var_os("DOWEL_DATA").map(PathBuf::from);
        let folder = folder.unwrap_or_else(|| {
            let repository = std::env::var_os("DOWEL_REPO").unwrap_or_else(|| ".".into());
            Path::new(&repository).join(".dowel/data")
        });
        let socket = folder.join(SOCKET);
        if answers(&socket) {
            return Ok(Self::Socket(socket));
        }
        let known = Logins::load()?.current;
        Ok(Self::Url(known.unwrap_or_else(|| DEFAULT_HOST.to_owned())))
    }
}

/// Whether a host listens at a socket: one that died leaves its file behind.
fn answers(socket: &Path) -> bool {
    reachable(socket)
        .is_ok_and(|(path, _folder)| std::os::unix::net::UnixStream::connect(path).is_ok())
}

/// A path that fits into a socket's address: a long one is reached through its folder,
/// which has to stay open.
fn reachable(socket: &Path) -> Result<(PathBuf, Option<std::fs::File>)> {
    use std::os::fd::AsRawFd;
    if socket.as_os_str().len() <= MAX_SOCKET_PATH {
        return Ok((socket.to_owned(), None));
    }
    let parts = socket.parent().zip(socket.file_name());
    let (folder, name) = parts.ok_or_else(|| anyhow!("{} is no socket", socket.display()))?;
    let folder = std::fs::File::open(folder)?;
    let short = format!("/proc/self/fd/{}", folder.as_raw_fd());
    Ok((Path::new(&short).join(name), Some(folder)))
}

impl Client {
    /// A client of this host, signed in by `DOWEL_TOKEN` or `dowel login`.
    pub(crate) fn new(host: &Host) -> Result<Self> {
        Self::speaking_for(host, None)
    }

    /// The same for a decision.
    pub(crate) fn of_author(author: &Author) -> Result<Self> {
        Self::speaking_for(&author.host, author.actor.as_deref())
    }

    /// The same, naming the person who decides; the host says whether that is possible.
    pub(crate) fn speaking_for(host: &Host, actor: Option<&str>) -> Result<Self> {
        let mut headers = HeaderMap::new();
        if let Some(actor) = actor {
            let value = HeaderValue::from_bytes(actor.as_bytes());
            headers.insert(SPEAKS_FOR, value.context("the name cannot be sent")?);
        }
        let address = Address::of(host)?;
        let mut token = std::env::var(TOKEN_VARIABLE).ok();
        if let (None, Address::Url(url)) = (&token, &address) {
            token = Logins::load()?.token(url);
        }
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
            let mut value = value.with_context(|| format!("{TOKEN_VARIABLE} is no token"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Self::at(address, headers)
    }

    /// A client without any proof of who calls.
    pub(crate) fn anonymous(host: &Host) -> Result<Self> {
        Self::at(Address::of(host)?, HeaderMap::new())
    }

    fn at(address: Address, headers: HeaderMap) -> Result<Self> {
        let builder = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .default_headers(headers)
            .no_proxy();
        let (base, shown, builder, folder) = match address {
            Address::Url(url) => (url.clone(), url, builder, None),
            Address::Socket(path) => {
                let (short, folder) = reachable(&path)?;
                let shown = path.display().to_string();
                let builder = builder.unix_socket(short);
                ("http://localhost".to_owned(), shown, builder, folder)
            }
        };
        Ok(Self {
            base,
            shown,
            http: builder.build()?,
            _folder: folder,
        })
    }

    /// Where the host is, as people write it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The raw JSON text of a resource: number literals stay as the host wrote them.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Option<String>> {
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.base))
            .with_context(|| format!("`{}` is not an address", self.base))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let (status, text) = self.send(self.http.get(url)).await?;
        if status == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        answer(status, text).map(Some)
    }

    /// A list with all its pages, as one page; nothing if there is no such resource.
    pub(crate) async fn list(&self, path: &str, member: &str) -> Result<Option<Value>> {
        let mut whole: Option<Value> = None;
        let mut query = vec![("limit", PAGE.to_string())];
        loop {
            let Some(text) = self.get(path, &query).await? else {
                return Ok(whole);
            };
            let mut page: Value = serde_json::from_str(&text)?;
            let next = page["next"].as_str().map(str::to_owned);
            match whole.as_mut().map(|whole| &mut whole[member]) {
                Some(Value::Array(all)) => {
                    let more = page[member].take();
                    all.extend(more.as_array().cloned().unwrap_or_default());
                }
                _ => whole = Some(page),
            }
            let Some(next) = next else {
                break;
            };
            query.truncate(1);
            query.push(("cursor", next));
        }
        if let Some(Value::Object(members)) = &mut whole {
            // It is one page now.
            members.remove("next");
        }
        Ok(whole)
    }

    /// Sends a JSON body and returns the raw JSON text of the answer.
    pub(crate) async fn post(&self, path: &str, body: String) -> Result<String> {
        let (status, text) = self.send(self.posting(path, body)).await?;
        answer(status, text)
    }

    /// The same; nothing while the host says that the answer is not there yet (202).
    pub(crate) async fn post_until_done(&self, path: &str, body: String) -> Result<Option<String>> {
        let (status, text) = self.send(self.posting(path, body)).await?;
        match status == reqwest::StatusCode::ACCEPTED {
            true => Ok(None),
            false => answer(status, text).map(Some),
        }
    }

    fn posting(&self, path: &str, body: String) -> reqwest::RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.base));
        let request = request.header(reqwest::header::CONTENT_TYPE, "application/json");
        request.body(body)
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<(reqwest::StatusCode, String)> {
        let response = self.begin(request).await?;
        Ok((response.status(), response.text().await?))
    }

    async fn begin(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response> {
        request.send().await.with_context(|| {
            format!(
                "no host answers at {}: start one with `dowel serve`, or name another with --host",
                self.shown
            )
        })
    }

    /// A resource that is read as it comes, for as long as it takes.
    pub(crate) async fn stream(&self, path: &str) -> Result<reqwest::Response> {
        let request = self.http.get(format!("{}{path}", self.base));
        let response = self.begin(request.timeout(STREAM_TIMEOUT)).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem = answer(status, response.text().await?);
        problem.and_then(|_| bail!("the host answered {status}"))
    }
}

/// The answer of the host, or its problem as an error.
fn answer(status: reqwest::StatusCode, text: String) -> Result<String> {
    if status.is_success() {
        return Ok(text);
    }
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    let field = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let mut line = format!(
        "the host answered {status}: {} {}",
        field("code"),
        field("detail")
    );
    let is_about_access = [401, 403, 429].contains(&status.as_u16());
    if is_about_access && !field("help").is_empty() {
        line.push_str(&format!("\nhelp: {}", field("help")));
    }
    bail!(line)
}
