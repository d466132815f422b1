//! What the kernel says about the machine and about a process.

use crate::statistics::{median, rounded};
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

/// Ticks of `/proc/<pid>/stat` in a second: `USER_HZ`, which is 100 on every
/// architecture that the host supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// Writes that the disk is judged by.
const DISK_WRITES: usize = 50;

/// One page: about what a turn of a run puts into the log.
const DISK_WRITE_BYTES: usize = 4096;

/// The machine while it was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    /// Load averages of 1, 5 and 15 minutes before the first measurement.
    pub(crate) load_before: String,
    /// The same after the last.
    pub(crate) load_after: String,
    /// Median time of writing a page and making it durable, in microseconds.
    pub(crate) fdatasync_us: f64,
}

impl Machine {
    /// Looks at the machine; `folder` is where the store will lie.
    pub(crate) fn look(folder: &Path) -> Result<Self> {
        let load = load();
        Ok(Self {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            load_after: load.clone(),
            load_before: load,
            fdatasync_us: rounded(fdatasync_us(folder)?, 0),
        })
    }

    /// Notes the load at the end.
    pub(crate) fn look_again(&mut self) {
        self.load_after = load();
    }
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<&str> = text.split_whitespace().take(3).collect();
    averages.join(" ")
}

fn fdatasync_us(folder: &Path) -> Result<f64> {
    let path = folder.join("disk-probe");
    let mut file =
        File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    let page = [7; DISK_WRITE_BYTES];
    let mut times = Vec::with_capacity(DISK_WRITES);
    for _ in 0..DISK_WRITES {
        let begun = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    fs::remove_file(&path)?;
    Ok(median(&times))
}

/// Seconds of CPU that a process has used, in user and kernel mode.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    cpu_of(&text).context("/proc/<pid>/stat is not as proc(5) says")
}

fn cpu_of(stat: &str) -> Option<f64> {
    // The name in parentheses may hold spaces. Behind it, utime and stime are the
    // fields 14 and 15 of proc(5), which counts from 1 and the name as the second.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// Memory that a process holds, in MiB.
pub(crate) fn resident_mib(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
    let kib: f64 = kib
        .context("/proc/<pid>/status has no VmRSS")?
        .trim()
        .parse()?;
    Ok(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_does_not_shift_the_fields() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 9 0 1 1 1";
        assert!((cpu_of(stat).unwrap() - 3.0).abs() < 1e-9);
        assert_eq!(cpu_of("7 (x) S"), None);
    }

    #[test]
    fn this_process_is_known() {
        let pid = std::process::id();
        assert!(cpu_seconds(pid).unwrap() >= 0.0);
        assert!(resident_mib(pid).unwrap() > 0.5);
        assert_eq!(load().split(' ').count(), 3);
    }
}
