//! `get-contact`

use crate::Config;
use dowel_sdk::{Context, Id, Result, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which contact.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactRef {
    /// The CRM's id of the contact.
    id: Id,
}

/// A contact.
#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Contact {
    /// The CRM's id.
    id: Id,
    /// The full name.
    name: String,
    /// The address for mail; not every contact has one.
    email: Option<String>,
    /// The id of the same customer in the ERP; absent for a contact that never bought.
    erp_id: Option<Id>,
}

/// Gets a contact by its id.
#[operation(
    effect = "read",
    idempotency = "natural",
    example_input = { "id": "C-1042" },
    example_output = {
        "id": "C-1042", "name": "Ada Lovelace", "email": "ada@example.com", "erp_id": "K-77"
    },
)]
pub(crate) fn get_contact(ctx: &Context<Config>, input: ContactRef) -> Result<Contact> {
    ctx.http()
        .get("/contacts/{id}")
        .path("id", &input.id)
        .send()?
        .json()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::ErrorKind;
    use dowel_sdk::testing::{Exchange, Failure, FakeHost};
    use std::time::Duration;

    const CONFIG: &str = r#"{ "base_url": "https://crm.example/crm/" }"#;

    #[test]
    fn gives_the_contact_as_the_crm_has_it() {
        let host = FakeHost::<Config>::new(CONFIG);
        let body = r#"{"id":"C 1","name":"Ada","email":null,"erp_id":12345678901234567890,"x":1}"#;
        host.expect(Exchange::get("https://crm.example/crm/contacts/C%201").reply(200, body));
        let contact = host.call::<get_contact>(r#"{"id":"C 1"}"#).unwrap();
        assert_eq!(
            contact.as_str(),
            r#"{"id":"C 1","name":"Ada","email":null,"erp_id":12345678901234567890}"#
        );
    }

    #[test]
    fn statuses_become_kinds() {
        for (status, kind) in [
            (401, ErrorKind::Unauthenticated),
            (403, ErrorKind::Forbidden),
            (404, ErrorKind::NotFound),
            (500, ErrorKind::Unavailable),
        ] {
            let host = FakeHost::<Config>::new(CONFIG);
            host.expect(Exchange::get("/contacts/7").reply(status, r#"{"error":"x"}"#));
            assert_eq!(
                host.call::<get_contact>(r#"{"id":7}"#).unwrap_err().kind(),
                kind
            );
        }
    }

    #[test]
    fn a_busy_crm_says_how_long_to_wait() {
        let host = FakeHost::<Config>::new(CONFIG);
        let busy = Exchange::get("/contacts/7")
            .reply(429, "")
            .reply_header("Retry-After", "2");
        host.expect(busy);
        let error = host.call::<get_contact>(r#"{"id":7}"#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    }

    #[test]
    fn silence_and_nonsense() {
        let host = FakeHost::<Config>::new(CONFIG);
        host.expect(Exchange::get("/contacts/7").fail(Failure::Timeout));
        host.expect(Exchange::get("/contacts/7").reply(200, "<html>"));
        let call = || host.call::<get_contact>(r#"{"id":7}"#).unwrap_err().kind();
        assert_eq!((call(), call()), (ErrorKind::Timeout, ErrorKind::Internal));
    }

    #[test]
    fn examples_fit() {
        FakeHost::<Config>::new(CONFIG).check_example::<get_contact>();
    }
}
