//! The real program against the stand-in shop, over real HTTP, on a real disk.

// The lint knows test functions, not the helpers beside them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod approvals;
mod backup;
mod blobs;
mod bulk;
mod canaries;
mod canary;
mod cases;
mod changes;
mod connector_tools;
mod crash;
mod desk;
mod desk_pages;
mod flow_records;
mod flow_tests;
mod four_eyes;
mod from_openapi;
mod gitops;
mod http;
mod nginx;
mod plans;
mod poll;
mod quarantine;
mod receive;
mod registry;
mod replay;
mod restart;
mod signed;
mod subflow;
mod syscalls;
mod telemetry;
mod top;
mod traces;
mod traces_grpc;
mod upgrade;
mod world;
