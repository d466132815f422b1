//! `list-contacts`

use crate::Config;
use crate::get_contact::Contact;
use dowel_sdk::{Context, Result, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which page of the contacts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// Where the page begins; the first page without it.
    cursor: Option<String>,
    /// Contacts on a page; the CRM decides without it.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
}

/// A page of contacts.
#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Contacts {
    /// The contacts, by their ids.
    contacts: Vec<Contact>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists the contacts, page by page.
#[operation(
    effect = "read",
    idempotency = "natural",
    pagination = { cursor_in = "/cursor", cursor_out = "/next", items = "/contacts" },
    example_input = { "limit": 2 },
    example_output = {
        "contacts": [
            { "id": "C-1", "name": "Ada Lovelace", "email": "ada@example.com", "erp_id": "K-1" },
            { "id": "C-2", "name": "Charles Babbage", "email": null, "erp_id": null }
        ],
        "next": null
    },
)]
pub(crate) fn list_contacts(ctx: &Context<Config>, input: Query) -> Result<Contacts> {
    ctx.http()
        .get("/contacts")
        .query_opt("limit", input.limit)
        .query_opt("cursor", input.cursor)
        .send()?
        .json()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::ErrorKind;
    use dowel_sdk::testing::{Exchange, FakeHost};
    use std::time::Duration;

    const CONFIG: &str = r#"{ "base_url": "https://crm.example/crm/" }"#;

    #[test]
    fn asks_for_the_page_that_the_cursor_names() {
        let host = FakeHost::<Config>::new(CONFIG);
        let body = r#"{"contacts":[{"id":12345678901234567890,"name":"Ada","email":null,"erp_id":null}],"next":"b/2"}"#;
        let first = Exchange::get("https://crm.example/crm/contacts?limit=1");
        host.expect(first.reply(200, body));
        let page = host.call::<list_contacts>(r#"{"limit":1}"#).unwrap();
        assert_eq!(page.as_str(), body);
        let last = Exchange::get("https://crm.example/crm/contacts?cursor=b%2F2");
        host.expect(last.reply(200, r#"{"contacts":[],"next":null}"#));
        let page = host.call::<list_contacts>(r#"{"cursor":"b/2"}"#).unwrap();
        assert_eq!(page.as_str(), r#"{"contacts":[]}"#);
    }

    #[test]
    fn a_busy_crm_says_how_long_to_wait() {
        let host = FakeHost::<Config>::new(CONFIG);
        let busy = Exchange::get("/contacts").reply(429, "");
        host.expect(busy.reply_header("Retry-After", "2"));
        let error = host.call::<list_contacts>("{}").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    }

    #[test]
    fn examples_fit() {
        FakeHost::<Config>::new(CONFIG).check_example::<list_contacts>();
    }
}
