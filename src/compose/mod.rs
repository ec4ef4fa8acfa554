//! Loads Compose projects: which services, volumes and host files there are, as plain data.
//!
//! [`load`] is a function of its [`LoadOptions`] and the file system. It is tolerant where a backup
//! must go on: unknown keys are no error, and what cannot be resolved is a [`Warning`].
//!
//! It does not know the engine: what really exists there is reconciled later, and the engine wins.

mod error;
mod load;
mod model;

pub use error::LoadError;
pub use load::load;
pub use model::{
    Build, BuildSource, Condition, LoadOptions, Mount, MountKind, MountSource, Project, Reference,
    Role, Service, Volume, VolumesFrom, Warning,
};
