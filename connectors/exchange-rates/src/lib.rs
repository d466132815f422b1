//! Exchange rates: a table that is read and written, and its changes as a source.

mod list_rates;
mod new_rates;
mod put_rate;

use dowel_sdk::{Decimal, connector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A connection to the service.
#[connector(
    summary = "Reads, publishes and follows exchange rates.",
    egress = ["GET,POST {base_url}/rates", "GET {base_url}/changes"],
    operations = [list_rates::list_rates, put_rate::put_rate],
    sources = [new_rates::new_rates],
)]
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the API begins, such as `https://rates.example.com/v1`.
    #[schemars(extend("format" = "uri"))]
    base_url: String,
}

/// What one unit of the base costs in another currency.
#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Rate {
    /// ISO 4217, such as `EUR`.
    base: String,
    /// ISO 4217, such as `USD`.
    currency: String,
    /// A decimal number as a text, such as `1.0834`: it keeps every digit.
    rate: Decimal,
    /// Since when it holds (RFC 3339).
    at: String,
}
