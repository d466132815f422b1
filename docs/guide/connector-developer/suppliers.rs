//! A connector for a directory of suppliers.

use dowel_sdk::http::Response;
use dowel_sdk::{Context, Decimal, ErrorKind, Id, Result, connector, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[connector(
    name = "suppliers",
    summary = "Reads and rates suppliers.",
    egress = ["GET,POST,DELETE {base_url}/suppliers/*"],
    operations = [get_supplier, rate_supplier, remove_rating],
)]
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// Where the API begins.
    base_url: String,
}

#[derive(Deserialize, JsonSchema)]
struct SupplierRef {
    id: Id,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Supplier {
    id: Id,
    name: String,
    credit_limit: Decimal,
}

/// Gets a supplier.
#[operation(effect = "read", idempotency = "natural", example_input = { "id": 17 })]
fn get_supplier(ctx: &Context<Config>, input: SupplierRef) -> Result<Supplier> {
    ctx.http()
        .get("/suppliers/{id}")
        .path("id", input.id)
        .send()?
        .json()
}

#[derive(Deserialize, JsonSchema)]
struct NewRating {
    supplier: Id,
    stars: u8,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Rating {
    id: Id,
    supplier: Id,
}

/// Rates a supplier.
#[operation(effect = "write", idempotency = "keyed", compensated_by = remove_rating)]
fn rate_supplier(ctx: &Context<Config>, input: NewRating) -> Result<Rating> {
    let request = ctx
        .http()
        .post("/suppliers/{id}/ratings")
        .path("id", input.supplier);
    let request = request.json(&serde_json::json!({ "stars": input.stars }));
    request.on_status(422, ErrorKind::Rejected).send()?.json()
}

/// Takes a rating back.
#[operation(effect = "write", idempotency = "natural")]
fn remove_rating(ctx: &Context<Config>, input: Rating) -> Result<()> {
    let request = ctx.http().delete("/suppliers/{supplier}/ratings/{id}");
    let answer: Response = request
        .path("supplier", input.supplier)
        .path("id", input.id)
        .exchange()?;
    match answer.status() {
        // Already gone: repeating changes nothing.
        404 | 410 => Ok(()),
        _ if answer.is_success() => Ok(()),
        _ => Err(answer.into_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::testing::{Exchange, FakeHost};

    #[test]
    fn reads_a_supplier_without_rounding() {
        let host = FakeHost::<Config>::new(r#"{ "base_url": "https://api.example/v1" }"#);
        let answer = r#"{ "id": 17, "name": "Acme", "credit_limit": 1000.10 }"#;
        host.expect(Exchange::get("/suppliers/17").reply(200, answer));
        let supplier = host.call::<get_supplier>(r#"{ "id": 17 }"#).unwrap();
        assert_eq!(
            supplier.as_str(),
            r#"{"id":17,"name":"Acme","credit_limit":"1000.10"}"#
        );
    }

    #[test]
    fn the_businesss_no_is_a_rejection() {
        let host = FakeHost::<Config>::new(r#"{ "base_url": "https://api.example/v1" }"#);
        host.expect(
            Exchange::post("/suppliers/17/ratings")
                .body(r#"{"stars":9}"#)
                .reply(422, ""),
        );
        let error = host
            .call::<rate_supplier>(r#"{ "supplier": 17, "stars": 9 }"#)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
}
