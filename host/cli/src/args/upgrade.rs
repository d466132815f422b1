//! Arguments of `dowel upgrade`.

use super::{Because, Host};
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
    /// Shows in which format the store of a running host is, and what finalising would bring.
    #[command(after_help = "Example:\n  dowel upgrade status")]
    Status(Host),
    /// Lets the store have the newest format of the program that runs.
    #[command(
        after_help = "Until then the host writes the format of the program before it, and that program can take the\nstore back. Afterwards it refuses the store (DWL-5100), and the way back is a backup. Finalise\nwhen the new program has proven itself, and on every host that shares the store.\n\nExample:\n  dowel upgrade finalize --reason 'a week without trouble'"
    )]
    Finalize(Because),
}
