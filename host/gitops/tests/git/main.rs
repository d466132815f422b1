//! Repositories that the real program `git` makes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod follow;
mod odd_trees;
mod signed;
mod support;
mod transports;
mod writing;
