//! `DWL-5035` to `DWL-5059`: the exception desk, for many at once and for two people.

super::codes! {
    BULK_UNBOUNDED = 5035, "The bulk operation names nothing",
        "The query of the bulk operation is empty, so that it would be about everything that waits; nothing was begun.",
        "Narrow it, for example by `--flow` and `--code`, or say `--all` if everything is meant.";
    NO_SUCH_PROPOSAL = 5036, "Nothing waits for a second person under this id",
        "There is no such proposal, or it was confirmed or rejected already.",
        "List what waits with `dowel exceptions proposals`.";
    SAME_PERSON = 5037, "Who proposed it cannot confirm it",
        "The environment asks for two people for this decision; nothing was changed.",
        "Ask somebody else to confirm it, or take it back with `dowel exceptions reject`.";
    PROPOSAL_STALE = 5038, "The exception is not as it was",
        "Since the proposal somebody has decided about the exception, or it has opened anew; nothing was changed.",
        "Reject the proposal, look at the exception and propose again.";
    RESUBMIT_REFUSED = 5040, "The payload cannot be submitted again as it is",
        "Only the beginning of a large payload is kept, or the flow cannot take it now; it stays in quarantine.",
        "Give the whole payload with `--input`, or do what the message says.";
}
