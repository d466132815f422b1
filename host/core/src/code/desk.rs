//! `DWL-5035` to `DWL-5059`: the exception desk, for many at once and for two people.

super::codes! {
    BULK_UNBOUNDED = 5035, "The bulk operation names nothing",
        "The query of the bulk operation is empty, so that it would be about everything that waits; nothing was begun.",
        "Narrow it, for example by `--flow` and `--code`, or say `--all` if everything is meant.";
}
