//! The form of a backup.

use super::MAGIC;
use dowel_core::Digest;
use dowel_core::code::{self, Code};
use dowel_core::port::Write;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};

/// The largest content of a frame. A page of the store with the largest values that a host
/// takes is far below it; a length above it is damage, not a reason to ask for memory.
const MAX_FRAME_BYTES: u32 = 1 << 31;

const DIGEST_BYTES: usize = 32;

/// What a frame holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// A file of the data folder that is not in the store.
    File {
        /// Its name, without folders.
        name: String,
        /// Its contents.
        bytes: Vec<u8>,
    },
    /// Writes, in order.
    Writes(Vec<Write>),
    /// The last frame.
    End(Counts),
}

/// What is in a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Writes; a key may have several.
    pub writes: u64,
    /// Files.
    pub files: u64,
}

/// Why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It ends too early, or a part of it was changed.
    #[error("the backup is not whole: {0}")]
    Damaged(&'static str),
    /// It cannot be read.
    #[error("the backup cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl BackupError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        code::store::BACKUP_DAMAGED
    }
}

const FILE: u8 = b'F';
const WRITES: u8 = b'W';
const END: u8 = b'E';
const PUT: u8 = b'P';
const DELETE: u8 = b'D';

/// Makes the bytes of a backup.
#[derive(Default)]
pub struct Writer {
    chain: Vec<u8>,
    counts: Counts,
}

impl Writer {
    /// The bytes of a frame; the first one begins with the magic.
    pub fn frame(&mut self, frame: &Frame) -> Vec<u8> {
        let content = match frame {
            Frame::File { name, bytes } => {
                self.counts.files += 1;
                let mut content = vec![FILE];
                put_bytes(&mut content, name.as_bytes());
                put_bytes(&mut content, bytes);
                content
            }
            Frame::Writes(writes) => {
                self.counts.writes += writes.len() as u64;
                let mut content = vec![WRITES];
                for write in writes {
                    match write {
                        Write::Put(key, value) => {
                            content.push(PUT);
                            put_bytes(&mut content, key);
                            put_bytes(&mut content, value);
                        }
                        Write::Delete(key) => {
                            content.push(DELETE);
                            put_bytes(&mut content, key);
                        }
                    }
                }
                content
            }
            Frame::End(counts) => {
                let mut content = vec![END];
                content.extend_from_slice(&counts.writes.to_le_bytes());
                content.extend_from_slice(&counts.files.to_le_bytes());
                content
            }
        };
        self.chained(&content)
    }

    /// The bytes of the last frame.
    pub fn end(&mut self) -> Vec<u8> {
        self.frame(&Frame::End(self.counts))
    }

    fn chained(&mut self, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(MAGIC.len() + 4 + content.len() + DIGEST_BYTES);
        if self.chain.is_empty() {
            out.extend_from_slice(MAGIC);
        }
        put_length(&mut out, content.len());
        out.extend_from_slice(content);
        self.chain = link(&self.chain, content);
        out.extend_from_slice(&self.chain);
        out
    }
}

