//! Ends an attempt: takes back what it did, or removes what is old. Done by the attempt itself, and by a later
//! run for one that was killed; as often as it takes.

use super::ContentError;
use super::hidden::{After, Hidden};
use super::moves::Moves;
use super::place::{Place, Token};

/// What becomes of an attempt that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// The old content comes back: not everything had changed places.
    Undo,
    /// The new content stays: everything had changed places, of every member.
    Keep,
}

/// Settles what an attempt has left in a place. Nothing there is fine.
///
/// An attempt of which the old content was being removed already is kept in any case.
///
/// # Errors
/// When a rename cannot be taken back, or something cannot be removed; it may be tried again.
pub fn settle(place: &Place, token: &Token, how: Settle) -> Result<(), ContentError> {
    match (Hidden::open(place, token)?, how) {
        (None, _) => Ok(()),
        (Some(hidden), Settle::Undo) => undo(&hidden),
        (Some(hidden), Settle::Keep) => keep(&hidden),
    }
}

pub(super) fn undo(hidden: &Hidden) -> Result<(), ContentError> {
    if Moves::were_kept(hidden) {
        return hidden.remove(After::AsItIs);
    }
    if let Some(moves) = Moves::open(hidden)? {
        moves.undo()?;
        hidden.sync()?;
    }
    hidden.check_nothing_old()?;
    hidden.remove(After::AsItWas)
}

/// Keeps what this process has swapped itself, so that its list must be there.
pub(super) fn keep_own(hidden: &Hidden) -> Result<(), ContentError> {
    match Moves::open(hidden)? {
        Some(moves) => moves.keep()?,
        None => {
            return Err(ContentError::TakenBack {
                folder: hidden.path.clone(),
            });
        }
    }
    hidden.remove(After::AsItIs)
}

fn keep(hidden: &Hidden) -> Result<(), ContentError> {
    if let Some(moves) = Moves::open(hidden)? {
        moves.keep()?;
    }
    hidden.remove(After::AsItIs)
}
