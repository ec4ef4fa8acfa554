//! A dump's name in a store, taken before anything is read, which is also the proof that the store can
//! be written.
//!
//! A small hidden object stands for a dump that is being written: whoever creates it has the name.
//! Stores that replace objects whatever is asked are found out here, and get names that nobody else
//! has.

use std::hash::{BuildHasher, Hasher, RandomState};

use jiff::Timestamp;

use super::super::dumps::{MARKER_EXTENSION, numbered};
use super::super::error::TargetError;
use super::super::hidden::hidden;
use super::create::New;
use super::session::Session;
use crate::codecs::Codec;
use crate::store::StoreError;

/// A name that is ours.
#[derive(Debug)]
pub(super) struct Claim {
    /// The dump's name.
    pub(super) dump: String,
    /// The object that stands for it.
    object: String,
}

impl Claim {
    /// Takes the first name that is free: `dump`, `dump_2`, ...
    ///
    /// # Errors
    /// When the store cannot be listed, read or written, and when its clock is another than ours.
    pub(super) fn take(session: &Session, target: &str, dump: &str) -> Result<Self, TargetError> {
        let failed = |error| TargetError::store(target, error);
        let claim = session.wait(first_free(session, dump)).map_err(failed)?;
        super::check_clock(target, &session.store)?;
        Ok(claim)
    }

    /// Whether anything of a dump of that name, but our claim, is there.
    pub(super) async fn is_taken(session: &Session, dump: &str) -> Result<bool, StoreError> {
        // First a list: its answer has a body, in which a store says what is wrong.
        if session.has_below(dump).await? {
            return Ok(true);
        }
        let extensions = Codec::tar_extensions().chain([MARKER_EXTENSION]);
        for extension in extensions {
            let name = format!("{dump}{extension}");
            if session.store.pin(&name).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives the name back when the dump is published. It does no harm where it cannot be removed.
    pub(super) fn release(&self, session: &Session) {
        if let Err(error) = session.wait(session.store.delete(&self.object)) {
            tracing::info!(
                error = &error as &dyn std::error::Error,
                "the object that stood for the unfinished dump stays"
            );
        }
    }
}

async fn first_free(session: &Session, dump: &str) -> Result<Claim, StoreError> {
    let mut number = 1;
    loop {
        let name = numbered(dump, number);
        if let Some(claim) = try_name(session, &name).await? {
            return Ok(claim);
        }
        number += 1;
    }
}

/// The name, if it is free.
async fn try_name(session: &Session, dump: &str) -> Result<Option<Claim>, StoreError> {
    if Claim::is_taken(session, dump).await? {
        return Ok(None);
    }
    let object = hidden(dump);
    let ours = format!("{} {:016x}\n", Timestamp::now(), random());
    session.note_object(&object);
    let written = session.put_new(&object, ours.as_bytes()).await;
    match written {
        Ok(New::Written) => {}
        Ok(New::Taken) => {
            session.forget_object(&object);
            return Ok(None);
        }
        Err(error) => {
            // What was refused is not there, and need not be removed.
            if !error.is_transient() {
                session.forget_object(&object);
            }
            return Err(error);
        }
    }
    // The same name once more, with another content.
    let again = session.put_new(&object, b"probe\n").await?;
    if again == New::Taken && session.refuses_to_replace() {
        let dump = dump.to_owned();
        return Ok(Some(Claim { dump, object }));
    }
    session.replaces_objects();
    session.store.delete(&object).await?;
    let dump = format!("{dump}_{:08x}", random() >> 32);
    let object = hidden(&dump);
    session.note_object(&object);
    session.put_new(&object, ours.as_bytes()).await?;
    Ok(Some(Claim { dump, object }))
}

/// The standard library's hash keys are random.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