/// The digest of a frame: over the one before it and the content.
fn link(before: &[u8], content: &[u8]) -> Vec<u8> {
    let text = [before, content].concat();
    Digest::of(&text).bytes().to_vec()
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    // Values and keys are bounded far below 4 GiB.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Reads a backup and checks it on the way.
pub struct Reader<R> {
    source: R,
    chain: Vec<u8>,
    counts: Counts,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the beginning.
    pub fn open(mut source: R) -> Result<Self, BackupError> {
        let mut magic = [0; MAGIC.len()];
        fill(&mut source, &mut magic)?;
        if magic != *MAGIC {
            return Err(BackupError::Damaged(
                "it does not begin as a backup of this version",
            ));
        }
        Ok(Self {
            source,
            chain: Vec::new(),
            counts: Counts::default(),
            ended: false,
        })
    }

    /// The next frame; the last one is [`Frame::End`], after which there is nothing.
    pub fn frame(&mut self) -> Result<Option<Frame>, BackupError> {
        if self.ended {
            return match self.source.read(&mut [0])? {
                0 => Ok(None),
                _ => Err(BackupError::Damaged("something follows its end")),
            };
        }
        let mut length = [0; 4];
        fill(&mut self.source, &mut length)?;
        let length = u32::from_le_bytes(length);
        if length > MAX_FRAME_BYTES {
            return Err(BackupError::Damaged("a length in it is impossible"));
        }
        let mut content = Vec::new();
        let read = self
            .source
            .by_ref()
            .take(u64::from(length))
            .read_to_end(&mut content)?;
        let mut digest = [0; DIGEST_BYTES];
        if read < length as usize {
            return Err(BackupError::Damaged("it ends in the middle"));
        }
        fill(&mut self.source, &mut digest)?;
        self.chain = link(&self.chain, &content);
        if self.chain != digest {
            return Err(BackupError::Damaged("a digest does not match"));
        }
        let frame = parse(&content).ok_or(BackupError::Damaged("a part has an unknown form"))?;
        match &frame {
            Frame::File { .. } => self.counts.files += 1,
            Frame::Writes(writes) => self.counts.writes += writes.len() as u64,
            Frame::End(counts) if *counts == self.counts => self.ended = true,
            Frame::End(_) => return Err(BackupError::Damaged("its counts do not match")),
        }
        Ok(Some(frame))
    }
}

fn fill(source: &mut impl Read, buffer: &mut [u8]) -> Result<(), BackupError> {
    source.read_exact(buffer).map_err(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            BackupError::Damaged("it ends before its last part")
        } else {
            BackupError::Io(error)
        }
    })
}

fn parse(content: &[u8]) -> Option<Frame> {
    let (kind, mut rest) = content.split_first()?;
    match *kind {
        FILE => {
            let name = String::from_utf8(take_bytes(&mut rest)?).ok()?;
            let bytes = take_bytes(&mut rest)?;
            rest.is_empty().then_some(Frame::File { name, bytes })
        }
        WRITES => {
            let mut writes = Vec::new();
            while let Some((kind, after)) = rest.split_first() {
                rest = after;
                let key = take_bytes(&mut rest)?;
                writes.push(match *kind {
                    PUT => Write::Put(key, take_bytes(&mut rest)?),
                    DELETE => Write::Delete(key),
                    _ => return None,
                });
            }
            Some(Frame::Writes(writes))
        }
        END => {
            let (writes, files) = rest.split_first_chunk::<8>()?;
            Some(Frame::End(Counts {
                writes: u64::from_le_bytes(*writes),
                files: u64::from_le_bytes(files.try_into().ok()?),
            }))
        }
        _ => None,
    }
}

fn take_bytes(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let bytes = after.get(..length)?.to_vec();
    *rest = &after[length..];
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Vec<Frame>, Vec<u8>) {
        let frames = vec![
            Frame::File {
                name: "connector-1.wasm".to_owned(),
                bytes: vec![7; 300],
            },
            Frame::Writes(vec![
                Write::Put(b"a".to_vec(), vec![1; 70_000]),
                Write::Delete(b"b".to_vec()),
                Write::Put(Vec::new(), Vec::new()),
            ]),
            Frame::Writes(vec![]),
        ];
        let mut writer = Writer::default();
        let mut bytes: Vec<u8> = frames
            .iter()
            .flat_map(|frame| writer.frame(frame))
            .collect();
        bytes.extend(writer.end());
        (frames, bytes)
    }

    fn read(bytes: &[u8]) -> Result<Vec<Frame>, BackupError> {
        let mut reader = Reader::open(bytes)?;
        let mut frames = Vec::new();
        while let Some(frame) = reader.frame()? {
            frames.push(frame);
        }
        Ok(frames)
    }

    #[test]
    fn frames_come_back_with_their_counts() {
        let (mut frames, bytes) = sample();
        let (writes, files) = (3, 1);
        frames.push(Frame::End(Counts { writes, files }));
        assert_eq!(read(&bytes).unwrap(), frames);
    }

    #[test]
    fn a_cut_or_changed_backup_is_noticed() {
        let (_, bytes) = sample();
        for length in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
            assert!(read(&bytes[..length]).is_err(), "cut at {length}");
        }
        for place in (0..bytes.len()).step_by(101) {
            let mut changed = bytes.clone();
            changed[place] ^= 4;
            assert!(read(&changed).is_err(), "changed at {place}");
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert!(read(&longer).is_err());
    }
}
