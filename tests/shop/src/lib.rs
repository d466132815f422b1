//! A stand-in shop world for the demo, the tests and the benchmark: a CRM and an ERP
//! over real HTTP, switches that make them slow, busy, broken or silent, and a ledger
//! of everything that reached them, by idempotency key.
//!
//! It is part of what the benchmark measures on the same cores, so it keeps a request
//! cheap: one short lock for the ledger, one for the switches, nothing is printed.

pub mod chaos;
mod control;
mod crm;
mod cut;
pub mod demo;
mod erp;
mod exchange;
pub mod ledger;
mod rfc3339;
pub mod server;
pub mod switches;

pub use ledger::{Call, Invoice, Ledger};
pub use server::{Shop, ShopHandle, ShopOptions};
pub use switches::{Route, Rule, Silence, Switches};
