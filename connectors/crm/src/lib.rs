//! The demo's CRM.

mod get_contact;
mod list_contacts;

use dowel_sdk::connector;
use schemars::JsonSchema;
use serde::Deserialize;

/// A connection to the CRM.
#[connector(
    summary = "Reads contacts of the CRM.",
    egress = ["GET {base_url}/contacts/*", "GET {base_url}/contacts"],
    operations = [get_contact::get_contact, list_contacts::list_contacts],
)]
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the API begins, such as `https://crm.example.com/v1`.
    #[schemars(extend("format" = "uri"))]
    base_url: String,
}
