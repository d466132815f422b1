//! The connector of the guide's section about sources.

use dowel_sdk::{Context, Decimal, Position, Result, SourceEvent, SourcePage, connector, source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[connector(
    name = "supplier-prices",
    summary = "Follows the prices of suppliers.",
    egress = ["GET,POST {base_url}/prices/*"],
    sources = [new_prices],
)]
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// Where the API begins.
    base_url: String,
}

#[derive(Deserialize, JsonSchema)]
struct Params {
    /// Only prices in this currency.
    currency: String,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Price {
    change: String,
    article: String,
    price: Decimal,
}

#[derive(Deserialize)]
struct Changes {
    prices: Vec<Price>,
    next: Option<String>,
}

/// Prices, as they change.
#[source(deadline = "20s", ack = taken)]
fn new_prices(ctx: &Context<Config>, params: Params, from: &Position) -> Result<SourcePage<Price>> {
    let request = ctx
        .http()
        .get("/prices/changes")
        .query("currency", params.currency);
    let request = request.query_opt("after", from.cursor.as_deref());
    let found: Changes = request.query("limit", from.limit).send()?.json()?;
    Ok(SourcePage {
        more: found.prices.len() == from.limit as usize,
        cursor: found.next,
        events: found.prices.into_iter().map(changed).collect(),
    })
}

fn changed(price: Price) -> SourceEvent<Price> {
    SourceEvent {
        id: price.change.clone(),
        kind: "price.changed".to_owned(),
        subject: Some(price.article.clone()),
        time: None,
        data: price,
    }
}

/// Tells the supplier what need not be kept for us any longer.
fn taken(ctx: &Context<Config>, _params: Params, cursor: &str) -> Result<()> {
    let request = ctx.http().post("/prices/taken").query("until", cursor);
    request.send().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::testing::{Exchange, FakeHost};

    #[test]
    fn reads_prices_behind_the_cursor() {
        let host = FakeHost::<Config>::new(r#"{ "base_url": "https://api.example/v1" }"#);
        let request = Exchange::get("/prices/changes?currency=EUR&after=6&limit=1");
        let price = r#"{"change":"p-7","article":"A-1","price":"19.90"}"#;
        host.expect(request.reply(200, format!(r#"{{"prices":[{price}],"next":"7"}}"#)));
        let page = host
            .read::<new_prices>(r#"{ "currency": "EUR" }"#, Some("6"), 1)
            .unwrap();
        assert_eq!((page.cursor.as_deref(), page.more), (Some("7"), true));
        assert_eq!(page.events[0].data.as_str(), price);

        host.expect(Exchange::post("/prices/taken?until=7"));
        host.ack::<new_prices>(r#"{ "currency": "EUR" }"#, "7")
            .unwrap();
    }
}
