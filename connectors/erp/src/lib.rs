//! The demo's ERP.

mod create_invoice;
mod void_invoice;

use dowel_sdk::{Id, connector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A connection to the ERP.
#[connector(
    summary = "Creates and voids invoices in the ERP.",
    egress = ["POST {base_url}/invoices", "POST {base_url}/invoices/*"],
    operations = [create_invoice::create_invoice, void_invoice::void_invoice],
)]
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the API begins, such as `https://erp.example.com/api`.
    #[schemars(extend("format" = "uri"))]
    base_url: String,
}

/// An invoice, as far as a flow needs it.
#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Invoice {
    /// The ERP's id, which `void-invoice` takes.
    id: Id,
    /// The number that stands on the invoice.
    number: Id,
    /// Such as `open` or `void`.
    status: String,
}
