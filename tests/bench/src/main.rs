//! Measures what Dowel promises about speed.

fn main() {}
