//! The benchmark still measures: its own repository starts, and every order of a short round
//! ends once. What comes out is not looked at, because nothing here is built for speed.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The program `name`, which `cargo test --workspace` builds beside the benchmark.
fn beside(bench: &Path, name: &str) -> PathBuf {
    let program = bench.with_file_name(name);
    assert!(
        program.is_file(),
        "{} is missing; `cargo test --workspace` builds it",
        program.display()
    );
    program
}

#[test]
fn a_short_round_of_orders_is_measured() {
    let bench = Path::new(env!("CARGO_BIN_EXE_dowel-bench"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(bench)
        .current_dir(root)
        .args(["--quick", "--json", "--only", "orders", "--clients", "1"])
        .arg("--dowel")
        .arg(beside(bench, "dowel"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let orders = &report["orders"]["c1"];
    assert!(
        orders["per_second"].as_f64().is_some_and(|rate| rate > 0.0),
        "{report}"
    );
}
