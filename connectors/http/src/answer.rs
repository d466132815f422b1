//! What both operations share: the address, and the answer.

use dowel_sdk::http::{Request, Response};
use dowel_sdk::{Id, Json, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The headers of an answer that a flow can use. The others are between client and server.
const SHOWN_HEADERS: &[&str] = &["content-type", "etag", "last-modified", "link", "location"];

/// Where a request goes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    /// The path below `base_url`, such as `orders/17/lines`. Parts that come from a
    /// payload must be percent-encoded.
    pub(crate) path: String,
    /// Parameters of the query.
    #[serde(default)]
    pub(crate) query: BTreeMap<String, Id>,
    /// Headers of the request. Credentials and `Idempotency-Key` are the host's.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
}

impl Target {
    /// Adds path, query and headers to a request for `/{+path}`.
    pub(crate) fn apply<'a>(&self, request: Request<'a>) -> Request<'a> {
        let mut request = request.path("path", self.path.trim_start_matches('/'));
        for (name, value) in &self.query {
            request = request.query(name, value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }
}

/// A successful answer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// The status, 200 to 299.
    status: u16,
    /// `content-type`, `etag`, `last-modified`, `link` and `location`, where there.
    headers: BTreeMap<String, String>,
    /// The JSON of the answer; `null` if it has no body.
    body: Json,
}

impl Answer {
    pub(crate) fn of(response: &Response) -> Result<Self> {
        let empty = response.bytes().is_empty();
        Ok(Self {
            status: response.status(),
            headers: shown(response),
            body: if empty {
                Json::null()
            } else {
                response.json()?
            },
        })
    }
}

/// The headers that a flow can use.
pub(crate) fn shown(response: &Response) -> BTreeMap<String, String> {
    let header = |name: &&str| {
        let value = response.header(name)?;
        Some(((*name).to_owned(), value.to_owned()))
    };
    SHOWN_HEADERS.iter().filter_map(header).collect()
}
