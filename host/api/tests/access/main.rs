//! Who may do what over the admin listener.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod decisions;
mod devices;
mod every_route;
mod first_start;
mod oidc;
mod people;
mod policy;
mod reach;
mod repeats;
mod sessions;
mod support;
mod tokens;
