//! Reads what was restored into a list: from a folder of this machine, or from the engine's stream of a helper.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::listing::{Listed, Listing};
use crate::engine::EngineError;
use crate::sources::engine_tar::{EngineTar, EngineTarError, Relayed};
use crate::sources::walk::{self, ReadError, TakeAll, WalkError, WalkOptions};
use crate::stored::ScratchError;

/// What is called so in the engine's stream: [`crate::engine::helper::MOUNT_POINT`].
const MOUNT_NAME: &[u8] = b"data";

/// What was restored cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    /// The folder cannot be gone through.
    #[error("cannot read `{}`", crate::text::path(.folder))]
    Walk {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: WalkError,
    },
    /// Something in the folder cannot be read, or changed meanwhile.
    #[error("cannot read all of `{}`: {what}", crate::text::path(.folder))]
    Trouble {
        /// The folder.
        folder: PathBuf,
        /// The first of what cannot be read.
        what: String,
    },
    /// The engine's stream broke off.
    #[error("the engine does not send what was restored")]
    Engine(#[source] EngineError),
    /// The engine's stream is not whole.
    #[error("what the engine sends is no whole tar")]
    Tar(#[source] EngineTarError),
    /// Temporary files cannot be written.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
}

/// Lists what is in a folder.
///
/// # Errors
/// When not all of it can be read, or the list cannot be written.
pub fn read_back_folder(
    folder: &Path,
    scratch: &Path,
    mut listing: Listing,
) -> Result<Listed, ReadBackError> {
    let walk_error = |source| ReadBackError::Walk {
        folder: folder.to_owned(),
        source,
    };
    let scan = walk::scan(WalkOptions {
        root: folder,
        filter: &mut TakeAll,
        follow_symlinks: false,
        never: &[],
        one_file_system: true,
        list_dir: scratch,
        cancelled: &|| false,
        prefix: b"",
    });
    let scan = scan.map_err(walk_error)?;
    let mut what = scan.troubles().kept().first().map(ToString::to_string);
    match walk::read_ahead(scan, &mut listing) {
        Ok(report) => what = what.or(report.troubles.kept().first().map(ToString::to_string)),
        Err(ReadError::Closed(_)) => {
            if let Some(error) = listing.take_error() {
                return Err(error.into());
            }
        }
        Err(error @ (ReadError::List(_) | ReadError::Thread(_))) => what = Some(error.to_string()),
    }
    if let Some(what) = what {
        let folder = folder.to_owned();
        return Err(ReadBackError::Trouble { folder, what });
    }
    Ok(listing.finish()?)
}

/// Lists what the engine sends of a helper's mount.
///
/// # Errors
/// When the stream breaks off or is no whole tar, or the list cannot be written.
pub fn read_back_stream(
    chunks: impl Iterator<Item = Result<Bytes, EngineError>>,
    mut listing: Listing,
) -> Result<Listed, ReadBackError> {
    let mut tar = EngineTar::new(Relayed {
        sink: &mut listing,
        mount: MOUNT_NAME,
        under: b"",
        filter: None,
    });
    let mut fed = Ok(());
    for chunk in chunks {
        fed = tar.feed(&chunk.map_err(ReadBackError::Engine)?);
        if fed.is_err() {
            break;
        }
    }
    let ended = fed.and_then(|()| tar.finish().map(drop));
    match (listing.take_error(), ended) {
        (Some(error), _) => Err(error.into()),
        (None, Err(source)) => Err(ReadBackError::Tar(source)),
        (None, Ok(())) => Ok(listing.finish()?),
    }
}
