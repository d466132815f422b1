//! The language from the outside: files in, plans or findings out.

#![allow(
    clippy::unwrap_used,
    reason = "the helpers of tests may panic as tests do"
)]

mod bad;
mod calendar;
mod changes;
mod contract;
mod environment;
mod flow_tests;
mod fuzz;
mod good;
mod lint;
mod picture;
mod policy;
mod reference;
mod repository;
mod schema;
mod support;
mod validate;
