//! `DWL-20xx`: expressions at run time. `DWL-209x`: protection of connections.
//! `DWL-21xx`: calls. `DWL-22xx`: the egress gateway. `DWL-23xx`: runs.
//! `DWL-237x`: the exception desk.

super::codes! {
    EVALUATION_FAILED = 2001, "An expression failed",
        "An expression of the step raised an error while it was evaluated; the message names the types that met.",
        "Try the expression with `dowel eval` on the same kind of input and correct it, then retry the run.";
    EVALUATION_NOT_ONE = 2002, "An expression did not yield exactly one value",
        "An expression of the step yielded no value, or several; each expression has to yield exactly one.",
        "Wrap several values in `[…]`, or give a missing one a fallback with `// null`.";
    EVALUATION_TIMEOUT = 2003, "An expression ran out of time",
        "The expressions of the step did not end within their deadline and were stopped.",
        "Look for a loop that does not end, or for work on a list that is too large, and simplify it.";
    EVALUATION_MEMORY = 2004, "An expression ran out of memory",
        "The expressions of the step needed more memory than the sandbox grants, and were stopped.",
        "Build smaller values, or split the work with `for_each`.";
    EVALUATION_TRAPPED = 2005, "An expression was stopped by the sandbox",
        "The engine that evaluates the expressions was stopped, for example by recursion without an end.",
        "Look for recursion in the expressions of the step and simplify it; the host and other runs are not affected.";
    MAPPING_GUEST_MISSING = 2006, "The pinned mapping engine is missing",
        "The run began with a version of the mapping engine that this host does not have.",
        "Put the old engine back into the host's cache directory, or rerun the event on the current version of the flow.";
    MAPPING_UNAVAILABLE = 2007, "The sandbox for expressions cannot be started",
        "The host could not start an instance of the mapping engine; nothing was evaluated.",
        "Look at the host's log and its free memory, then retry the run.";
    BREAKER_OPEN = 2090, "A circuit breaker opened",
        "Too many of the last calls over the connection failed, so no more are made until its cooldown has passed; runs wait and lose nothing.",
        "Look at the upstream; `dowel connection list` shows when the next call tries it. The runbook `breaker-open` tells more.";
    BREAKER_CLOSED = 2091, "A circuit breaker closed",
        "A call that was let through to try was answered, so the connection works again and the waiting runs go on.",
        "Nothing has to be done; runs go on in the order in which they came to wait.";
    CONNECTION_PAUSED = 2092, "An upstream asked for a pause",
        "The upstream answered 429 with a time to wait, so no call is made over the connection for that time, 15 minutes at most.",
        "If it happens often, set `limits.rate` of the connection to what the upstream allows.";
    CALL_DEADLINE = 2101, "A call ran out of time",
        "The connector did not finish the call within its deadline and was stopped.",
        "Raise the step's `timeout` if the upstream is known to be slow, or look at the upstream.";
    CALL_TRAPPED = 2102, "A connector crashed",
        "The connector trapped during the call; the instance was thrown away.",
        "Look at the run's log for the connector's own message and report it to the connector's developer.";
    CALL_MEMORY = 2103, "A connector ran out of memory",
        "The connector needed more memory than the connection grants, and was stopped.",
        "Raise `limits.memory` of the connection, or ask for less in one call.";
    CALL_OUTPUT_TOO_LARGE = 2104, "A connector's output is too large",
        "The JSON text that the connector returned is larger than the connection grants.",
        "Ask for less in one call, or raise `limits.output` of the connection.";
    CALL_OUTPUT_NOT_JSON = 2105, "A connector's output is not JSON",
        "The connector returned a text that is not one JSON value.",
        "This is a defect of the connector: report it to its developer.";
    CALL_UNKNOWN_OPERATION = 2106, "Unknown operation",
        "The connector's manifest does not list the operation.",
        "Correct the name in the flow, or use a version of the connector that has it.";
    CALL_UNKNOWN_CONNECTION = 2107, "Unknown connection",
        "The environment does not bind the connection.",
        "Add the connection to the environment file.";
    OUTPUT_SCHEMA = 2108, "A result does not follow its schema",
        "The result of the step does not satisfy the schema of the operation or of the step.",
        "The upstream has changed or the schema is wrong: compare them and correct the schema or the connector.";
    UNKNOWN_OUTCOME = 2109, "Nobody knows whether the call took effect",
        "A request was sent and no answer came back, and the operation cannot be repeated safely.",
        "Look in the upstream system whether the effect is there, then decide for the run.";
    CALL_NO_INSTANCE = 2110, "No room for another connector instance",
        "As many connector instances are alive as the host has room for; nothing was sent.",
        "Wait for running calls, lower `limits.concurrency` of busy connections, or raise the host's limit.";
    CALL_NOT_INSTALLED = 2111, "The connector's version is not installed",
        "The run is fixed to a connector component that this host does not have.",
        "Install the connector version that the run began with; `dowel runs show` gives its digest.";
    CALL_WRONG_CONNECTOR = 2112, "The connection is for another connector",
        "The environment binds the connection to a connector that is not the one the run is fixed to.",
        "Correct the connection's `connector` in the environment file.";
    CALL_BROKEN_BINDING = 2113, "The connection does not fit the connector's version",
        "A rule of the connector's manifest cannot be made from the connection's configuration.",
        "Run `dowel check` with the environment and correct the connection's `config`.";
    FILTER_NOT_BOOLEAN = 2114, "The filter of an event trigger did not say yes or no",
        "The `filter` of the flow's event trigger yielded something other than `true` or `false`, so nobody knows whether the event is meant.",
        "Make the expression yield a truth value, for example by a comparison.";
    FILTER_FAILED = 2115, "The filter of an event trigger failed",
        "The `filter` of the flow's event trigger raised an error for this event; the message names the types that met.",
        "Correct the expression, for example with a fallback for a missing field.";
    EMIT_TOO_FAR = 2116, "An event has gone through too many flows",
        "Each flow that an event begins counts one hop for the events that it emits itself; at the limit the flows are taken for a circle.",
        "Look which flows begin each other by their events and break the circle.";
    CALL_UNKNOWN_SOURCE = 2117, "Unknown source",
        "The connector's manifest does not list the source that a flow polls.",
        "Correct `poll.source` in the flow, or use a version of the connector that has it.";
    POLL_STUCK = 2118, "A source does not move",
        "The source gave events or said that there are more, and its cursor is the one that it was asked with; nothing was taken.",
        "This is a defect of the connector: report it to its developer.";
    EGRESS_NOT_GRANTED = 2201, "The environment does not allow the request",
        "The connector asked for a URL or method that no `allow` rule of the connection covers; nothing was sent.",
        "Add a rule to the connection's `allow` if the request is wanted.";
    EGRESS_NOT_NEEDED = 2202, "The manifest does not ask for the request",
        "The connector asked for a URL or method that its own manifest does not name under `egress`; nothing was sent.",
        "This is a defect of the connector or of the connection's `config`: the manifest has to name every place it uses.";
    EGRESS_PRIVATE_ADDRESS = 2203, "The address is not a public one",
        "The request goes to a private, loopback, link-local, metadata or otherwise reserved address; nothing was sent.",
        "Grant the address range under `private_addresses` of the connection if the upstream is inside your network.";
    EGRESS_FORBIDDEN_HEADER = 2204, "The connector set a header that is the host's",
        "Credentials, cookies, the idempotency key, trace headers, `Host` and connection headers are set by the host; nothing was sent.",
        "Name the credential under `auth` of the connection, and correct the connector.";
    EGRESS_SECRET = 2205, "A secret cannot be read",
        "The credential of the connection names a secret that is missing, unreadable or not usable in a header; nothing was sent.",
        "Store the secret under the name that the connection's `auth` gives.";
    EGRESS_TOO_LARGE = 2206, "The upstream's answer is too large",
        "The answer has more bytes than the connection grants and was cut off.",
        "Ask for less in one call, or raise `limits.response` of the connection.";
    EGRESS_DNS = 2207, "The upstream's name cannot be resolved",
        "Name resolution gave no address; nothing was sent.",
        "Check the host name in the connection's `config` and the resolver of the machine.";
    EGRESS_TLS = 2208, "No TLS connection to the upstream",
        "The TLS handshake failed, for example because of an untrusted or expired certificate; nothing was sent.",
        "Check the scheme and the upstream's certificate, and the machine's certificate store and clock.";
    EGRESS_CONNECT = 2209, "No connection to the upstream",
        "The upstream refused the connection or did not accept it in time; nothing was sent.",
        "Check that the upstream is running and reachable from this machine.";
    EGRESS_URL = 2210, "The connector asked for an unacceptable URL",
        "The URL is malformed, carries a user name, hides a dot segment, or its method is not one that is sent; nothing was sent.",
        "This is a defect of the connector: report it to its developer.";
    EGRESS_BUSY = 2211, "Too many requests at the same time in one call",
        "The connector has more requests open than one call may have; the further one was not sent.",
        "This is a defect of the connector: it has to wait for answers before it asks for more.";
    EGRESS_KEY = 2212, "The idempotency key cannot be sent",
        "The key is empty or contains characters that a header cannot carry; nothing was sent.",
        "Make the step's `idempotency_key` from printable ASCII characters.";
    EGRESS_BROKEN = 2213, "The connection broke before the answer was complete",
        "The request was sent, and the upstream closed the connection before its answer was complete.",
        "Look at the upstream; the step is tried again if repeating it is safe.";
    EGRESS_TIMEOUT = 2214, "The upstream did not begin to answer in time",
        "The request was sent, and no answer began within the time that the connector allows.",
        "Look at the upstream; the step is tried again if repeating it is safe.";
    EGRESS_INCOMPLETE = 2215, "The connector did not finish the request",
        "The body of the request ended before it was complete.",
        "This is a defect of the connector: report it to its developer.";
    TOKEN_REFUSED = 2216, "No access token: the authorization server says no",
        "The credential of the connection is an access token, and the authorization server refuses to give one: the client, its key or the consent is not valid any more.",
        "The message names who has to do what. After a new consent (`dowel connection authorize <connection>`) or a mended client, retry the step.";
    TOKEN_UNAVAILABLE = 2217, "No access token: the authorization server cannot be asked",
        "The credential of the connection is an access token, and the authorization server does not answer, or answers that it cannot now.",
        "Wait for it; the step is retried by its policy. Check the address of the token endpoint if it lasts.";
    LOOP_NOT_A_LIST = 2301, "`for_each` was not given a list",
        "The value of `for_each.in` is not an array.",
        "Make the expression yield an array, for example `[.lines[]]`.";
    LOOP_TOO_LONG = 2302, "`for_each` was given too many items",
        "The list has more items than one run may have.",
        "Split the work over several runs.";
    FLOW_FAILED = 2303, "The flow ended itself with `fail`",
        "The run reached a `fail` step; the message is the flow's own.",
        "Read the message; it comes from the flow's author.";
    DEADLINE_PASSED = 2304, "The run's deadline passed",
        "The run did not end within the flow's `deadline`.",
        "Look which step took the time, then rerun or raise the deadline.";
    JOURNAL_UNREADABLE = 2305, "A run's journal cannot be read",
        "The journal of the run holds something that this version of Dowel does not understand, or entries that do not follow each other.",
        "Check that the data folder was not written by a newer version; restore the last backup if it is damaged.";
    PLAN_STUCK = 2306, "A run has nothing to do and has not ended",
        "The plan of the run gives it no next step. This is a defect of Dowel.",
        "Report it with the flow and the run's story.";
    LOOP_TOO_MANY_FAILED = 2320, "Too many items of a loop failed",
        "More items failed than `on_item_failure.fail_above` of the loop allows; the loop was stopped.",
        "Look at the failed items, mend their cause, then retry the run.";
    WAIT_NOT_AN_INSTANT = 2321, "`wait.until` is not an instant",
        "The expression of `wait.until` yielded something else than an instant in RFC 3339.",
        "Make it yield a text such as `2026-03-01T09:00:00Z`.";
    COMMAND_REFUSED = 2322, "The run does not allow this now",
        "What was asked for does not fit where the run stands; nothing was changed.",
        "Look at the run with `dowel runs show` and decide again.";
    RECEIVE_TIMEOUT = 2330, "No event came in time",
        "The `receive` step waited for as long as `within` says, and no event came that it takes.",
        "Look whether the sender sends it, and whether `match` reads what both sides call the same; a retry waits again, also for what has come meanwhile.";
    RECEIVE_BAD_VALUE = 2331, "The value to recognise an event by is none",
        "`match.value` yielded something else than a text or a number of at most 512 bytes.",
        "Make the expression yield the key that the event carries as well.";
    RECEIVE_MATCH_FAILED = 2332, "`match.event` does not fit an event",
        "The expression failed on an event of the type, or yielded something else than a text, a number or `null`, so nobody knows which runs wait for the event.",
        "Compare the event with the expression; one that is not for the flow yields `null`.";
    CHILD_TOO_DEEP = 2340, "Runs that begin each other too deeply",
        "The run is at the end of a chain of runs that began each other with `run`, and the chain may not be longer; flows that run each other in a circle reach any limit.",
        "Look at the parents in the run's story, and break the circle or flatten the chain.";
    CHILD_NO_FLOW = 2341, "There is no flow that the step could run",
        "No active version of the flow is in the range that the `run` step names, or the active one has no `manual` trigger.",
        "Make a version in that range active with `dowel serve`, then retry the step.";
    CHILD_PAYLOAD = 2342, "The payload breaks the schema of the flow that is run",
        "What the step gives in `with` does not follow the schema of the other flow's `manual` trigger.",
        "Correct `with` at the places that the message names by JSON pointers.";
    CHILD_DROPPED = 2343, "The other flow takes no further run of this key",
        "As many runs of the concurrency key are at work as the other flow allows, and it says `when_full: drop`.",
        "Wait for the run that the message names, then retry the step; or let the other flow queue.";
    CHILD_CANCELLED = 2344, "The run that the step began was cancelled",
        "Somebody ended the child before its time, so the step has no result.",
        "Look at the child's story for who did it and why; then retry, complete or skip the step.";
    CHILD_TIMEOUT = 2345, "The run that the step began took too long",
        "The child did not end within the step's `timeout` and was cancelled; what it did is undone where its flow says how.",
        "Look in the child's story which step took the time, then retry the step or raise the timeout.";
    CHILD_KEY = 2346, "The concurrency key of the other flow cannot be computed",
        "The expression of `concurrency.key` of the flow that is run failed for the payload that the step gives.",
        "Correct `with`, or the expression of the other flow.";
    APPROVAL_REJECTED = 2350, "An approval was rejected",
        "The decision about the approval was `rejected`, and the flow fails then (`on_reject: fail`).",
        "Read the comment in the run's story; correct what was objected to and rerun, or discard the run.";
    APPROVAL_EXPIRED = 2351, "Nobody decided an approval in time",
        "The time of `approve.within` passed without a decision, and the flow fails then (`on_timeout: fail`).",
        "Find out who should have decided, then retry the step: it asks again.";
    APPROVAL_BAD_VALUE = 2352, "An approval cannot be asked for",
        "An expression of the `approve` step yielded a value of the wrong type: `title` is a text, `show` a map, `exclude` texts or lists of texts.",
        "Correct the expression at the place that is named.";
    CALENDAR_CLOSED = 2353, "A business calendar has no more open time",
        "The calendar is closed for ten years from here on, so the time that was asked for never comes.",
        "Correct the calendar, then rerun.";
    NOT_SUCCESSFUL = 2354, "The run did not succeed",
        "The webhook answers with the end of the run, and the run failed, was undone or was cancelled; what went wrong inside is not told to senders.",
        "Look at the run that `Location` names; a sender that repeats the same event gets the same answer.";
    WAITS_FOR_PERSON = 2355, "The run waits for a person",
        "The webhook answers with the end of the run, and the run is parked: somebody decides at the exception desk how it goes on.",
        "Ask for the run that `Location` names later, or send the same event again: the answer is that of the same run.";
    NO_ANSWER = 2356, "The answer cannot be made",
        "The run succeeded, and `respond` of its webhook does not yield an answer from its output: an expression failed, or the status is not a number from 200 to 599.",
        "Correct `respond` in the flow. The run itself is complete; `Location` names it.";
    EDIT_INVALID = 2370, "What was given breaks its schema",
        "The edited input, output or payload does not follow the schema of the operation, step or trigger; nothing was changed.",
        "Correct the places that the answer names by JSON pointers, and decide again.";
    REASON_REQUIRED = 2371, "The decision needs a reason",
        "Skipping, completing, discarding and compensating are recorded with the reason for them, and none was given.",
        "Say why, with `--reason` or the field `reason`.";
    RERUN_REFUSED = 2372, "The event cannot be run again",
        "The run is still at work, was rerun already, or the active version of its flow cannot take the event.",
        "Look at the message: decide about the later run, or make a version active that has the trigger.";
    VERSION_REFUSED = 2373, "The run cannot go on with that version",
        "The other version of the flow is not there, or what the run has done already does not fit its steps.",
        "Choose a version with the same steps up to the failed one, or rerun the event.";
    NO_SUCH_EXCEPTION = 2374, "Nothing waits for a person under this id",
        "There is no such run, or nobody has to decide about it any more.",
        "List what waits with `dowel exceptions list`.";
    NO_SUCH_BULK = 2377, "There is no such bulk operation",
        "No bulk operation has this id.",
        "Look at the list of bulk operations.";
    BULK_REFUSED = 2378, "The bulk operation does not allow this",
        "The operation has ended, or was not paused.",
        "Look where the operation stands, and decide again.";
    CALL_UNKNOWN_RECEIVER = 2380, "Unknown receiver",
        "The connector's manifest does not list the receiver that a flow's webhook names.",
        "Correct `webhook.receiver` in the flow, or use a version of the connector that has it.";
    RECEIVER_UNVERIFIED = 2381, "A receiver took a request that nobody had vouched for",
        "The receiver gave events, or an answer that is no handshake, and had not found the request genuine by one of the webhook's keys. Nothing of it was taken.",
        "This is a defect of the connector: it has to call `signatures.verify` before it believes a request.";
    RECEIVER_BAD_EVENTS = 2382, "A receiver gave events that cannot be taken",
        "An event has no id or no kind, or they are too long, or there are more events in one request than the host takes in one transaction. Nothing of the request was taken.",
        "This is a defect of the connector, or a request that was not meant for it; the message says which event it is.";
    RECEIVER_BAD_ANSWER = 2383, "A receiver gave an answer that is not passed on",
        "The status, a header or the size of the answer that the receiver gave for the sender is not one that the host sends. Nothing of the request was taken.",
        "This is a defect of the connector: statuses are 200 to 299, headers are `content-type` (a text, JSON or XML) and those that begin with `x-`.";
    EGRESS_UNVERIFIED = 2384, "A receiver wanted to send before it had verified",
        "The receiver tried to send a request of its own for a request that it had not found genuine yet: anybody could make the host send.",
        "This is a defect of the connector: it has to call `signatures.verify` first.";
    PAGE_NOT_A_LIST = 2390, "A page has no list of items",
        "The place where the operation declares the items of a page holds something other than an array.",
        "This is a defect of the connector or a change of the upstream: compare the answer with the operation's `pagination`.";
    PAGE_CURSOR_REPEATED = 2391, "The pages of an operation go round in a circle",
        "The upstream gave a cursor that it had given before; fetching on would never end.",
        "Look at the upstream's paging. The items of the pages so far have been worked on.";
    PAGES_TOO_MANY = 2392, "A loop has too many pages or items",
        "The operation has more pages or items than one run may work on.",
        "Ask for larger pages or for less, for example only what has changed since the last run with `state`.";
    PAGE_CURSOR_PLACE = 2393, "A cursor has no place in the input",
        "The place where the operation takes the cursor is not inside an object of the step's input.",
        "Make `for_each.with` an object that fits the operation's input.";
    RUN_TIMEOUT = 2394, "The run's active time is used up",
        "The run was at work for longer than the flow's `timeout`; waiting for people, events, timers, slots and breakers does not count.",
        "Look which step took the time, then retry the run or raise the timeout.";
    RUN_TOO_LONG = 2395, "A run's journal is full",
        "The run has recorded as many events as one run may have.",
        "Cancel the run, and split the work over several runs.";
    BLOB_UNREADABLE = 2420, "A large value of a run is missing or changed",
        "The journal of the run refers to a value that lies beside it, and what is there is not what was written. The run cannot be shown and does not go on; other runs are not affected.",
        "Check the disk. Restore the last backup to get the value back; the message names the run and the digest of the value.";
}
