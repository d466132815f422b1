//! What the kernel says about disk and memory.

use anyhow::{Context as _, Result};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use walkdir::WalkDir;

/// Bytes that a folder takes on the disk: blocks, so that holes do not count.
pub(crate) fn disk_bytes(folder: &Path) -> u64 {
    const BLOCK_BYTES: u64 = 512;
    // A file that goes away meanwhile takes nothing.
    let files = WalkDir::new(folder).into_iter().flatten();
    let blocks = files.filter_map(|file| file.metadata().ok().map(|found| found.blocks()));
    blocks.sum::<u64>() * BLOCK_BYTES
}

/// Memory that a process holds.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
    let kib: u64 = kib
        .context("/proc/<pid>/status has no VmRSS")?
        .trim()
        .parse()?;
    Ok(kib * 1024)
}
