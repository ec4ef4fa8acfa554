//! Puts dumps back: the mirror of [`crate::plan`] and [`crate::executor`].
//!
//! `look` looks at the dump, the folder and the engine once; [`plan`] makes a pure value of what was seen, which
//! `--dry-run` prints; `executor` stages everything, lets it change places, and has services run again. See
//! `docs/adr/0010-restoring.md`.

mod compose_program;
mod config_pass;
pub mod content;
mod drill;
pub mod event;
mod executor;
mod extract;
pub mod facts;
mod look;
mod model;
pub mod plan;
mod probe;
mod recover;
pub mod report;
pub mod request;
mod running;
mod unfinished;

pub use compose_program::{Called, ComposeError, ComposeProgram};
pub(crate) use drill::{DrillError, DrillReport, DrillWorld, drill};
pub use event::{Event, Reporter};
pub(crate) use executor::damage;
pub use executor::{World, restore};
pub(crate) use extract::{Extraction, ExtractionError, extract};
pub(crate) use look::{Connected, LookError, Looked, job_file, look, project_name};
pub use recover::{CutOff, has_cut_off, left_stopped, recover, start_left};
pub use report::{Changed, RestoreReport};
pub use unfinished::{SettleError, Unfinished, UnfinishedError, all_cut_off, settle_all};
