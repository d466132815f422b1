//! The binary `dowel`: configuration, wiring, commands.

mod alerts;
mod args;
mod catalogue;
mod client;
mod command;
mod connectors;
mod exit;
mod fetch;
mod follow;
mod followed;
mod hostfile;
mod identity;
mod kept;
mod listing;
mod live;
mod loading;
mod lock;
mod logging;
mod logins;
mod next_fires;
mod one_call;
mod output;
mod prompt;
mod registry;
mod repository;
mod secrets;
mod soak;
mod source;
mod start;
mod state;
mod status_text;
mod story_text;
mod system;
mod templates;
mod toolchain;
mod traces;
mod wiring;
mod xml;

use std::process::ExitCode;

/// A run makes a few thousand small allocations on several threads; the C library's
/// allocator took a fifth of a busy host's time for them (docs/adr/0009).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = args::Arguments::read();
    logging::init(arguments.log_format(), arguments.log_filter());
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&error.into()),
    };
    match runtime.block_on(command::run(arguments)) {
        Ok(code) => code,
        Err(error) => exit::report(&error),
    }
}
