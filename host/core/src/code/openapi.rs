//! `DWL-624x`: connectors made from OpenAPI documents.

super::codes! {
    DOCUMENT = 6240, "The document is not an OpenAPI document",
        "The file is neither JSON nor YAML, or not OpenAPI 3.0 or 3.1.",
        "Correct the file; convert Swagger 2.0 to OpenAPI 3 first.";
    REFERENCE = 6241, "A reference of the document leads nowhere",
        "A `$ref` points at nothing, in a circle, or into another file.",
        "Correct the reference; bundle a document of several files into one first.";
    NOTHING = 6242, "Nothing of the document becomes an operation",
        "`--only` names what the document does not have, or no operation can be called by a connector.",
        "Look for the tag or the operation id in the document; what is left out, and why, is printed.";
    RECORD = 6243, "The project was not made from an OpenAPI document",
        "The folder is there, and its `openapi.lock.json` is missing or not in a form that this version knows.",
        "Name another folder with `--out`, or bring the file back from the repository.";
}
