//! Talks to the admin listener of a running host.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::time::Duration;

/// How long an answer of the host may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The longest time of a stream such as a backup: a day, so that one that hangs ends.
const STREAM_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

pub(crate) struct Client {
    base: String,
    http: reqwest::Client,
}

impl Client {
    pub(crate) fn new(host: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .build()?;
        Ok(Self {
            base: host.trim_end_matches('/').to_owned(),
            http,
        })
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

    /// Sends a JSON body and returns the raw JSON text of the answer.
    pub(crate) async fn post(&self, path: &str, body: String) -> Result<String> {
        let request = self.http.post(format!("{}{path}", self.base));
        let request = request.header(reqwest::header::CONTENT_TYPE, "application/json");
        let (status, text) = self.send(request.body(body)).await?;
        answer(status, text)
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
                self.base
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
    bail!(
        "the host answered {status}: {} {}",
        field("code"),
        field("detail")
    )
}
