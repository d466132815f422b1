//! `DWL-111x`: webhooks of connections.

super::codes! {
    UNKNOWN_RECEIVER = 1110, "Unknown receiver",
        "The connector that the flow is fixed to has no receiver of this name.",
        "Correct the name; `dowel connector inspect` lists the receivers of a connector.";
    RECEIVER_PARAMS = 1111, "The parameters of a receiver do not fit",
        "The `with` of a `webhook` trigger does not satisfy the schema of the receiver's parameters.",
        "Correct it; `dowel connector docs` shows what the receiver takes.";
    WEBHOOK_CHOICE = 1112, "Not exactly one way to believe a webhook",
        "A webhook is believed by the host, as `verify` says, or by a receiver of a connection. It names neither or both, or gives a key that belongs to the other way.",
        "Write `verify: standard-webhooks` (or another style), or `connection` and `receiver`. A receiver says itself how it is called, what its events are and what the sender is told.";
}
