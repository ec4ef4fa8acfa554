//! Backs up and restores Docker Compose projects as plain tar and YAML.
//!
//! The modules in the order of the data's way:
//! [`config`] → [`compose`] and [`engine`] → [`plan`] → [`sources`] → [`archive`] → [`codecs`] →
//! [`targets`], driven by [`executor`]; [`stored`] is the way back; [`store`] reaches object stores;
//! [`retention`] says which dumps stay, and [`prune`] removes the others; [`cli`] is the edge. [`init`]
//! writes the first job file of a project. `docs/design.md` is the tour.

pub mod archive;
pub mod cli;
pub mod codecs;
pub mod compose;
pub mod config;
pub mod diagnostic;
pub mod engine;
pub mod executor;
pub mod exit;
pub mod init;
pub mod plan;
pub mod prune;
pub mod retention;
pub mod secret;
pub mod sources;
pub mod store;
pub mod stored;
pub mod targets;
pub mod text;
mod yaml;
