//! Whether a place has content already.

use std::sync::Arc;

use futures_util::StreamExt;

use super::content::{Place, PlaceState, find_other};
use super::facts::Standing;
use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::tar::{TarParser, TarVisitor};
use crate::engine::helper::Helpers;
use crate::engine::{Engine, EngineError, HelperMount, Volume};
use crate::executor::chain;

/// Looks into a volume: into its folder, where it is on this machine and plain, else through a helper.
pub(super) async fn volume(engine: &Arc<dyn Engine>, volume: &Volume, is_local: bool) -> Standing {
    let folder = volume.mountpoint.as_ref();
    let is_plain = volume.driver == "local" && volume.options.is_empty();
    if let Some(folder) = folder.filter(|_| is_local && is_plain) {
        match Place::new(folder).look() {
            Ok(PlaceState::Empty) => return Standing::Empty,
            Ok(PlaceState::Filled) => return Standing::Full,
            // It is not ours to look into.
            Ok(PlaceState::Missing | PlaceState::NoFolder) | Err(_) => {}
        }
    }
    let looked = through_helper(engine, &volume.name).await;
    looked.unwrap_or_else(|error| Standing::Unusable(chain(&error)))
}

/// Looks at a folder that is to be filled as a whole; what is `carried`, by path in it, is not its own.
pub(super) fn folder(place: &Place, carried: &[Vec<u8>]) -> Standing {
    match place.look() {
        Ok(PlaceState::Missing) => Standing::Absent,
        Ok(PlaceState::Empty) => Standing::Empty,
        Ok(PlaceState::Filled) => match find_other(&place.path(), carried) {
            Ok(Some(_)) => Standing::Full,
            Ok(None) => Standing::Empty,
            Err(error) => Standing::Unusable(error.to_string()),
        },
        // A mounted file, or a link to what is mounted.
        Ok(PlaceState::NoFolder) => match std::fs::symlink_metadata(place.path()) {
            Ok(found) if found.is_file() || found.is_symlink() => Standing::Full,
            Ok(_) => Standing::Unusable("something else than a file or folder is there".to_owned()),
            Err(error) => Standing::Unusable(error.to_string()),
        },
        Err(error) => Standing::Unusable(chain(&error)),
    }
}

/// Whether the engine's stream of a volume ends after the volume's own root.
async fn through_helper(engine: &Arc<dyn Engine>, name: &str) -> Result<Standing, EngineError> {
    let helpers = Helpers::new(Arc::clone(engine));
    let helper = helpers.create(HelperMount::Volume(name.to_owned())).await?;
    let mut stream = helper.archive().await?;
    let mut parser = TarParser::new(Count::default());
    while let Some(chunk) = stream.next().await {
        if parser.feed(&chunk?).is_err() {
            break;
        }
    }
    let standing = match (parser.visitor_mut().entries, parser.has_ended()) {
        (0 | 1, true) => Standing::Empty,
        (0 | 1, false) => Standing::Unusable("the engine's stream of it breaks off".to_owned()),
        _ => Standing::Full,
    };
    // The engine removes the helper only when its stream is gone.
    drop(stream);
    helper.remove().await?;
    Ok(standing)
}

/// Counts entries, and stops at the second one: the first is the root.
#[derive(Default)]
struct Count {
    entries: u64,
}

impl TarVisitor for Count {
    fn begin(&mut self, _: &Entry, _: u64) -> Result<(), SinkClosed> {
        self.entries += 1;
        if self.entries > 1 {
            return Err(SinkClosed);
        }
        Ok(())
    }

    fn data(&mut self, _: &[u8]) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }
}
