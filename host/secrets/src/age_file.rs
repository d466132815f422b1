//! An encrypted file in the age format (age-encryption.org/v1), with X25519 recipients
//! and armour, which the program `age` reads as well.

use crate::content::{Content, Overlap};
use crate::{Error, unreadable};
use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use dowel_core::Timestamp;
use dowel_core::port::{Clock, Secret, SecretError};
use dowel_core::secret::AgeSource;
use parking_lot::Mutex;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The largest encrypted file, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Only the user of the host reads and writes.
const PRIVATE: u32 = 0o600;

/// Everybody but the user.
const OTHERS: u32 = 0o077;

/// An encrypted file with secrets.
pub struct AgeFile {
    file: PathBuf,
    identity: PathBuf,
    recipients: Vec<Recipient>,
    clock: Arc<dyn Clock>,
    /// What was read last, for as long as the file is the same.
    read: Mutex<Option<(Stamp, Arc<Content>)>>,
}

/// Tells one state of a file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(data: &fs::Metadata) -> Self {
        Self {
            inode: data.ino(),
            bytes: data.len(),
            changed: (data.mtime(), data.mtime_nsec()),
        }
    }
}

/// What the file keeps under one name, without any value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The name.
    pub name: String,
    /// Since when the newest value is valid.
    pub since: Timestamp,
    /// When the values before it end.
    pub ends: Vec<Timestamp>,
}

impl AgeFile {
    pub(crate) fn new(
        source: &AgeSource,
        base: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let recipients = source.recipients.iter().map(|text| {
            text.parse::<Recipient>().map_err(|reason| Error::Source {
                key: "age.recipients",
                reason: format!("`{text}` is no recipient such as age1…: {reason}"),
            })
        });
        Ok(Self {
            file: base.join(&source.file),
            identity: base.join(&source.identity_file),
            recipients: recipients.collect::<Result<_, _>>()?,
            clock,
            read: Mutex::new(None),
        })
    }

    /// Where the encrypted file is.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Where the identity is.
    pub fn identity_path(&self) -> &Path {
        &self.identity
    }

    /// Makes the identity and an empty encrypted file where they are missing. Returns what
    /// the identity is known by to others, `age1…`.
    ///
    /// # Errors
    /// One of them cannot be read or written.
    pub fn init(&self) -> Result<String, Error> {
        if !self.identity.exists() {
            let identity = Identity::generate();
            let text = Zeroizing::new(format!(
                "# public key: {}\n{}\n",
                identity.to_public(),
                identity.to_string().expose_secret()
            ));
            write_new(&self.identity, text.as_bytes())
                .map_err(|error| wrong(&self.identity, error.kind().to_string()))?;
        }
        let public = self.open_identity()?.to_public().to_string();
        if !self.file.exists() {
            self.change(|_, _| Ok(()))?;
        }
        self.content()?;
        Ok(public)
    }

    /// The values of a secret that are valid now, the newest first; none if the file does
    /// not keep it.
    pub(crate) fn values(&self, name: &str) -> Result<Option<Vec<Secret>>, SecretError> {
        let content = self.content();
        let content = content.map_err(|error| unreadable(name, error.to_string()))?;
        let valid = content.valid(name, self.clock.now());
        let values: Vec<Secret> = valid.map(|value| Secret::new(value.expose())).collect();
        Ok((!values.is_empty()).then_some(values))
    }

