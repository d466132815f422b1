//! Damaged texts over the border: what a guest returns is one JSON value within its limit
//! or a typed error, and what it says about itself is short, plain and without secrets.

use crate::outcome::*;
use dowel_fuzz::Target;

const TARGET: Target = Target {
    name: "boundary",
    words: &[
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\u0000",
        "\\ud800",
        "\\",
        "1e400",
        "-0.0",
        "null",
        "\u{1b}[31m",
        "\r\n",
        "\0",
        "planted-secret",
        "planted%2dsecret",
        "DWL-2201",
        "\u{feff}",
        "\u{2028}",
    ],
};

const SECRET: &str = "planted-secret";

/// Bytes that the connection lets a call return.
const LIMIT: u64 = 512;

#[test]
fn fuzz_the_boundary() {
    let redactor = Redactor::default();
    redactor.learn(SECRET, crate::redact::Worth::Key);
    TARGET.run(|input| {
        // The runtime hands over text: what is not UTF-8 traps before.
        let text = String::from_utf8_lossy(input).into_owned();
        match output(text.clone(), LIMIT) {
            Ok(json) => {
                assert!(text.len() as u64 <= LIMIT);
                assert_eq!(json.as_str(), text.trim_matches([' ', '\t', '\r', '\n']));
            }
            Err(error) => assert_eq!(error.retry_after_ms, None),
        }
        let error = guest_error(
            GuestError {
                kind: GuestKind::Rejected,
                code: text.clone(),
                message: text.clone(),
                details: Some(text.clone()),
                retry_after_ms: Some(text.len() as u64 * u64::from(u32::MAX)),
            },
            &redactor,
        );
        assert!(
            is_code(&error.code) && !error.code.starts_with("DWL-"),
            "{}",
            error.code
        );
        // Escapes make a message longer, at most by so much for each character.
        assert!(error.message.len() <= MAX_MESSAGE_BYTES * "\\u{10ffff}".len());
        assert!(
            !error.message.contains(char::is_control),
            "{:?}",
            error.message
        );
        assert!(error.retry_after_ms <= Some(MAX_RETRY_AFTER_MS));
        let told = serde_json::to_string(&error).unwrap();
        assert!(!told.contains(SECRET), "{told}");
    });
}
