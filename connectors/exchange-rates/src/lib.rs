//! Exchange rates: a table that is read and written, and its changes as a source and as a
//! receiver.

mod list_rates;
mod new_rates;
mod put_rate;
mod rate_changes;

use dowel_sdk::{Decimal, SourceEvent, connector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A connection to the service.
#[connector(
    summary = "Reads, publishes and follows exchange rates.",
    egress = ["GET,POST {base_url}/rates", "GET {base_url}/changes"],
    operations = [list_rates::list_rates, put_rate::put_rate],
    sources = [new_rates::new_rates],
    receivers = [rate_changes::rate_changes],
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

/// A change of a rate, as the service tells it.
#[derive(Deserialize)]
pub(crate) struct Change {
    id: String,
    base: String,
    currency: String,
    rate: Decimal,
    at: String,
}

impl Change {
    /// The same event whether it was read or sent.
    pub(crate) fn event(self) -> SourceEvent<Rate> {
        let rate = Rate {
            base: self.base,
            currency: self.currency,
            rate: self.rate,
            at: self.at,
        };
        SourceEvent {
            id: self.id,
            kind: "rate.changed".to_owned(),
            subject: Some(format!("{}/{}", rate.base, rate.currency)),
            time: Some(rate.at.clone()),
            data: rate,
        }
    }
}
