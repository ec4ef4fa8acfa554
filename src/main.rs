//! compose-dump
fn main() {}
