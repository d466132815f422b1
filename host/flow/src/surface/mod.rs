//! The language as it is written: one type per map.

pub(crate) mod approve;
pub(crate) mod auth;
pub(crate) mod calendar;
pub(crate) mod environment;
pub(crate) mod flow;
pub(crate) mod lock;
pub(crate) mod policy;
pub(crate) mod receive;
pub(crate) mod secrets;
pub(crate) mod step;
pub(crate) mod test;
