//! `new-rates`

use crate::{Change, Config, Rate};
use dowel_sdk::{Context, Position, Result, SourcePage, source};
use schemars::JsonSchema;
use serde::Deserialize;

/// Which changes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The base of the rates, such as `EUR`.
    base: String,
}

/// What the service answers.
#[derive(Deserialize)]
struct Changes {
    changes: Vec<Change>,
    /// Where these changes end.
    next: Option<String>,
}

/// Rates of a base currency, as they change.
#[source]
pub(crate) fn new_rates(
    ctx: &Context<Config>,
    params: Params,
    from: &Position,
) -> Result<SourcePage<Rate>> {
    let request = ctx.http().get("/changes");
    let request = request.query_opt("after", from.cursor.as_deref());
    let request = request
        .query("limit", from.limit)
        .query("base", params.base);
    let found: Changes = request.send()?.json()?;
    let full = u32::try_from(found.changes.len()).is_ok_and(|count| count >= from.limit);
    Ok(SourcePage {
        // A full page without a cursor could only be read again.
        more: full && found.next.is_some(),
        cursor: found.next,
        events: found.changes.into_iter().map(Change::event).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::ErrorKind;
    use dowel_sdk::testing::{Exchange, FakeHost};

    const CONFIG: &str = r#"{ "base_url": "https://rates.example/v1" }"#;
    const EUR: &str = r#"{"base":"EUR"}"#;
    const USD: &str = r#"{"id":"c-7","base":"EUR","currency":"USD","rate":"1.08340","at":"2026-01-05T15:00:00Z"}"#;

    #[test]
    fn begins_where_the_source_begins_and_goes_on_behind_the_cursor() {
        let host = FakeHost::<Config>::new(CONFIG);
        let first = Exchange::get("/changes?limit=1&base=EUR");
        host.expect(first.reply(200, format!(r#"{{"changes":[{USD}],"next":"a/7"}}"#)));
        let page = host.read::<new_rates>(EUR, None, 1).unwrap();
        assert_eq!((page.cursor.as_deref(), page.more), (Some("a/7"), true));
        let event = &page.events[0];
        assert_eq!((&*event.id, &*event.kind), ("c-7", "rate.changed"));
        assert_eq!(event.subject.as_deref(), Some("EUR/USD"));
        assert_eq!(event.time.as_deref(), Some("2026-01-05T15:00:00Z"));
        assert_eq!(
            event.data.as_str(),
            r#"{"base":"EUR","currency":"USD","rate":"1.08340","at":"2026-01-05T15:00:00Z"}"#
        );

        let second = Exchange::get("/changes?after=a%2F7&limit=2&base=EUR");
        host.expect(second.reply(200, format!(r#"{{"changes":[{USD}],"next":"a/8"}}"#)));
        let page = host.read::<new_rates>(EUR, Some("a/7"), 2).unwrap();
        assert_eq!((page.cursor.as_deref(), page.more), (Some("a/8"), false));
        host.ack::<new_rates>(EUR, "a/8").unwrap();
    }

    #[test]
    fn nothing_new_leaves_the_cursor() {
        let host = FakeHost::<Config>::new(CONFIG);
        let request = Exchange::get("/changes?after=a%2F8&limit=9&base=EUR");
        host.expect(request.reply(200, r#"{"changes":[],"next":null}"#));
        let page = host.read::<new_rates>(EUR, Some("a/8"), 9).unwrap();
        assert_eq!(
            (page.events.len(), page.cursor, page.more),
            (0, None, false)
        );
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let host = FakeHost::<Config>::new(CONFIG);
        let error = host.read::<new_rates>("{}", None, 1).unwrap_err();
        assert_eq!(error.code(), "invalid-params");
        host.expect(Exchange::get("/changes?limit=1&base=EUR").reply(503, ""));
        let error = host.read::<new_rates>(EUR, None, 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let two = format!(r#"{{"changes":[{USD},{USD}],"next":"x"}}"#);
        host.expect(Exchange::get("/changes?limit=1&base=EUR").reply(200, two));
        let error = host.read::<new_rates>(EUR, None, 1).unwrap_err();
        assert_eq!(error.code(), "page-over-limit");
    }
}
