//! `DWL-5090` to `DWL-5094`: switches of triggers and connections, versions.

super::codes! {
    TRIGGER_DISABLED = 5090, "The trigger is disabled",
        "Somebody switched off this trigger of the flow, so it takes no events; runs that are there go on. Nothing of the request was kept.",
        "Send it again later, as `Retry-After` says; `dowel switches list` shows who switched it off and why.";
    NO_SUCH_TRIGGER = 5091, "The flow has no such trigger",
        "The active version of the flow has no trigger of this name; nothing was switched.",
        "Look at the names with `dowel graph <flow>`.";
    NO_SUCH_CONNECTION = 5092, "There is no such connection",
        "Neither the environment nor an active flow has a connection of this name; nothing was switched.",
        "Look at the names with `dowel connection list`.";
    NO_SUCH_VERSION = 5093, "The host knows no such version",
        "No plan of this version of the flow is kept: it never ran here, or it was removed after its last run had ended.",
        "Look at the versions with `GET /api/v1/flows/<flow>/versions`.";
}
