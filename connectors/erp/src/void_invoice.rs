//! `void-invoice`

use crate::{Config, Invoice};
use dowel_sdk::{Context, ErrorKind, Id, Result, operation};
use schemars::JsonSchema;
use serde::Deserialize;

/// Which invoice.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvoiceRef {
    /// The ERP's id of the invoice.
    id: Id,
}

/// Voids an invoice. Voiding it again changes nothing.
#[operation(
    effect = "write",
    idempotency = "keyed",
    example_input = { "id": "INV-1" },
    example_output = { "id": "INV-1", "number": 1, "status": "void" },
)]
pub(crate) fn void_invoice(ctx: &Context<Config>, input: InvoiceRef) -> Result<Invoice> {
    let request = ctx.http().post("/invoices/{id}/void").path("id", &input.id);
    request.on_status(422, ErrorKind::Rejected).send()?.json()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::testing::{Exchange, FakeHost};

    #[test]
    fn voids_by_id() {
        let host = FakeHost::<Config>::new(r#"{ "base_url": "https://erp.example/erp" }"#);
        let answer = r#"{"id":"INV-1","number":1,"status":"void"}"#;
        host.expect(Exchange::post("/invoices/INV-1/void").reply(200, answer));
        let invoice = host.call::<void_invoice>(r#"{"id":"INV-1"}"#).unwrap();
        assert_eq!(invoice.as_str(), answer);
        host.check_example::<void_invoice>();
    }
}
