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
        "The request does not carry the token or the signature that this webhook asks for; the detail says what is missing.",
        "Send the token, or sign the body's exact bytes, with the secret that the environment's `verify_secret` names.";
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
    RECEIVER_REFUSED = 4014, "The connector refused the request",
        "The connector that understands this webhook has judged the request: it is not genuine, or makes no sense to it. The detail is its own.",
        "Look at the detail. If the signature is wrong, compare the secret that `verify_secret` of the environment names with the sender's.";
    RECEIVER_FAILED = 4015, "The connector could not read the request",
        "The connector that understands this webhook failed, took too long, or gave something that the host does not take. Nothing of the request was kept.",
        "Send the same request again; the operator finds the reason in the host's log.";
    RECEIVER_BUSY = 4016, "Too many requests at a time",
        "The host reads as many requests to webhooks of connections as it reads at a time; nothing of this one was kept.",
        "Send the same request again after the time in `Retry-After`.";
    RECEIVER_CONNECTION_OFF = 4017, "The connection of the webhook is disabled",
        "A person has disabled the connection whose connector understands this webhook; nothing of the request was kept.",
        "Send the same request again later; `dowel connection enable` ends it.";
    CONCURRENCY_KEY = 4030, "The concurrency key cannot be computed",
        "The flow's `concurrency` expression failed for this payload, or did not yield a text or a number.",
        "Send the fields that the key is made from, or correct the expression.";
    FLOW_DISABLED = 4031, "The flow is disabled",
        "The flow takes no events now; nothing of the request was kept.",
        "Send the same request again after the time in `Retry-After`; `dowel flow list` says who disabled the flow and why.";
    DISABLED_IN_FILE = 4032, "The flow is disabled in the environment file",
        "The environment file says `enabled: false` for the flow, so it cannot be enabled at run time.",
        "Change `flows` in the environment file and restart the host.";
    NOT_AN_EVENT = 4040, "Not a CloudEvent",
        "The request is for `/events` and breaks the CloudEvents specification 1.0.2 at the attribute that is named; nothing of it was kept.",
        "Correct the attribute. Every event has `specversion` 1.0, `id`, `source` and `type`.";
    EVENT_MEDIA_TYPE = 4041, "A form of CloudEvents that is not taken",
        "The request's `Content-Type` is not one of the CloudEvents JSON formats, and there are no `ce-` headers of the binary form.",
        "Send `application/cloudevents+json`, `application/cloudevents-batch+json`, or the attributes as `ce-` headers.";
    EVENT_UNVERIFIED = 4042, "The sender of the event is not known",
        "The environment takes no events from outside, or the request does not carry the token of one of its senders.",
        "Name the sender under `events.senders` of the environment file, and send its token as `Authorization: Bearer`.";
    EVENT_NOT_GRANTED = 4043, "The sender may not send this event",
        "The environment does not grant the event's type to the sender, or the event claims the source of a flow of this host.",
        "Add the type to the sender's `types` in the environment file, or give the event a source of its own.";
    BATCH_TOO_LARGE = 4044, "Too many events in one batch",
        "The batch has more events than the host takes at once; nothing of it was kept.",
        "Send the events in several batches.";
    EVENT_REFUSED = 4045, "No flow could take the event",
        "Every flow whose trigger is for this event refused it, for example because its data does not follow the trigger's schema; nothing of the request was kept.",
        "Correct the event as the errors say.";
    IDEMPOTENCY_MISMATCH = 4046, "The idempotency key belongs to another request",
        "A request with the same `Idempotency-Key` and another payload was accepted before.",
        "Send the same payload again, or use another key for another request.";
    OUTSIDE_TOLERANCE = 4047, "The webhook was signed too long ago, or in the future",
        "The signature is right, but the time that is signed with it is more than five minutes away from the host's: a recorded request that is sent again looks like this, and so does a wrong clock.",
        "Sign each delivery when it is sent, and compare the clocks of sender and host.";
    NO_SUCH_BLOB = 4048, "No such blob",
        "The run has written no large body of this digest, or the run has been removed.",
        "Take run and digest from a reference: `dowel runs show <run> --format json` has them as `run` and `$blob`.";
}
