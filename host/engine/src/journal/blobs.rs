//! Large values of a journal lie beside it, by digest.
//!
//! An entry that has one is written in format 2: its event without the large values, and
//! where each of them belongs. The value itself is a row of the run, written in the batch
//! of the page and removed with the run: a row is the reference, and a store that keeps
//! equal large values once (as the one on sled does) needs no count beside it.

use super::JournalError;
use crate::format::{Feature, StoreFormat};
use crate::keys;
use dowel_core::journal::{BLOBS_VERSION, Entry, Event, PLAIN_VERSION};
use dowel_core::port::{Batch, Store, StoreError};
use dowel_core::{Digest, JsonText, RunId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// A value of more bytes lies beside the journal. The store on sled keeps larger values in
/// files, equal ones once; below that, a row of its own costs a key and saves nothing.
pub(crate) const LARGE_VALUE_BYTES: usize = 16 * 1024;

/// Fields whose own fields are looked at: the arguments of a call are one field of its
/// events, and the large part of them is the input.
const CONTAINERS: [&str; 3] = ["call", "attempt", "command"];

/// An entry as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    v: u32,
    seq: u64,
    at: Timestamp,
    /// Format 1: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<Event>,
    /// Format 2: the event with `null` in place of each large value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outline: Option<JsonText>,
    /// The large values by their JSON Pointer (RFC 6901) in the outline.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    blobs: BTreeMap<String, Reference>,
}

/// Names a large value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reference {
    digest: Digest,
    bytes: usize,
}

/// An entry as one line of its page; its large values go into the batch, if the format of
/// the store has them there.
pub(super) fn encode(
    run: RunId,
    entry: &Entry,
    format: StoreFormat,
    batch: &mut Batch,
) -> Result<Vec<u8>, serde_json::Error> {
    let plain = Entry {
        v: PLAIN_VERSION,
        ..entry.clone()
    };
    let line = serde_json::to_vec(&plain)?;
    if line.len() <= LARGE_VALUE_BYTES || !format.has(Feature::LargeValues) {
        return Ok(line);
    }
    let event: JsonText = JsonText::parse_owned(serde_json::to_string(&entry.event)?)
        .map_err(serde::ser::Error::custom)?;
    let mut blobs = BTreeMap::new();
    let mut take = |pointer: &str, value: &JsonText| {
        let text = value.as_str();
        let reference = Reference {
            digest: Digest::of(text),
            bytes: text.len(),
        };
        batch.put(keys::blob(run, &reference.digest), text.as_bytes().to_vec());
        blobs.insert(pointer.to_owned(), reference);
    };
    let outline = kinds(&event, |kind, fields| {
        let fields = outline(&format!("/{kind}"), fields, &mut take);
        JsonText::object(fields.iter().map(|(name, value)| (name.as_str(), value)))
    });
    match outline {
        Some(outline) if !blobs.is_empty() => serde_json::to_vec(&Stored {
            v: BLOBS_VERSION,
            seq: entry.seq,
            at: entry.at,
            event: None,
            outline: Some(outline),
            blobs,
        }),
        // Many small values make a long line as well.
        _ => Ok(line),
    }
}

type Fields = Vec<(String, JsonText)>;

/// Rebuilds an event, which is an object of one field that is named by its kind.
fn kinds(event: &JsonText, mut rebuild: impl FnMut(&str, Fields) -> JsonText) -> Option<JsonText> {
    let kinds = event.fields()?.into_iter().map(|(kind, inner)| {
        let inner = match inner.fields() {
            Some(fields) => rebuild(&kind, fields),
            None => inner,
        };
        (kind, inner)
    });
    let kinds: Fields = kinds.collect();
    Some(object(&kinds))
}

fn object(fields: &Fields) -> JsonText {
    JsonText::object(fields.iter().map(|(name, value)| (name.as_str(), value)))
}

/// The fields with `null` in place of what `take` was given.
fn outline(at: &str, fields: Fields, take: &mut impl FnMut(&str, &JsonText)) -> Fields {
    let fields = fields.into_iter().map(|(name, value)| {
        if value.as_str().len() <= LARGE_VALUE_BYTES {
            return (name, value);
        }
        let pointer = format!("{at}/{name}");
        let value = match value.fields() {
            Some(inner) if CONTAINERS.contains(&name.as_str()) => {
                object(&outline(&pointer, inner, take))
            }
            _ => {
                take(&pointer, &value);
                JsonText::null()
            }
        };
        (name, value)
    });
    fields.collect()
}

/// The fields with the values back in their places.
fn fill(at: &str, fields: Fields, values: &BTreeMap<String, JsonText>) -> Fields {
    let fields = fields.into_iter().map(|(name, value)| {
        let pointer = format!("{at}/{name}");
        let value = match (values.get(&pointer), value.fields()) {
            (Some(found), _) => found.clone(),
            (None, Some(inner)) if CONTAINERS.contains(&name.as_str()) => {
                object(&fill(&pointer, inner, values))
            }
            (None, _) => value,
        };
        (name, value)
    });
    fields.collect()
}

/// Reads the large values of one run, each one once.
pub(super) struct Blobs<'a> {
    store: &'a dyn Store,
    run: RunId,
    known: HashMap<Digest, JsonText>,
}

impl<'a> Blobs<'a> {
    pub(super) fn new(store: &'a dyn Store, run: RunId) -> Self {
        Self {
            store,
            run,
            known: HashMap::new(),
        }
    }

    /// The entry as it was recorded.
    pub(super) async fn complete(&mut self, stored: Stored) -> Result<Entry, JournalError> {
        let Stored { v, seq, at, .. } = stored;
        let run = self.run;
        let malformed = |reason: String| JournalError::Malformed { run, reason };
        let event = match (stored.event, stored.outline) {
            (Some(event), _) => event,
            (None, Some(outline)) => {
                let mut values = BTreeMap::new();
                for (pointer, reference) in stored.blobs {
                    values.insert(pointer, self.value(reference).await?);
                }
                let whole = kinds(&outline, |kind, fields| {
                    object(&fill(&format!("/{kind}"), fields, &values))
                });
                let whole = whole.unwrap_or(outline);
                serde_json::from_str(whole.as_str()).map_err(|e| malformed(e.to_string()))?
            }
            (None, None) => return Err(malformed(format!("entry {seq} has no event"))),
        };
        Ok(Entry { v, seq, at, event })
    }

    async fn value(&mut self, reference: Reference) -> Result<JsonText, JournalError> {
        if let Some(value) = self.known.get(&reference.digest) {
            return Ok(value.clone());
        }
        let lost = |problem| JournalError::Blob {
            run: self.run,
            digest: reference.digest,
            bytes: reference.bytes,
            problem,
        };
        let key = keys::blob(self.run, &reference.digest);
        let bytes = match self.store.get(&key).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(lost("missing")),
            Err(StoreError::Damaged(_)) => return Err(lost("damaged")),
            Err(error) => return Err(error.into()),
        };
        if Digest::of(&bytes) != reference.digest {
            return Err(lost("not what was written"));
        }
        let text = String::from_utf8(bytes).map_err(|_| lost("not text"))?;
        let value = JsonText::parse_owned(text).map_err(|_| lost("not JSON"))?;
        self.known.insert(reference.digest, value.clone());
        Ok(value)
    }
}
