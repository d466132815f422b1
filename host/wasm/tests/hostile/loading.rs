//! What is refused when it is added or bound, and what the cache is trusted with.

use crate::support::{Bench, Known, NOWHERE, built, connection, hostile};
use dowel_core::JsonText;
use dowel_wasm::{BindReason, ConnectorHost, HostOptions, LoadError, package};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MANIFEST: &str = r#"{"contract": "0.1.0", "name": "other", "version": "1.0.0",
    "summary": "S", "config_schema": {}, "operations": []}"#;

fn host() -> ConnectorHost {
    let options = HostOptions {
        max_instances: 1,
        ..HostOptions::default()
    };
    ConnectorHost::new(options, Arc::new(Known)).unwrap()
}

fn refused(component: &[u8]) -> LoadError {
    host().add(component).expect_err("has to be refused")
}

#[test]
fn unknown_imports_are_refused_by_name() {
    let greedy = package::embed(&built("examples/greedy.wasm"), MANIFEST.as_bytes()).unwrap();
    let error = refused(&greedy);
    assert_eq!(error.code().to_string(), "DWL-5005");
    assert!(error.to_string().contains("evil:disk/raw@1.0.0"), "{error}");
    assert!(!error.to_string().contains("wasi:"), "{error}");
}

#[test]
fn a_component_without_the_contract() {
    let plain = package::embed(&built("examples/plain.wasm"), MANIFEST.as_bytes()).unwrap();
    let error = refused(&plain);
    assert_eq!(error.code().to_string(), "DWL-5006");
    assert!(
        error
            .to_string()
            .contains("dowel:connector/operations@0.2.0"),
        "{error}"
    );
}

#[test]
fn what_is_no_component_or_has_no_manifest() {
    let code = |bytes: &[u8]| refused(bytes).code().to_string();
    assert_eq!(code(b"\0asm\x01\0\0\0"), "DWL-5002");
    assert_eq!(code(b"#!/bin/sh"), "DWL-5001");
    assert_eq!(code(b""), "DWL-5001");
    assert_eq!(code(&built("dowel_hostile.wasm")), "DWL-5003");
    let hostile = hostile();
    assert_eq!(code(&hostile[..hostile.len() / 2]), "DWL-5001");
}

#[test]
fn manifests_are_checked_before_they_are_embedded() {
    let plain = built("examples/plain.wasm");
    for bad in ["{", "{}", &MANIFEST.replace("0.1.0", "9.0.0")] {
        let error = package::embed(&plain, bad.as_bytes()).unwrap_err();
        assert_eq!(error.code().to_string(), "DWL-5004");
    }
    let error = package::describe(&plain).unwrap_err();
    assert_eq!(error.code().to_string(), "DWL-5006");
}

#[test]
fn inspection() {
    let found = package::inspect(hostile()).unwrap();
    assert_eq!(found.manifest.name.as_str(), "hostile");
    assert_eq!(found.contract, "0.1.0");
    assert!(
        found
            .imports
            .iter()
            .any(|i| i == "dowel:connector/host@0.1.0")
    );
    assert!(
        found
            .exports
            .iter()
            .any(|e| e == "dowel:connector/operations@0.1.0")
    );
    assert_eq!(found.size, hostile().len() as u64);
    assert!(serde_json::to_string(&found).unwrap().contains("sha256:"));
}

#[test]
fn versions_stand_side_by_side() {
    let host = host();
    let first = host.add(hostile()).unwrap();
    let manifest = include_str!("../../../../tests/hostile/src/manifest.json");
    let newer = manifest.replace(r#""version": "0.1.0""#, r#""version": "0.2.0""#);
    let second = host
        .add(&package::embed(hostile(), newer.as_bytes()).unwrap())
        .unwrap();
    assert_ne!(first.digest, second.digest);
    assert_eq!(host.add(hostile()).unwrap().digest, first.digest);
    assert_eq!(host.installed().len(), 2);
}

fn cached(folder: &Path) -> PathBuf {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "cwasm"))
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

fn add_with_cache(folder: &Path) {
    let options = HostOptions {
        cache_dir: Some(folder.to_owned()),
        max_instances: 1,
        ..HostOptions::default()
    };
    let host = ConnectorHost::new(options, Arc::new(Known)).unwrap();
    host.add(hostile()).unwrap();
}

#[test]
fn a_changed_artefact_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    add_with_cache(folder.path());
    let file = cached(folder.path());
    let good = fs::read(&file).unwrap();
    for place in [0, 40, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[place] ^= 1;
        fs::write(&file, &bad).unwrap();
        add_with_cache(folder.path());
        assert_ne!(fs::read(&file).unwrap(), bad, "byte {place} was trusted");
    }
    fs::write(&file, &good[..10]).unwrap();
    add_with_cache(folder.path());
    assert!(fs::read(&file).unwrap().len() > 10);
}

#[test]
fn a_good_artefact_is_used_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    add_with_cache(folder.path());
    let file = cached(folder.path());
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    add_with_cache(folder.path());
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
}

#[cfg(unix)]
#[test]
fn the_key_is_private_or_replaced() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    add_with_cache(folder.path());
    let path = folder.path().join("key");
    let key = fs::read(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let before = fs::read(cached(folder.path())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    add_with_cache(folder.path());
    assert_ne!(fs::read(&path).unwrap(), key);
    assert_ne!(fs::read(cached(folder.path())).unwrap()[..32], before[..32]);
}

#[test]
fn bindings_report_every_problem_and_change_nothing() {
    let bench = Bench::new(connection(NOWHERE));
    let mut bad = connection(NOWHERE);
    bad.name = "bad".parse().unwrap();
    bad.allow.push("GET https://a*b/".parse().unwrap());
    bad.private_addresses.push("10.0.0.0/99".to_owned());
    bad.idempotency_header = "Host".to_owned();
    let mut greedy = connection(NOWHERE);
    greedy.name = "greedy".parse().unwrap();
    greedy.limits.memory_bytes = 1 << 40;
    let mut narrow = connection(NOWHERE);
    narrow.name = "narrow".parse().unwrap();
    narrow.allow = vec!["GET https://elsewhere.test/*".parse().unwrap()];
    let mut empty = connection(NOWHERE);
    empty.name = "empty".parse().unwrap();
    empty.config = JsonText::parse("{}").unwrap();
    let twice = vec![bad, greedy, narrow, empty.clone(), empty];
    let problems = bench.host.bind(twice).unwrap_err();
    let codes: Vec<String> = problems.iter().map(|p| p.code().to_string()).collect();
    assert_eq!(
        codes,
        [
            "DWL-5020", "DWL-5024", "DWL-5025", "DWL-5026", "DWL-5021", "DWL-5022", "DWL-5022"
        ]
    );
    assert!(matches!(problems[4].reason, BindReason::NotGranted { .. }));
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(bench.still_well());
}
