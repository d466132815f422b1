//! `DWL-5080` to `DWL-5089`: how the API is spoken to.

super::codes! {
    METHOD_NOT_ALLOWED = 5080, "The method is not for this address",
        "Something is served at this address, and not for this method; the header `Allow` names those that are.",
        "Use one of these methods; `/api/v1/openapi.json` describes every operation.";
}
