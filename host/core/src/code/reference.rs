//! `DWL-12xx`: what a flow refers to: connections, operations, steps, fields.

super::codes! {
    UNKNOWN_CONNECTION = 1201, "Unknown connection",
        "A step calls a connection that the flow does not declare under `connections`.",
        "Declare the connection, or correct its name.";
    UNKNOWN_OPERATION = 1202, "Unknown operation",
        "The connector behind the connection does not have the operation, in the version that was chosen.",
        "Correct the name; `dowel connector inspect` lists the operations.";
    UNKNOWN_STEP = 1203, "Unknown step",
        "An expression reads `$steps.<id>` and the flow has no step of that id.",
        "Correct the id.";
    LATER_STEP = 1204, "A step that has not run yet",
        "An expression reads the result of its own step or of a step that stands later in the flow.",
        "Move the step that is read before the one that reads it.";
    HIDDEN_STEP = 1205, "A step that cannot be seen from here",
        "The step that is read stands inside of a loop or a branch, and its result is private to it.",
        "Read the result of the loop or of the `switch` itself.";
    SKIPPED_STEP = 1206, "A step that may have been skipped",
        "The step that is read has an `if`; when it is skipped its result is `null`.",
        "Give a fallback with `//`, or put an `if` on the step that reads it.";
    UNKNOWN_FIELD = 1207, "Unknown field",
        "An expression reads a field that the schema of the value excludes.",
        "Correct the name of the field, or add it to the schema.";
    UNDECLARED_FIELD = 1208, "A field that the schema does not declare",
        "An expression reads a field that the schema of the value does not list, though it does not exclude it either.",
        "Correct the name of the field, or declare it in the schema.";
    UNKNOWN_INPUT = 1209, "The operation does not take this field",
        "`with` gives a field that the operation's input schema excludes.",
        "Correct the name of the field, or remove it.";
    MISSING_INPUT = 1210, "A field that the operation requires is missing",
        "`with` lacks a field that the operation's input schema requires.",
        "Add the field.";
    DECIMAL_ARITHMETIC = 1211, "Plain arithmetic on an exact decimal",
        "The field is an exact decimal (`format: decimal`); `+ - * / %` would calculate in binary floating point or join texts.",
        "Use the decimal functions: dadd, dsub, dmul, ddiv, dround.";
    CONNECTOR_NOT_INSTALLED = 1212, "The connector is not installed",
        "No version of the connector is installed on this host.",
        "Install it, or correct its name.";
    NO_MATCHING_VERSION = 1213, "No installed version is in the range",
        "The connector is installed, but none of its versions satisfies the range that the flow asks for.",
        "Install a matching version, or widen the range.";
    BAD_CONNECTOR_RANGE = 1214, "Not a connector and a range of versions",
        "A connection is declared as `<connector>@<range>`, such as `hubspot@^2.1`.",
        "Write it in that form.";
    UNKNOWN_VAR = 1215, "Unknown name in `$vars`",
        "An expression reads `$vars.<name>` and no `set` step before it sets that name.",
        "Correct the name, or set it in a step before.";
    VARIABLE_OUT_OF_SCOPE = 1216, "A variable that is not known here",
        "The language knows the variable, but it has no value at this place.",
        "Use it where the message says, or another variable.";
    INPUT_OUT_OF_SCOPE = 1217, "`.` is nothing here",
        "At the beginning of an expression `.` is the payload in `dedupe` and `concurrency`, the raw result in a step's `output`, and `null` everywhere else.",
        "Begin with a variable, such as `$trigger`.";
    FILE_NOT_FOUND = 1218, "A file that does not exist",
        "The flow refers to a file that is not in its folder.",
        "Add the file, or correct the path.";
    FILE_OUTSIDE = 1219, "A path that leaves the flow's folder",
        "A flow refers to files of its own folder only, by relative paths with forward slashes.",
        "Move the file into the folder and name it from there.";
    SCHEMA_NOT_JSON = 1220, "A schema file that is not JSON",
        "The file that the flow refers to as a schema is not one JSON value.",
        "Correct the syntax at the place that is shown.";
    SCHEMA_INVALID = 1221, "Not a JSON Schema",
        "The schema breaks the rules of JSON Schema 2020-12, or refers to something outside of its own file.",
        "Correct the schema at the place that the message names.";
    UNUSED_CONNECTION = 1222, "A connection that no step uses",
        "The flow declares a connection, and neither a step nor a trigger uses it.",
        "Remove it: what is declared has to be granted by every environment.";
    NO_SECRET_SOURCE = 1223, "No place where secrets come from",
        "The section `secrets` is there and names no place to read them from.",
        "Name one of `environment`, `age`, `files` and `vault`, or leave the section out: environment variables count then.";
    UNKNOWN_SOURCE = 1224, "Unknown source",
        "The connector behind the connection does not have the source that the trigger polls, in the version that was chosen.",
        "Correct the name; `dowel connector inspect` lists the sources.";
    RECEIVE_MATCH = 1230, "What an event is recognised by does not fit",
        "`match.event` is asked of every event of the type, before anybody knows which runs wait for it, so it reads the event, which is `.` there, and nothing of a run.",
        "Read the event in `match.event`, such as `${ .data.order_id }`, and put what the run knows into `match.value`.";
    RECEIVE_TIME = 1231, "Times of a `receive` step that do not fit each other",
        "`on_timeout` and `calendar` say something about the end of the wait, which `within` gives.",
        "Add `within`, or remove the key that has no effect.";
    PIN_INCOMPLETE = 1233, "A pin that does not say everything",
        "A pin of a flow names its version, its commit and its digest; one of them is missing.",
        "Let `dowel promote` write it, or write `version: head` in an environment for development.";
    PIN_HEAD = 1234, "`head` where changes are promoted",
        "An environment with `promotion` pins released versions; what is at the head of the branch was not approved by anybody.",
        "Release the flow with `dowel flow release` and pin it with `dowel promote`.";
    UNKNOWN_FLOW = 1235, "A flow that does not exist",
        "The `run` step names a flow that the repository does not have.",
        "Correct the name, or add the flow.";
    FLOW_RANGE = 1236, "The other flow's version is not in the range",
        "The repository's version of the flow is not in the range that the `run` step names.",
        "Change the range after reading what changed in the other flow, or keep its version.";
    FLOW_NOT_RUNNABLE = 1237, "A flow that no step can run",
        "The flow that the `run` step names has no `manual` trigger, so it takes no payload from another flow.",
        "Give the other flow a `manual` trigger, beside the ones that it has under `triggers`.";
    RUN_CIRCLE = 1238, "Flows that run each other in a circle",
        "The flow that the `run` step names runs this flow again, directly or by way of others.",
        "Break the circle; a list is worked on with `for_each`.";
    DETACHED_KEY = 1239, "A key that means nothing for a detached run",
        "The step does not wait for the run that it begins, so it has no result, no time limit and nothing to try again.",
        "Remove the key, or `detach`.";
    UNKNOWN_GROUP = 1240, "A group that the policy does not name",
        "An `approve` step asks a group, and `policy.yaml` at the root of the repository has no such group.",
        "Add the group to `policy.yaml`, or correct its name.";
    WAIT_CHOICE = 1241, "Not exactly one end of a wait",
        "A wait ends after a `duration` or at an instant (`until`); `calendar` belongs to either.",
        "Keep one of `duration` and `until`.";
    APPROVE_DECISION = 1242, "Decisions that do not fit each other",
        "`on_timeout` and `on_reject` refer to decisions that the step does not offer, or a decision is written twice.",
        "Name the decision under `decisions`, or change the key.";
    APPROVE_TIME = 1243, "Times of an approval that do not fit each other",
        "Escalations come one after the other and before `within`; `on_timeout` needs `within`, and `calendar` needs a time.",
        "Correct the times, or remove the key that has no effect.";
    PERSON_REPEATED = 1244, "A person is in a group twice",
        "Each person stands once in a group of the policy.",
        "Remove the second entry.";
    PIN_MISSING = 1245, "A flow without a pin among pinned ones",
        "Where one flow of an environment is pinned, or changes are promoted, only pinned flows run; this one is listed without a `version`.",
        "Pin it with `dowel promote`, write `version: head`, or take it out.";
    BAD_POINTER = 1246, "Not a JSON Pointer",
        "`sensitive` lists JSON Pointers (RFC 6901), and the text is none.",
        "Begin it with a slash and put one between the names, such as `/customer/iban`.";
    POINTER_LEADS_NOWHERE = 1247, "A pointer that leads nowhere",
        "By the schemas nothing has a value at the place that `sensitive` names, so a value that should be masked would be shown.",
        "Correct the pointer; it begins at the payload of a trigger, or at the input or the value of a step.";
    NO_PAGES = 1250, "An operation without pages",
        "`for_each.pages_of` names an operation whose connector declares no pagination, so the host cannot know how its pages follow each other.",
        "Use an operation that declares `pagination`, or call it once and loop over the list in its result with `in`.";
    LOOP_SOURCE = 1251, "A loop without a source, or with two",
        "`for_each` takes its items from a list (`in`) or from the pages of an operation (`pages_of`), and exactly one of them is needed.",
        "Keep one of the two.";
}
