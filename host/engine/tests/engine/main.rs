//! The engine whole, with a virtual clock, a store in memory and scripted connectors.

// The lint knows test functions, not the helpers beside them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod approve;
mod audit_chain;
mod blobs;
mod blocks;
mod bulk;
mod bulk_cost;
mod crash;
mod desk;
mod desk_nested;
mod diagram;
mod events;
mod fixtures;
mod four_eyes;
mod full_disk;
mod health;
mod intake;
mod kept;
mod key_lines;
mod leases;
mod once;
mod outcome;
mod pages;
mod plan_fixtures;
mod poll;
mod properties;
mod protect;
mod quarantine;
mod receive;
mod receive_races;
mod retention;
mod rollout;
mod run;
mod run_lists;
mod saga;
mod saga_crash;
mod schedule;
mod sensitive;
mod subflow;
mod subflow_crash;
mod support;
mod switches;
mod switching;
mod timeouts;
