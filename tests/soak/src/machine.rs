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

/// The time of all cores that a process has used.
pub(crate) fn cpu_ms(pid: u32) -> Result<u64> {
    /// The kernel counts in hundredths of a second, whatever its own clock does.
    const MS_PER_TICK: u64 = 10;
    /// User and system time among the fields behind the name, proc(5).
    const PLACES: [usize; 2] = [11, 12];
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may hold anything.
    let (_, fields) = text
        .rsplit_once(") ")
        .context("/proc/<pid>/stat has no name")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let mut ticks = 0;
    for place in PLACES {
        let field = fields.get(place).context("/proc/<pid>/stat is short")?;
        ticks += field.parse::<u64>()?;
    }
    Ok(ticks * MS_PER_TICK)
}
