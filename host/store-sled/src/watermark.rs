//! A small file that says how far acknowledgements have gone.
//!
//! Two slots are written in turn, in place, each with a checksum: a torn write spoils one
//! slot, and the other still holds the number before it. A number is written after each
//! group's `fdatasync` and before its acknowledgement, and synced once a second. So after
//! a kill the file knows every acknowledged group, after loss of power all but the last
//! second's.

use crate::health::Fault;
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a written number may stay unsynced. A sync per group would nearly double
/// the price of a commit; a second is what a loss of power may hide from the check.
pub(crate) const SYNC_INTERVAL: Duration = Duration::from_secs(1);

const MAGIC: &[u8; 8] = b"DOWELWM1";
const SLOT_BYTES: usize = 8 + 8 + 16;
/// Slots lie in different sectors of the disk, of any usual size.
const SLOT_DISTANCE: u64 = 4096;
const SLOTS: u64 = 2;

pub(crate) struct Watermark {
    file: File,
    next_slot: u64,
    unsynced_since: Option<Instant>,
}

/// What was found at the place of the watermark.
pub(crate) enum Found {
    Nothing,
    /// Neither slot can be read.
    Damaged,
    Sequence(u64),
}

pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join("watermark")
}

pub(crate) fn read(folder: &Path) -> io::Result<Found> {
    let file = match File::open(path(folder)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    let mut highest = None;
    for slot in 0..SLOTS {
        let mut raw = [0; SLOT_BYTES];
        if read_slot(&file, &mut raw, slot)? {
            highest = highest.max(decode(&raw));
        }
    }
    Ok(highest.map_or(Found::Damaged, Found::Sequence))
}

fn read_slot(file: &File, raw: &mut [u8], slot: u64) -> io::Result<bool> {
    match file.read_exact_at(raw, slot * SLOT_DISTANCE) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

impl Watermark {
    /// Writes `sequence` to a new file that replaces what is there, durably.
    pub(crate) fn reset(folder: &Path, sequence: u64) -> io::Result<Self> {
        let target = path(folder);
        let fresh = target.with_extension("new");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&fresh)?;
        for slot in 0..SLOTS {
            file.write_all_at(&encode(sequence), slot * SLOT_DISTANCE)?;
        }
        file.sync_all()?;
        std::fs::rename(&fresh, &target)?;
        File::open(folder)?.sync_all()?;
        Ok(Self {
            file,
            next_slot: 0,
            unsynced_since: None,
        })
    }

    /// Notes that everything up to `sequence` is durable and about to be acknowledged.
    pub(crate) fn write(&mut self, sequence: u64, now: Instant) -> Result<(), Fault> {
        self.file
            .write_all_at(&encode(sequence), self.next_slot * SLOT_DISTANCE)
            .map_err(Fault::io("writing the watermark"))?;
        self.next_slot = (self.next_slot + 1) % SLOTS;
        self.unsynced_since.get_or_insert(now);
        Ok(())
    }

    /// How long until the file must be synced; nothing if there is nothing to sync.
    pub(crate) fn due_in(&self, now: Instant) -> Option<Duration> {
        self.unsynced_since
            .map(|since| (since + SYNC_INTERVAL).saturating_duration_since(now))
    }

    pub(crate) fn sync(&mut self) -> Result<(), Fault> {
        if self.unsynced_since.take().is_some() {
            self.file
                .sync_data()
                .map_err(Fault::io("syncing the watermark"))?;
        }
        Ok(())
    }
}

fn encode(sequence: u64) -> [u8; SLOT_BYTES] {
    let mut raw = [0; SLOT_BYTES];
    raw[..8].copy_from_slice(MAGIC);
    raw[8..16].copy_from_slice(&sequence.to_le_bytes());
    let sum = Sha256::digest(&raw[..16]);
    raw[16..].copy_from_slice(&sum[..16]);
    raw
}

fn decode(raw: &[u8; SLOT_BYTES]) -> Option<u64> {
    let sequence = u64::from_le_bytes(raw[8..16].try_into().ok()?);
    (encode(sequence) == *raw).then_some(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(folder: &Path) -> Option<u64> {
        match read(folder).unwrap() {
            Found::Sequence(sequence) => Some(sequence),
            Found::Nothing | Found::Damaged => None,
        }
    }

    #[test]
    fn the_highest_number_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(folder.path()).unwrap(), Found::Nothing));
        let mut mark = Watermark::reset(folder.path(), 4).unwrap();
        assert_eq!(sequence(folder.path()), Some(4));
        for number in 5..9 {
            mark.write(number, Instant::now()).unwrap();
            assert_eq!(sequence(folder.path()), Some(number));
        }
    }

    #[test]
    fn a_torn_slot_costs_one_number_and_two_are_damage() {
        let folder = tempfile::tempdir().unwrap();
        let mut mark = Watermark::reset(folder.path(), 1).unwrap();
        mark.write(2, Instant::now()).unwrap();
        mark.write(3, Instant::now()).unwrap();
        let file = OpenOptions::new()
            .write(true)
            .open(path(folder.path()))
            .unwrap();
        file.write_all_at(b"x", SLOT_DISTANCE + 9).unwrap();
        assert_eq!(sequence(folder.path()), Some(2));
        file.write_all_at(b"x", 9).unwrap();
        assert!(matches!(read(folder.path()).unwrap(), Found::Damaged));
    }

    #[test]
    fn a_sync_is_due_an_interval_after_the_first_unsynced_number() {
        let folder = tempfile::tempdir().unwrap();
        let mut mark = Watermark::reset(folder.path(), 1).unwrap();
        let start = Instant::now();
        assert_eq!(mark.due_in(start), None);
        mark.write(2, start).unwrap();
        mark.write(3, start + SYNC_INTERVAL).unwrap();
        assert_eq!(mark.due_in(start), Some(SYNC_INTERVAL));
        assert_eq!(mark.due_in(start + SYNC_INTERVAL), Some(Duration::ZERO));
        mark.sync().unwrap();
        assert_eq!(mark.due_in(start), None);
    }
}
