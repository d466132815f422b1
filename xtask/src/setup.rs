//! What the build needs besides cargo.

use crate::run;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

/// The target of Rust guests.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip2";

/// Installs the Wasm target if it is missing.
pub(crate) fn run() -> Result<()> {
    if has_target()? {
        println!("The Rust target {WASM_TARGET} is installed.");
        return Ok(());
    }
    println!("==> installing the Rust target {WASM_TARGET}");
    let added = run::succeed(Command::new("rustup").args(["target", "add", WASM_TARGET]));
    if added.is_ok() && has_target()? {
        return Ok(());
    }
    bail!(
        "the Rust target {WASM_TARGET} is missing and cannot be installed from here.\n\
         Connectors are compiled for it. Install it by hand, then try again:\n\
         \n    rustup target add {WASM_TARGET}\n\
         \n(Rust from a distribution has it in a package of its own, such as libstd-rust-dev-wasm32.)"
    )
}

fn has_target() -> Result<bool> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--print", "target-libdir", "--target", WASM_TARGET]);
    let folder = run::output(&mut command)?;
    Ok(Path::new(folder.trim()).is_dir())
}
