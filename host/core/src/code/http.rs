//! `DWL-5080` to `DWL-5089`: how the API is spoken to.

super::codes! {
    METHOD_NOT_ALLOWED = 5080, "The method is not for this address",
        "Something is served at this address, and not for this method; the header `Allow` names those that are.",
        "Use one of these methods; `/api/v1/openapi.json` describes every operation.";
    TOO_MANY_STREAMS = 5081, "Too many streams of events",
        "As many streams of events are open as the host serves at once; no other was begun.",
        "Close streams that nobody reads, or ask again after the time in `Retry-After`.";
}
