//! Compares the tree that sled recovered with what was acknowledged.

use crate::fingerprint::Fingerprint;
use crate::group::entry_bytes;
use crate::health::{Fault, caught};
use crate::open::OpenError;
use crate::options::SledOptions;
use crate::record::{RECORD_KEY, Record};
use crate::stored::{FileReference, Stored};
use crate::trim::Sample;
use crate::values::ValueFolder;
use crate::view::all_entries;
use std::collections::HashMap;
use std::path::Path;

/// What the tree holds, after it was found or declared to be right.
pub(crate) struct Recovered {
    pub(crate) record: Record,
    pub(crate) references: HashMap<FileReference, u64>,
    /// Keys and raw values together.
    pub(crate) live_bytes: u64,
}

/// One pass over all entries.
#[derive(Default)]
struct Survey {
    keys: u64,
    bytes: u64,
    fingerprint: Fingerprint,
    references: HashMap<FileReference, u64>,
    /// Entries whose value cannot be had: tree keys and their raw values.
    unreadable: Vec<(Vec<u8>, Vec<u8>)>,
    /// Some of the keys, from all over the tree.
    sample: Sample,
}

pub(crate) fn recover(
    path: &Path,
    tree: &sled::Db,
    values: &ValueFolder,
    acknowledged: u64,
    options: &SledOptions,
) -> Result<Recovered, OpenError> {
    let damaged = |fault: Fault| OpenError::damaged(path, fault.to_string());
    let written = caught(|| read_record(tree)).map_err(damaged)?;
    if written.sequence < acknowledged && !options.accept_loss {
        return Err(OpenError::Behind {
            path: path.to_owned(),
            acknowledged,
            found: written.sequence,
            missing: acknowledged - written.sequence,
        });
    }
    let mut survey = caught(|| take_survey(tree, values, options)).map_err(damaged)?;
    caught(|| survey.sample.trim(tree)).map_err(damaged)?;
    let intact = survey.keys == written.keys && survey.fingerprint == written.fingerprint;
    if !options.accept_loss {
        if !intact {
            let what = format!(
                "{} keys were written and {} are there, or their values changed",
                written.keys, survey.keys
            );
            return Err(OpenError::damaged(path, what));
        }
        if let Some((key, _)) = survey.unreadable.first() {
            let what = format!(
                "the files of {} large values are missing, the first of key `{}`",
                survey.unreadable.len(),
                key[1..].escape_ascii()
            );
            return Err(OpenError::damaged(path, what));
        }
        return Ok(Recovered {
            record: written,
            live_bytes: survey.bytes,
            references: survey.references,
        });
    }
    if !intact || written.sequence < acknowledged {
        tracing::warn!(
            missing_groups = acknowledged.saturating_sub(written.sequence),
            keys_written = written.keys,
            keys_left = survey.keys,
            "acknowledged writes are lost; going on without them as asked"
        );
    }
    // The sequence never goes back: a watermark that is restored later must not pass for
    // a newer one.
    let sequence = written.sequence.max(acknowledged);
    caught(|| drop_unreadable(tree, &mut survey))
        .and_then(|()| caught(|| write_record(tree, sequence, &survey)))
        .map_err(damaged)?;
    Ok(Recovered {
        record: read_record(tree).map_err(damaged)?,
        live_bytes: survey.bytes,
        references: survey.references,
    })
}

fn read_record(tree: &sled::Db) -> Result<Record, Fault> {
    match tree.get(RECORD_KEY)? {
        Some(raw) => Record::decode(&raw),
        None => Ok(Record::default()),
    }
}

fn take_survey(
    tree: &sled::Db,
    values: &ValueFolder,
    options: &SledOptions,
) -> Result<Survey, Fault> {
    let mut survey = Survey::default();
    for entry in all_entries(tree) {
        let (key, raw) = entry?;
        survey.keys += 1;
        survey.bytes += entry_bytes(&key, &raw);
        survey.fingerprint.add(&key, &raw);
        survey.sample.see(&key);
        let readable = match Stored::decode(&raw) {
            Ok(Stored::Inline(_)) => true,
            Ok(Stored::File(reference)) => {
                *survey.references.entry(reference).or_default() += 1;
                // Reading every file is for the day on which one is known to be damaged.
                values.holds(&reference)
                    && (!options.accept_loss || values.read(&reference).is_ok())
            }
            Err(_) => false,
        };
        if !readable {
            survey.unreadable.push((key.to_vec(), raw.to_vec()));
        }
    }
    Ok(survey)
}

/// Removes keys whose value is gone; a read of one would stop the store.
fn drop_unreadable(tree: &sled::Db, survey: &mut Survey) -> Result<(), Fault> {
    for (key, raw) in std::mem::take(&mut survey.unreadable) {
        tracing::warn!(key = %key[1..].escape_ascii(), "the value is gone; removing the key");
        tree.remove(&key)?;
        survey.keys -= 1;
        survey.fingerprint.remove(&key, &raw);
        if let Ok(Stored::File(reference)) = Stored::decode(&raw) {
            survey.references.remove(&reference);
        }
    }
    Ok(())
}

fn write_record(tree: &sled::Db, sequence: u64, survey: &Survey) -> Result<(), Fault> {
    let record = Record {
        sequence,
        keys: survey.keys,
        fingerprint: survey.fingerprint,
    };
    tree.insert(RECORD_KEY, record.encode())?;
    tree.flush()?;
    Ok(())
}
