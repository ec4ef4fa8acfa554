//! Backs up and restores Docker Compose projects as plain tar and YAML.
//!
//! The modules in the order of the data's way:
//! [`config`] → [`compose`] and [`engine`] → [`plan`] → [`sources`] → [`archive`] → [`codecs`] →
//! [`targets`], driven by [`executor`]; [`stored`] and [`restore`] are the way back; [`store`] reaches object
//! stores; [`retention`] says which dumps stay, and [`prune`] removes the others; [`cli`] is the edge.
//! [`state`] is what runs leave for each other on this machine, [`init`] writes the first job file of a
//! project. `docs/design.md` is the tour.

pub mod archive;
mod bridge;
pub mod cli;
pub mod codecs;
pub mod compose;
pub mod config;
mod crash;
pub mod diagnostic;
pub mod engine;
pub mod executor;
pub mod exit;
mod files;
pub mod init;
mod page;
pub mod plan;
pub mod process;
pub mod prune;
pub mod restore;
pub mod retention;
pub mod secret;
pub mod sources;
pub mod state;
pub mod store;
pub mod stored;
pub mod targets;
pub mod text;
mod yaml;
