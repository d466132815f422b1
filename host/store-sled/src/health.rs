//! Fail-stop: once the store cannot be trusted, every call fails with the first reason.

use dowel_core::port::StoreError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// Why a read or a group of writes broke off. Any of these ends the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("sled: {0}")]
    Sled(#[from] sled::Error),
    #[error("{action}: {source}")]
    Io {
        action: &'static str,
        source: std::io::Error,
    },
    #[error("the value file {0} is missing or damaged")]
    Value(String),
    #[error("an entry of the tree has a form that this version does not know")]
    Form,
    #[error("it was cancelled")]
    Cancelled,
    #[error("sled broke off in the middle of its work")]
    Panic,
}

impl Fault {
    pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}

#[derive(Default)]
pub(crate) struct Health(OnceLock<Arc<str>>);

impl Health {
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match self.0.get() {
            None => Ok(()),
            Some(reason) => Err(StoreError::Failed(Arc::clone(reason))),
        }
    }

    /// The error of a store that has stopped.
    pub(crate) fn error(&self) -> StoreError {
        StoreError::Failed(
            self.0
                .get()
                .map_or_else(|| "the store has stopped".into(), Arc::clone),
        )
    }

    /// The first reason stays.
    pub(crate) fn fail(&self, reason: &str) {
        let _ = self.0.set(reason.into());
    }

    /// Runs a read; a fault, or a panic inside sled, ends the store. A file of one value
    /// that is gone or changed says nothing about others.
    pub(crate) fn guard<T>(
        &self,
        read: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.check()?;
        caught(read).map_err(|fault| {
            if matches!(fault, Fault::Value(_)) {
                tracing::error!(%fault, "a value cannot be read");
                return StoreError::Damaged(fault.to_string().into());
            }
            tracing::error!(%fault, "the store stops");
            self.fail(&fault.to_string());
            self.error()
        })
    }
}

/// Turns a panic, which sled raises where it finds its own structures damaged, into a
/// fault.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    // Nothing that was left half-changed is used again: the store stops.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Fault::Panic))
}
