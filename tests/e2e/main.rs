//! The program itself, against a real engine and real Compose: what a user types, gets, and finds.
//!
//! Nothing here links the library, but `databases` for what loads an export. Every test makes a project of its own and removes what it made, so
//! that they can run at the same time, also on an engine that others use.
#![allow(clippy::unwrap_used)]

mod azure;
mod bad_input;
mod broken_disk;
mod changing;
mod compose_versions;
mod database;
mod databases;
mod deep;
mod everything;
mod examples;
mod exports;
mod fidelity;
mod flips;
mod half_restored;
mod holding;
mod hooks;
mod interrupted;
mod jobs;
mod keeping;
mod killed;
mod left_alone;
mod locked;
mod many_files;
mod object_stores;
mod odd_volumes;
mod permissions;
mod plans;
mod predecessor;
mod restore;
mod restore_options;
mod restore_parts;
mod several_targets;
mod side_by_side;
mod stirred;
mod stopping;
mod stored;
mod support;
mod survivals;
mod verified;
mod whole_project;
