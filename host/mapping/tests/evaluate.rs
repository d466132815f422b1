//! Evaluation through the port: templates, conditions, errors, limits, the cache.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod common;

use common::{DEADLINE, evaluate, expression, mapping, one, program, single};
use dowel_core::code::run;
use dowel_core::expression::{Bindings, Evaluated, Piece, Template};
use dowel_core::port::{CheckExpressions as _, EvaluationRequest, Mapper as _};
use dowel_core::{Digest, JsonText};
use dowel_mapping::{Mapping, MappingOptions};

fn template(pieces: &[&str]) -> Template {
    // Every second piece is an expression.
    let pieces = pieces
        .iter()
        .enumerate()
        .map(|(index, text)| match index % 2 {
            0 => Piece::Text((*text).to_owned()),
            _ => Piece::Expression(expression(text, &format!("with.part{index}"))),
        });
    Template {
        pieces: pieces.collect(),
    }
}

fn json(text: &str) -> JsonText {
    JsonText::parse(text).unwrap()
}

#[tokio::test]
async fn templates_are_filled_and_numbers_keep_their_text() {
    let trigger = json(r#"{"id":12345678901234567890,"price":1.10,"e":1e5,"big":1E400,"z":-0.0}"#);
    let bindings = Bindings {
        input: JsonText::null(),
        variables: [("trigger", trigger)].into(),
    };
    let outputs = vec![
        template(&[
            "{\"id\":",
            "$trigger.id",
            ",\"rest\":[1.0,",
            "[$trigger | .price, .e, .big, .z]",
            "]}",
        ]),
        template(&["7.0"]),
    ];
    let done = evaluate(
        &mapping(),
        program(Some("$trigger.id > 1"), outputs),
        bindings,
        DEADLINE,
    )
    .await;
    let expected = [
        r#"{"id":12345678901234567890,"rest":[1.0,[1.10,1e5,1E400,-0.0]]}"#,
        "7.0",
    ];
    assert_eq!(done.unwrap(), Evaluated::Values(expected.map(json).into()));
}

#[tokio::test]
async fn a_condition_that_does_not_hold_skips() {
    for condition in ["false", "null", ".missing"] {
        let skipped = program(Some(condition), vec![template(&["", "error(\"no\")"])]);
        let input = Bindings::input(json("{}"));
        let done = evaluate(&mapping(), skipped, input, DEADLINE).await;
        assert_eq!(done.unwrap(), Evaluated::Skipped);
    }
}

#[tokio::test]
async fn errors_name_the_place_and_types_only() {
    let outputs = vec![template(&["[", "1", ",", ".secret - 1", "]"])];
    let input = Bindings::input(json(r#"{"secret":"s3cret"}"#));
    let error = evaluate(&mapping(), program(Some("true"), outputs), input, DEADLINE)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "DWL-2001 at flow.yaml:3:7 (with.part3): cannot calculate string - number"
    );
    for (source, code) in [
        ("empty", run::EVALUATION_NOT_ONE),
        ("1, 2", run::EVALUATION_NOT_ONE),
    ] {
        assert_eq!(
            one(&mapping(), source, "null").await.unwrap_err().code,
            code
        );
    }
}

#[tokio::test]
async fn texts_that_do_not_make_json_are_an_error() {
    let broken = program(None, vec![template(&["{\"a\":", "1", "]"])]);
    let done = evaluate(
        &mapping(),
        broken,
        Bindings::input(JsonText::null()),
        DEADLINE,
    )
    .await;
    assert_eq!(done.unwrap_err().code, run::EVALUATION_FAILED);
}

#[tokio::test]
async fn another_guest_is_refused() {
    let request = EvaluationRequest {
        guest: Digest::of("another guest"),
        program: single("1"),
        bindings: Bindings::input(JsonText::null()),
        deadline: DEADLINE,
    };
    let error = mapping().evaluate(request).await.unwrap_err();
    assert_eq!(error.code, run::MAPPING_GUEST_MISSING);
}

#[tokio::test]
async fn many_programs_at_once() {
    let mapping = mapping();
    let tasks: Vec<_> = (0..600_u32)
        .map(|n| {
            let mapping = mapping.clone();
            tokio::spawn(async move {
                // More programs than an instance remembers, asked for twice.
                let source = format!(". + {}", n % 300);
                let sum = one(&mapping, &source, "1").await.unwrap();
                assert_eq!(sum, (n % 300 + 1).to_string());
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn cached(directory: &std::path::Path) -> Mapping {
    Mapping::new(MappingOptions {
        cache_dir: Some(directory.to_owned()),
        instances: 1,
        ..MappingOptions::default()
    })
    .unwrap()
}

#[tokio::test]
async fn the_compile_cache_is_trusted_only_with_its_seal() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(
        one(&cached(directory.path()), "1", "null").await.unwrap(),
        "1"
    );
    let artefact = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "cwasm"))
        .unwrap();
    let sealed = std::fs::read(&artefact).unwrap();
    // Unchanged, it is used and stays as it is.
    assert_eq!(
        one(&cached(directory.path()), "2", "null").await.unwrap(),
        "2"
    );
    assert_eq!(std::fs::read(&artefact).unwrap(), sealed);
    // One flipped bit: it is not loaded but made anew.
    let mut forged = sealed.clone();
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    std::fs::write(&artefact, &forged).unwrap();
    assert_eq!(
        one(&cached(directory.path()), "3", "null").await.unwrap(),
        "3"
    );
    assert_ne!(std::fs::read(&artefact).unwrap(), forged);
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_can_read_is_not_used() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("mapping-cache.key");
    std::fs::write(&key, [7; 32]).unwrap();
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        one(&cached(directory.path()), "1", "null").await.unwrap(),
        "1"
    );
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn the_digest_is_the_guests() {
    assert_eq!(mapping().guest(), mapping().guest());
    assert_ne!(mapping().guest(), Digest::of(""));
}

#[tokio::test]
async fn plans_of_an_earlier_host_keep_their_guest() {
    let mapping = Mapping::new(MappingOptions::default()).unwrap();
    // An empty custom section (core specification, 5.5.3): the same program under
    // another digest, as any other build of the guest is.
    let mut other = Mapping::embedded_guest().to_vec();
    other.extend_from_slice(&[0, 2, 1, b'x']);
    let request = |guest| EvaluationRequest {
        guest,
        program: single("1 + 1"),
        bindings: Bindings::input(JsonText::null()),
        deadline: DEADLINE,
    };
    let unknown = mapping.evaluate(request(Digest::of(&other))).await;
    assert_eq!(unknown.unwrap_err().code.to_string(), "DWL-2006");
    let other = mapping.add_guest(&other).unwrap();
    assert_ne!(other, mapping.guest());
    // More rounds than there are slots: each guest makes room for the other one.
    for _ in 0..100 {
        for guest in [other, mapping.guest()] {
            let value = mapping.evaluate(request(guest)).await.unwrap();
            assert_eq!(
                value,
                Evaluated::Values(vec![JsonText::parse("2").unwrap()])
            );
        }
    }
}
