//! The contract's `host` interface.

use super::{GuestState, log};
use crate::bindings::dowel::connector::{host, types};
use crate::bindings::v2::dowel::connector::{host as host2, types as types2};
use std::time::{SystemTime, UNIX_EPOCH};

/// Random bytes of one request, as the contract says.
const MAX_RANDOM_BYTES: u32 = 4096;

impl types::Host for GuestState {}

impl host::Host for GuestState {
    fn log(&mut self, level: host::Level, message: String, fields: String) -> wasmtime::Result<()> {
        if let Some(scope) = self.slot.get() {
            // An empty object says nothing.
            let fields = Some(fields.trim()).filter(|fields| !matches!(*fields, "" | "{}"));
            log::write(&scope, level, &message, fields);
        }
        Ok(())
    }

    fn now(&mut self) -> wasmtime::Result<u64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Ok(now.map_or(0, dowel_core::time::millis))
    }

    fn random_bytes(&mut self, n: u32) -> wasmtime::Result<Vec<u8>> {
        if n > MAX_RANDOM_BYTES {
            wasmtime::bail!("asked for {n} random bytes; {MAX_RANDOM_BYTES} is the most");
        }
        let mut bytes = vec![0; n as usize];
        getrandom::fill(&mut bytes)
            .map_err(|e| wasmtime::format_err!("the machine gives no random bytes: {e}"))?;
        Ok(bytes)
    }
}

impl types2::Host for GuestState {}

/// The same functions under the later contract.
impl host2::Host for GuestState {
    fn log(
        &mut self,
        level: host2::Level,
        message: String,
        fields: String,
    ) -> wasmtime::Result<()> {
        let level = match level {
            host2::Level::Trace => host::Level::Trace,
            host2::Level::Debug => host::Level::Debug,
            host2::Level::Info => host::Level::Info,
            host2::Level::Warn => host::Level::Warn,
            host2::Level::Error => host::Level::Error,
        };
        host::Host::log(self, level, message, fields)
    }

    fn now(&mut self) -> wasmtime::Result<u64> {
        host::Host::now(self)
    }

    fn random_bytes(&mut self, n: u32) -> wasmtime::Result<Vec<u8>> {
        host::Host::random_bytes(self, n)
    }
}
