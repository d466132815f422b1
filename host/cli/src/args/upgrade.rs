//! Arguments of `dowel upgrade`.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Upgrade {
    /// Says whether this program reads everything that a backup holds, before it takes over.
    #[command(
        after_help = "Run it with the new program on a backup of the host that runs the old one. The backup is\nrestored into a folder of its own, every journal is folded, every plan that an unfinished run\nneeds is read, and the folder is removed again. Nothing else is touched. Exits with 1 if\nsomething cannot be read.\n\nExample:\n  ./dowel-new upgrade check /backups/2026-11-23"
    )]
    Check {
        /// The folder of the backup.
        folder: PathBuf,
    },
}
