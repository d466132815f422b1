//! Hostile guests against a real host and real servers on loopback. After each misdeed
//! the same host has to serve a good call.

// The lint knows test functions, not the helpers beside them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod egress;
mod evidence;
mod floods;
mod http2;
mod loading;
mod oauth;
mod receivers;
mod sandbox;
mod support;
mod tls;
