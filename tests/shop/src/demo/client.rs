//! The demo's side of the host's HTTP: posting orders and reading runs.

use super::host::{HOOK_TOKEN, Host};
use super::order::Order;
use super::story::Story;
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The pace of polling a run.
const POLL: Duration = Duration::from_millis(25);

/// The longest time that an order of the demo may take.
const ENDED_WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    http: reqwest::Client,
    /// Reaches the admin listener through the local socket.
    api: reqwest::Client,
    public: String,
    admin: String,
}

/// What the host said to an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) run: Option<String>,
    /// `accepted`, `duplicate`, or the title of the problem.
    pub(crate) said: String,
    /// Violations, each written `pointer: message`.
    pub(crate) errors: Vec<String>,
}

impl Answer {
    /// The answer in a line.
    pub(crate) fn line(&self) -> String {
        let mut line = format!("{} {}", self.status, self.said);
        if let Some(run) = &self.run {
            line.push_str(", run ");
            line.push_str(run);
        }
        for error in &self.errors {
            line.push_str("\n    ");
            line.push_str(error);
        }
        line
    }
}

#[derive(Deserialize)]
struct Body {
    run: Option<String>,
    // Problem details (RFC 9457) give the HTTP status as a number here.
    status: Option<serde_json::Value>,
    title: Option<String>,
    #[serde(default)]
    errors: Vec<Violation>,
}

#[derive(Deserialize)]
struct Violation {
    pointer: String,
    message: String,
}

fn read_answer(status: u16, location: Option<String>, text: &str) -> Result<Answer> {
    let body: Body = serde_json::from_str(text)
        .with_context(|| format!("the host answered {status} with: {text}"))?;
    let word = body.status.as_ref().and_then(serde_json::Value::as_str);
    let said = word.map(str::to_owned).or(body.title).unwrap_or_default();
    let errors = body.errors.iter();
    Ok(Answer {
        status,
        location,
        run: body.run,
        said,
        errors: errors
            .map(|e| format!("{}: {}", e.pointer, e.message))
            .collect(),
    })
}

impl Client {
    pub(crate) fn new(host: &Host) -> Result<Self> {
        let api = reqwest::Client::builder().unix_socket(host.socket.as_str());
        Ok(Self {
            http: reqwest::Client::new(),
            api: api.build()?,
            public: host.public.clone(),
            admin: host.admin.clone(),
        })
    }

    /// Posts an order.
    pub(crate) async fn post(&self, order: &Order) -> Result<Answer> {
        let request = self.http.post(format!("{}/hooks/orders", self.public));
        let request = request
            .bearer_auth(HOOK_TOKEN)
            .header("content-type", "application/json");
        let response = request.body(order.body.clone()).send().await?;
        let location = response.headers().get("location");
        let location = location
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let status = response.status().as_u16();
        read_answer(status, location, &response.text().await?)
    }

    /// Waits until a run came to rest.
    pub(crate) async fn wait(&self, run: &str) -> Result<Story> {
        let url = format!("{}/api/v1/runs/{run}", self.admin);
        let deadline = Instant::now() + ENDED_WITHIN;
        let mut pace = interval(POLL);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let response = self.api.get(&url).send().await?;
            let status = response.status();
            let text = response.text().await?;
            if !status.is_success() {
                bail!("{url} answered {status}: {text}");
            }
            let story = Story::read(&text)?;
            if story.is_at_rest() {
                return Ok(story);
            }
            if Instant::now() > deadline {
                bail!("the run {run} did not end in time:\n{}", story.text());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let accepted = read_answer(202, None, r#"{"run":"r1","status":"accepted"}"#).unwrap();
        assert_eq!(accepted.line(), "202 accepted, run r1");
        let problem = r#"{"type":"t","title":"No","status":422,"errors":[{"pointer":"/lines/0/qty","message":"too small"}]}"#;
        let refused = read_answer(422, None, problem).unwrap();
        assert_eq!(refused.line(), "422 No\n    /lines/0/qty: too small");
        assert!(read_answer(500, None, "oops").is_err());
    }
}
