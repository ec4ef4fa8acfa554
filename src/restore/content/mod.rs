//! Content on its way back: into folders of this machine, into volumes behind the engine's API, into a folder
//! of the user's choice, and beside what it is compared with.
//!
//! Everything is staged first and changes places by renames; see `docs/adr/0010-restoring.md`. What comes are the
//! calls of [`TarVisitor`](crate::archive::tar::TarVisitor), as [`Dump::read_members`](crate::stored::Dump::read_members)
//! hands them over; it knows neither plans nor Compose.

mod admission;
mod below;
mod differences;
mod error;
mod folder_times;
mod hidden;
mod listing;
mod made;
mod moves;
mod newcomers;
mod order;
mod others;
mod place;
mod project;
mod readback;
mod settle;
mod stage;
#[cfg(test)]
mod tests;
mod upload;
mod whole;

pub use admission::Admission;
pub use below::Below;
pub use differences::{Difference, Differences};
pub use error::ContentError;
pub use listing::{Deviation, Kept, Listed, Listing, compare};
pub use others::find_other;
pub use place::{Place, PlaceState, Token};
pub use project::{StagedFiles, Swapped};
pub use readback::{ReadBackError, read_back_folder, read_back_stream};
pub use settle::{Settle, settle};
pub use stage::{Stage, StageOptions};
pub use upload::VolumeUpload;
pub use whole::StagedFolder;
