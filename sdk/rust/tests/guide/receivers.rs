//! The connector of the guide's section about receivers.

use dowel_sdk::{
    Claim, Context, Encoding, Incoming, Reception, Reply, Result, SourceEvent, connector, receiver,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[connector(
    name = "supplier-orders",
    summary = "Hears of orders at suppliers.",
    receivers = [order_changes],
)]
#[derive(Deserialize, JsonSchema)]
struct Config {}

#[derive(Deserialize, JsonSchema)]
struct Params {}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Change {
    number: String,
    order: String,
    state: String,
}

/// Orders, as their state changes.
#[receiver(handshake = true, deadline = "5s")]
fn order_changes(
    ctx: &Context<Config>,
    _params: Params,
    request: &Incoming,
) -> Result<Reception<Change>> {
    if let Some(challenge) = request.query("challenge") {
        return Ok(Reception::handshake(Reply::text(challenge)));
    }
    let at = request.seconds_header("x-supplier-time")?;
    let signed = [
        request.body(),
        b"|",
        request.required_header("x-supplier-time")?.as_bytes(),
    ];
    let claim = Claim::hmac_sha256(signed.concat()).signed_at(at);
    ctx.verify(&claim.in_header("x-supplier-signature", "v1=", Encoding::Base64))?;
    let changes: Vec<Change> = request.json()?;
    Ok(Reception::of(changes.into_iter().map(changed)))
}

fn changed(change: Change) -> SourceEvent<Change> {
    SourceEvent {
        id: change.number.clone(),
        kind: "order.changed".to_owned(),
        subject: Some(change.order.clone()),
        time: None,
        data: change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::testing::{FakeHost, Hook};

    #[test]
    fn hears_of_orders() {
        let host = FakeHost::<Config>::new("{}");
        let change = r#"{"number":"c-1","order":"4711","state":"sent"}"#;
        let hook = Hook::post(format!("[{change}]")).header("x-supplier-time", "1767225600");
        let reception = host.receive::<order_changes>("{}", &hook).unwrap();
        assert_eq!(reception.events[0].data.as_str(), change);

        host.believe_nothing();
        let refused = host.receive::<order_changes>("{}", &hook).unwrap_err();
        assert_eq!(refused.code(), "signature-wrong");

        let greeted = host
            .receive::<order_changes>("{}", &Hook::get("challenge=abc"))
            .unwrap();
        assert_eq!(greeted.answer, Some(Reply::text("abc")));
    }
}