    /// What the file keeps, by name.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn list(&self) -> Result<Vec<Kept>, Error> {
        let (content, now) = (self.content()?, self.clock.now());
        let kept = content.names().filter_map(|name| {
            let mut values = content.valid(name, now);
            let newest = values.next()?;
            Some(Kept {
                name: name.to_owned(),
                since: newest.since,
                ends: values.filter_map(|value| value.until).collect(),
            })
        });
        Ok(kept.collect())
    }

    /// Gives a secret a value. What was valid before ends at once, or after the overlap.
    ///
    /// # Errors
    /// The value or the name is none, or the file cannot be read or written.
    pub fn put(&self, name: &str, value: &Secret, overlap: Overlap) -> Result<(), Error> {
        self.change(|content, now| content.put(name, value.expose(), overlap, now))
    }

    /// Gives a secret that is there another value.
    ///
    /// # Errors
    /// As [`Self::put`], and where there is no such secret.
    pub fn rotate(&self, name: &str, value: &Secret, overlap: Overlap) -> Result<(), Error> {
        self.change(|content, now| {
            if content.valid(name, now).next().is_none() {
                return Err(Error::Missing(name.to_owned()));
            }
            content.put(name, value.expose(), overlap, now)
        })
    }

    /// Forgets a secret.
    ///
    /// # Errors
    /// There is none, or the file cannot be read or written.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        self.change(|content, _| match content.remove(name) {
            true => Ok(()),
            false => Err(Error::Missing(name.to_owned())),
        })
    }

    fn content(&self) -> Result<Arc<Content>, Error> {
        let data = fs::metadata(&self.file);
        let data = data.map_err(|error| wrong(&self.file, error.kind().to_string()))?;
        let stamp = Stamp::of(&data);
        let mut read = self.read.lock();
        if let Some((known, content)) = &*read
            && *known == stamp
        {
            return Ok(Arc::clone(content));
        }
        let content = Arc::new(self.open()?);
        *read = Some((stamp, Arc::clone(&content)));
        Ok(content)
    }

    fn open(&self) -> Result<Content, Error> {
        let wrong = |reason: String| wrong(&self.file, reason);
        let file = File::open(&self.file).map_err(|e| wrong(e.kind().to_string()))?;
        let reader = ArmoredReader::new(file.take(MAX_FILE_BYTES));
        let decryptor = age::Decryptor::new_buffered(std::io::BufReader::new(reader))
            .map_err(|_| wrong("it is not in the age format".to_owned()))?;
        let identity = self.open_identity()?;
        let mut plain = decryptor
            .decrypt(std::iter::once(&identity as &dyn age::Identity))
            .map_err(|_| {
                let identity = self.identity.display();
                wrong(format!("the identity in {identity} does not open it"))
            })?;
        let mut text = Zeroizing::new(Vec::new());
        plain
            .read_to_end(&mut text)
            .map_err(|_| wrong("it is damaged".to_owned()))?;
        Content::parse(&text).map_err(|reason| wrong(reason.to_owned()))
    }

    /// The identity file is one that nobody else can read.
    fn open_identity(&self) -> Result<Identity, Error> {
        let wrong = |reason: &str| wrong(&self.identity, reason.to_owned());
        let data = fs::metadata(&self.identity);
        let data = data.map_err(|error| wrong(&error.kind().to_string()))?;
        if data.mode() & OTHERS != 0 {
            return Err(wrong("others may read the identity; `chmod 600` it"));
        }
        let text = fs::read_to_string(&self.identity);
        let text = Zeroizing::new(text.map_err(|error| wrong(&error.kind().to_string()))?);
        let lines = text.lines().map(str::trim);
        let mut keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let key = keys.next().and_then(|line| line.parse().ok());
        key.ok_or_else(|| wrong("it holds no identity AGE-SECRET-KEY-1…"))
    }

    /// Changes the file as a whole: who reads it sees the state before or the one after.
    fn change(
        &self,
        change: impl FnOnce(&mut Content, Timestamp) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let failed = |error: std::io::Error| wrong(&self.file, error.kind().to_string());
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(PRIVATE)
            .open(beside(&self.file, "lock"))
            .map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut content = match self.file.exists() {
            true => self.open()?,
            false => Content::default(),
        };
        change(&mut content, self.clock.now())?;
        let bytes = self.encrypt(&content)?;
        let new = beside(&self.file, "new");
        // A new file that was left behind by a crash is nobody's.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        write_new(&new, &bytes).map_err(failed)?;
        fs::rename(&new, &self.file).map_err(failed)?;
        let folder = self
            .file
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(failed)?;
        folder.sync_all().map_err(failed)
    }

    fn encrypt(&self, content: &Content) -> Result<Vec<u8>, Error> {
        let own = self.open_identity()?.to_public();
        let all = std::iter::once(&own).chain(&self.recipients);
        let all = all.map(|recipient| recipient as &dyn age::Recipient);
        let failed = |reason: String| wrong(&self.file, reason);
        let encryptor =
            age::Encryptor::with_recipients(all).map_err(|error| failed(error.to_string()))?;
        let mut bytes = Vec::new();
        let write = || -> std::io::Result<()> {
            let armour = ArmoredWriter::wrap_output(&mut bytes, Format::AsciiArmor)?;
            let mut writer = encryptor.wrap_output(armour)?;
            writer.write_all(&content.text())?;
            writer.finish()?.finish()?;
            Ok(())
        };
        write().map_err(|error| failed(error.to_string()))?;
        Ok(bytes)
    }
}

/// `secrets.age` has `secrets.age.new` beside it.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    name.into()
}

/// A file that was not there, on disk when this returns.
fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(PRIVATE)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn wrong(path: &Path, reason: String) -> Error {
    Error::AgeFile {
        place: path.display().to_string(),
        reason,
    }
}
