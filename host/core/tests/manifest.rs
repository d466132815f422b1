//! Damaged manifests: each is read or refused, and what is read is written and read again
//! as the same.

// The lint knows test functions, not the helpers beside them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use dowel_core::manifest::Manifest;
use dowel_fuzz::Target;

const TARGET: Target = Target {
    name: "manifest",
    words: &[
        "\"contract\":",
        "\"0.1.0\"",
        "\"egress\":[",
        "\"GET {base_url}/*\"",
        "* *",
        "{}",
        "[]",
        "null",
        "true",
        "1e400",
        "\"operations\":",
        "\"name\":\"a\"",
        "\"a\",",
        "\\u0000",
        "\\ud800",
        "\"idempotency\":\"none\"",
        "\"effect\":\"read\"",
        "-0.0",
        "12345678901234567890",
    ],
};

#[test]
fn fuzz_manifests() {
    TARGET.run(|input| {
        let Ok(manifest) = Manifest::parse(input) else {
            return;
        };
        let written = serde_json::to_string(&manifest).expect("what was read can be written");
        let again = Manifest::parse(written.as_bytes()).expect("what was written can be read");
        let twice = serde_json::to_string(&again).expect("what was read can be written");
        assert_eq!(written, twice);
        for operation in &manifest.operations {
            let found = manifest.operation(operation.name.as_str());
            let found = found.expect("an operation is found by its name");
            assert_eq!(found.summary, operation.summary, "no name is there twice");
        }
    });
}
