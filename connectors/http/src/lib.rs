//! Calls any REST API that speaks JSON, where no connector of its own is worth it.

mod answer;
mod download;
mod get;
mod send;
mod upload;

use dowel_sdk::connector;
use schemars::JsonSchema;
use serde::Deserialize;

/// A connection to an API.
#[connector(
    summary = "Calls any REST API that speaks JSON, and moves files of any size.",
    egress = ["* {base_url}/*"],
    operations = [get::get, send::send, download::download, upload::upload],
    blobs = true,
)]
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the API begins, such as `https://api.example.com/v1`.
    #[schemars(extend("format" = "uri"))]
    base_url: String,
}
