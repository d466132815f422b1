//! `create-invoice`

use crate::void_invoice::void_invoice;
use crate::{Config, Invoice};
use dowel_sdk::{Context, Decimal, ErrorKind, Id, Result, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is invoiced.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvoice {
    /// The order that it is for; a number keeps all its digits.
    order_id: Id,
    /// The ERP's id of the customer.
    customer: Id,
    /// ISO 4217, such as `EUR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// One line per article.
    #[schemars(length(min = 1))]
    lines: Vec<Line>,
    /// The sum of the lines; the ERP computes it where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Decimal>,
}

/// One article of an invoice.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    /// The article.
    sku: Id,
    /// How many.
    qty: u64,
    /// The line's amount.
    amount: Decimal,
}

/// Creates an invoice for an order. Repeating it with the same key gives the same invoice.
#[operation(
    effect = "write",
    idempotency = "keyed",
    compensated_by = void_invoice,
    example_input = {
        "order_id": 12345678901234567890,
        "customer": "K-77",
        "currency": "EUR",
        "lines": [{ "sku": "A-1", "qty": 3, "amount": "59.97" }],
        "total": "59.97"
    },
    example_output = { "id": "INV-1", "number": 1, "status": "open" },
)]
pub(crate) fn create_invoice(ctx: &Context<Config>, input: NewInvoice) -> Result<Invoice> {
    let request = ctx.http().post("/invoices").json(&input);
    request.on_status(422, ErrorKind::Rejected).send()?.json()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::testing::{Exchange, FakeHost};

    const CONFIG: &str = r#"{ "base_url": "https://erp.example/erp" }"#;

    #[test]
    fn digits_arrive_as_they_are() {
        let host = FakeHost::<Config>::new(CONFIG);
        let sent = concat!(
            r#"{"order_id":12345678901234567890,"customer":"K-77","currency":"EUR","#,
            r#""lines":[{"sku":"A","qty":3,"amount":"59.970"}],"total":"60.27"}"#
        );
        let answer = r#"{"id":"INV-1","number":1,"status":"open","order_id":"x"}"#;
        host.expect(Exchange::post("/invoices").body(sent).reply(201, answer));
        let input = r#"{
            "order_id": 12345678901234567890, "customer": "K-77", "currency": "EUR",
            "lines": [{ "sku": "A", "qty": 3, "amount": 59.970 }], "total": "60.27"
        }"#;
        let invoice = host.call::<create_invoice>(input).unwrap();
        assert_eq!(
            invoice.as_str(),
            r#"{"id":"INV-1","number":1,"status":"open"}"#
        );
    }

    #[test]
    fn a_no_of_the_business_is_a_rejection() {
        let host = FakeHost::<Config>::new(CONFIG);
        let body = r#"{"error":"credit-limit","message":"no"}"#;
        host.expect(Exchange::post("/invoices").reply(422, body));
        let input = r#"{"order_id":"A","customer":"K","lines":[]}"#;
        let error = host.call::<create_invoice>(input).unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Rejected, "http-422")
        );
        let details = error.details().unwrap().as_str();
        assert!(details.contains("credit-limit"), "{details}");
    }

    #[test]
    fn input_that_does_not_fit_sends_nothing() {
        let host = FakeHost::<Config>::new(CONFIG);
        let input = r#"{"order_id":"A","customer":"K","lines":[{"sku":"s","qty":1,"amount":1e2}]}"#;
        let error = host.call::<create_invoice>(input).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("/lines/0/amount"), "{error}");
    }

    #[test]
    fn examples_fit() {
        FakeHost::<Config>::new(CONFIG).check_example::<create_invoice>();
    }
}
