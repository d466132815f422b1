//! Structured logs on standard error; `DOWEL_LOG` chooses what is shown.

use crate::args::LogFormat;
use tracing_subscriber::EnvFilter;

/// What is shown unless `DOWEL_LOG` says otherwise.
pub(crate) const DEFAULT_FILTER: &str =
    "warn,dowel=info,dowel_cli=info,dowel_engine=info,dowel_wasm=info,dowel_store_sled=info";

pub(crate) fn init(format: LogFormat, default: &str) {
    let filter = EnvFilter::try_from_env("DOWEL_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.compact().init(),
    }
}
