//! Builds the mapping guest, which the library embeds.

#![allow(
    clippy::print_stdout,
    reason = "a build script talks to cargo on its standard output"
)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";
const PACKAGE: &str = "dowel-mapping-guest";

/// Variables of the outer cargo that configure where things come from; all its other
/// variables describe the outer build and would change the inner one.
const KEPT: &[&str] = &["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR"];

fn main() {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let root = here.join("../..");
    let watched = [
        here.join("guest/src"),
        here.join("guest/Cargo.toml"),
        root.join("wit/dowel-mapping@0.1.0"),
        root.join("Cargo.toml"),
        root.join("Cargo.lock"),
    ];
    for path in watched {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let target_dir = root.join("target/guests");
    build(&root, &target_dir);
    let built = target_dir
        .join(TARGET)
        .join("guest")
        .join("dowel_mapping_guest.wasm");
    let embedded = PathBuf::from(variable("OUT_DIR")).join("mapping-guest.wasm");
    if let Err(error) = std::fs::copy(&built, &embedded) {
        stop(&format!("{} cannot be copied: {error}", built.display()));
    }
}

fn build(root: &Path, target_dir: &Path) {
    let mut cargo = Command::new(variable("CARGO"));
    cargo
        .current_dir(root)
        .args(["build", "--package", PACKAGE, "--profile", "guest"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(target_dir);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let outer = name.starts_with("CARGO") && !KEPT.iter().any(|kept| name.starts_with(kept));
        // The outer job server, compiler flags and wrappers (clippy is one) stay outside.
        let flags = name.starts_with("RUSTC")
            || [
                "RUSTFLAGS",
                "RUSTDOCFLAGS",
                "MAKEFLAGS",
                "MFLAGS",
                "TARGET",
                "HOST",
            ]
            .contains(&&*name);
        if outer || flags {
            cargo.env_remove(&*name);
        }
    }
    let output = match cargo.output() {
        Ok(output) => output,
        Err(error) => stop(&format!("cargo cannot be started: {error}")),
    };
    if output.status.success() {
        return;
    }
    let log = String::from_utf8_lossy(&output.stderr);
    if log.contains("can't find crate for `core`") || log.contains("can't find crate for `std`") {
        stop(&format!(
            "the Rust target {TARGET} is missing; install it with `rustup target add {TARGET}`"
        ));
    }
    stop(&format!("the mapping guest cannot be built:\n{log}"));
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| stop(&format!("cargo did not set {name}")))
}

/// A build script reports by failing.
fn stop(message: &str) -> ! {
    // `cargo:error` is how a build script tells cargo why the build fails.
    for line in message.lines() {
        println!("cargo::error={line}");
    }
    std::process::exit(1)
}
