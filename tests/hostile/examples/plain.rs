//! A program that is a component, but no connector.

fn main() {}
