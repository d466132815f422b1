//! Builds the trivial connector.

use anyhow::{Context as _, Result, ensure};
use dowel_wasm::package;
use std::path::Path;
use std::process::Command;

/// The connector's name in its manifest.
pub(super) const NAME: &str = "trivial";

const TARGET: &str = "wasm32-wasip2";

/// The component with its manifest.
pub(super) fn build(repo: &Path) -> Result<Vec<u8>> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(program)
        .current_dir(repo)
        .args(["build", "--quiet", "--package", "dowel-bench-guest"])
        .args(["--profile", "guest", "--target", TARGET])
        .args(["--target-dir", "target/guests"])
        .status()
        .context("cargo cannot be started")?;
    ensure!(
        status.success(),
        "the benchmark's connector cannot be built; if the target is missing: rustup target add {TARGET}"
    );
    let folder = repo.join("target/guests").join(TARGET).join("guest");
    let path = folder.join("dowel_bench_guest.wasm");
    let bytes =
        std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(package::describe(&bytes)?)
}
