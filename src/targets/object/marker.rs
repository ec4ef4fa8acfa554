//! The object that makes a dump count: written last, never over another one.

use super::super::error::TargetError;
use super::super::site::Site;
use super::create::New;
use super::session::Session;
use crate::store::{Action, AnswerKind, StoreError};

/// Writes the marker `name`.
///
/// # Errors
/// [`TargetError::Taken`] when there is one that is not ours; [`TargetError::Unclear`] when the store
/// no longer says whether it has it.
pub(super) fn publish(
    session: &Session,
    site: &Site,
    name: &str,
    content: &[u8],
) -> Result<(), TargetError> {
    match session.wait_through(session.put_new(name, content)) {
        Ok(New::Written) => Ok(()),
        Ok(New::Taken) => Err(TargetError::Taken {
            target: site.target.clone(),
            path: session.store.place(name).into(),
        }),
        // The answer to a marker that was written may be the one that was lost.
        Err(error) if may_be_written(&error) => Err(TargetError::Unclear {
            target: site.target.clone(),
            place: session.store.place(name),
            source: error,
        }),
        Err(error) => Err(TargetError::store(&site.target, error)),
    }
}

/// Whether the request may have had its effect all the same.
fn may_be_written(error: &StoreError) -> bool {
    match error {
        StoreError::Interrupted => true,
        // It could not be read back.
        StoreError::Request {
            action: Action::Read,
            ..
        } => true,
        StoreError::Request { source, .. } => source.kind == AnswerKind::NoAnswer,
        _ => false,
    }
}

/// Removes what was written, unless a marker may stand for it.
pub(super) fn give_up(session: &Session, error: &TargetError) {
    if matches!(error, TargetError::Unclear { .. }) {
        tracing::warn!("what was written stays: its manifest may be there");
    } else {
        session.discard();
    }
}
