//! `DWL-5035` to `DWL-5059`: the exception desk, for many at once and for two people.

super::codes! {
    BULK_UNBOUNDED = 5035, "The bulk operation names nothing",
        "The query of the bulk operation is empty, so that it would be about everything that waits; nothing was begun.",
        "Narrow it, for example by `--flow` and `--code`, or say `--all` if everything is meant.";
    RESUBMIT_REFUSED = 5040, "The payload cannot be submitted again as it is",
        "Only the beginning of a large payload is kept, or the flow cannot take it now; it stays in quarantine.",
        "Give the whole payload with `--input`, or do what the message says.";
}
