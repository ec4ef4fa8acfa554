//! Executes plans: the only code that changes something.
//!
//! [`dump`](dump()) is the spine. [`hold`] is the only part that changes containers, `journal` is what it
//! writes down before, and [`recover`](recover()) what is done with that when a run was killed. `fanout`
//! and `crate::bridge` are the only ones that make threads. What happens is told as [`Event`]s; what it came to
//! is a [`RunReport`].

mod command;
mod content;
mod digest;
mod draft;
mod dump;
mod event;
mod export_member;
mod fanout;
mod guard;
pub mod hold;
mod hooks;
mod index_file;
mod journal;
mod load;
mod member_report;
mod members;
mod recover;
mod report;
#[cfg(test)]
pub(crate) mod samples;
mod tree_member;
mod tree_sink;
mod volume_member;

pub use command::CommandError;
pub use draft::Run;
pub use dump::{World, dump};
pub use event::{Event, Reporter, chain};
pub use hold::watchdog::WatchdogCommand;
pub use journal::JournalError;
pub use load::{Load, LoadError, load};
pub use recover::{RecoverReport, has_journals, left_held, recover, recover_one};
pub use report::{HeldReport, MemberSummary, RunReport, TargetReport};
