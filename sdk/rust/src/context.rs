//! What an operation may use.

use crate::host::Host;
use crate::http::Http;
use crate::receiver::{Claim, Doubt};
use crate::{Blob, BlobReader, BlobWriter, Connector, Json, Level, Result, json};
use serde::Serialize;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// The most random bytes that one request may ask for, by the contract.
const MAX_RANDOM_BYTES: usize = 4096;

/// What the host tells about the call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) run_id: String,
    pub(crate) step: String,
    pub(crate) idempotency_key: String,
    pub(crate) deadline: Duration,
}

/// What one call of an operation may use: the connection's configuration, HTTP, the log,
/// time and random bytes. There is no other way out of the sandbox.
pub struct Context<C> {
    config: C,
    call: Call,
    host: Rc<dyn Host>,
    /// On the host's monotonic clock.
    ends: Duration,
}

impl<C: Connector> Context<C> {
    /// Reads the configuration and starts the clock.
    pub(crate) fn new(config: &str, call: Call, host: Rc<dyn Host>) -> Result<Self> {
        let config = json::read::config(config)?;
        let ends = host.monotonic().saturating_add(call.deadline);
        Ok(Self {
            config,
            call,
            host,
            ends,
        })
    }

    /// The connection's configuration. It holds no secrets.
    pub fn config(&self) -> &C {
        &self.config
    }

    /// HTTP through the host's gateway, which checks the address and adds credentials.
    pub fn http(&self) -> Http<'_> {
        Http::new(&*self.host, self.config.base_url(), self.ends)
    }

    /// Begins a large body that is kept beside the run's values. The connector has to say
    /// `blobs = true`, and the connection to grant them with `limits.blobs`.
    pub fn create_blob(&self) -> Result<BlobWriter<'_>> {
        BlobWriter::create(&*self.host)
    }

    /// Opens a large body of this run, or of one that it began or that began it.
    pub fn open_blob(&self, blob: &Blob) -> Result<BlobReader<'_>> {
        BlobReader::open(&*self.host, blob)
    }

    /// The run that this call belongs to.
    pub fn run_id(&self) -> &str {
        &self.call.run_id
    }

    /// The step's path in the run, such as `items[3].invoice`.
    pub fn step(&self) -> &str {
        &self.call.step
    }

    /// The same for every attempt of this step of this run. The host sends it as
    /// `Idempotency-Key`; use it where an API wants it elsewhere, such as in the body.
    pub fn idempotency_key(&self) -> &str {
        &self.call.idempotency_key
    }

    /// Whether the request that a receiver was given is genuine: the host tries every key of
    /// the webhook that is valid now. It takes events only of a request for which this has
    /// succeeded, and lets nothing out before.
    ///
    /// # Errors
    /// `unauthenticated`, with a code that says why; give it back with `?`.
    pub fn verify(&self, claim: &Claim) -> Result<()> {
        self.host.verify(claim).map_err(Doubt::error)
    }

    /// The time left for this call.
    pub fn remaining(&self) -> Duration {
        self.ends.saturating_sub(self.host.monotonic())
    }

    /// Writes to the run's log. `fields` becomes a JSON object; keep payloads and
    /// credentials out of both.
    pub fn log(&self, level: Level, message: &str, fields: impl Serialize) {
        let fields = Json::of(&fields).ok();
        let fields = fields
            .as_ref()
            .map(Json::as_str)
            .filter(|text| text.starts_with('{'));
        self.host.log(level, message, fields.unwrap_or("{}"));
    }

    /// The host's wall clock.
    pub fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.host.now())
    }

    /// Cryptographically secure random bytes.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        const {
            assert!(
                N <= MAX_RANDOM_BYTES,
                "the host gives 4096 random bytes at most"
            );
        };
        let mut bytes = [0; N];
        // The assertion above keeps the length within u32.
        let given = self.host.random_bytes(u32::try_from(N).unwrap_or(u32::MAX));
        for (to, from) in bytes.iter_mut().zip(given) {
            *to = from;
        }
        bytes
    }
}
