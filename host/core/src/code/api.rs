//! `DWL-40xx`: requests to the host.

super::codes! {
    NO_SUCH_HOOK = 4001, "No flow listens at this path",
        "No active flow has a webhook trigger with this path and method.",
        "Check the path in the flow's `trigger`, and that the flow is enabled in this environment.";
    NOT_JSON = 4002, "The payload is not JSON",
        "The body of the request is not one JSON value in UTF-8, or an object in it names a key twice.",
        "Send one JSON value with unique keys.";
    PAYLOAD_SCHEMA = 4003, "The payload does not follow the schema",
        "The body does not satisfy the schema of the trigger; each violation is listed with its JSON pointer.",
        "Correct the payload at the pointers that are listed.";
    TOO_LARGE = 4004, "The payload is too large",
        "The body is larger than the host accepts.",
        "Send less in one request.";
    BACKLOG = 4005, "Too many runs are waiting",
        "The host has as many unfinished runs as it accepts; nothing of the request was kept.",
        "Send the same request again after the time in `Retry-After`.";
    DEDUPE_KEY = 4006, "The dedupe key cannot be computed",
        "The flow's `dedupe` expression failed for this payload, or did not yield a text or a number.",
        "Send the fields that the key is made from, or correct the expression.";
    NO_SUCH_RUN = 4007, "No such run",
        "There is no run with this id.",
        "Check the id; `dowel runs list` shows the latest runs.";
    UNVERIFIED = 4008, "The request is not verified",
        "The request does not carry the token that this webhook asks for.",
        "Send the token that the environment's `verify_secret` names.";
    SHUTTING_DOWN = 4009, "The host is shutting down",
        "The host accepts no new work because it is about to stop.",
        "Send the same request again after the time in `Retry-After`.";
    STORE_FAILED = 4010, "The store did not take the event",
        "The event could not be written to disk, so it was not acknowledged.",
        "Send the same request again; the operator finds the reason in the host's log.";
    BAD_REQUEST = 4011, "The request cannot be understood",
        "A parameter of the request is missing or malformed.",
        "Correct the parameter that the detail names.";
    NO_SUCH_FLOW = 4012, "No such flow",
        "No active flow of this name has the trigger that was asked for.",
        "Check the name; `dowel check` lists the flows of the repository.";
    NO_SUCH_ROUTE = 4013, "No such page",
        "The host serves nothing at this path.",
        "Check the path against the API reference.";
}
