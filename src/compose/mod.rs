//! Loads Compose projects: which services, volumes and host files there are, as plain data.
//!
//! [`load()`] is a function of its [`LoadOptions`] and the file system. It is tolerant where a backup
//! must go on: unknown keys are no error, and what cannot be resolved is a [`Warning`].
//!
//! In the order of the data's way: `discover` finds files and variables (`env`, `dotenv`); `session`
//! reads files, `crate::yaml` makes nodes of them; `findings` collects what is noted on the way; `layers` puts them on one another (`interpolate` with
//! `template`, `tags`, `include`, `extends`, `merge`, `unicity`); `services`, `volumes` and
//! `resources` read the finished model with `read`, and note every file that it names.
//!
//! It does not know the engine: what really exists there is reconciled later, and the engine wins.

mod build;
mod discover;
mod dotenv;
mod env;
mod error;
mod extends;
mod files;
mod findings;
mod include;
mod interpolate;
mod layers;
mod load;
mod merge;
mod model;
mod mounts;
mod path;
mod project_name;
mod read;
mod resources;
mod service_mounts;
mod services;
mod session;
mod tags;
mod template;
mod top_level;
mod unicity;
mod volumes;

pub(crate) use discover::{DEFAULT_FILES, DEFAULT_OVERRIDES};
pub use error::LoadError;
pub use load::load;
pub use model::{
    Build, BuildSource, Condition, LoadOptions, Mount, MountKind, MountSource, Project, Reference,
    Role, Service, Volume, VolumesFrom, Warning,
};
pub(crate) use path::clean;
pub(crate) use project_name::{NAME_VARIABLE, of_folder as name_of_folder};
