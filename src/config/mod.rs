//! What the user wants: settings in layers, names, and the identity of a project.
//!
//! Nothing here reads the project or asks the engine.

pub mod dump_name;
pub mod identity;
pub mod job_file;
pub mod layers;
pub mod presets;
pub mod scope;
pub mod settings;
pub mod size;
pub mod span;
pub mod target_arg;
