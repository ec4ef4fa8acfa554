//! Reads objects: small ones whole, long ones as a row of ranges.
//!
//! A long answer is sure to be cut some time, so none is asked for: each range is a request of its own,
//! tried again by itself with a fresh signature. All of them are tied to the object as it was
//! when it was looked at first; one that was replaced meanwhile is an error, never a mixture.

use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};

use super::{Action, AnswerKind, Store, StoreError};

/// How often a request is made that fails for the moment, beside what the library does.
const ATTEMPTS: u32 = 6;

/// The pause before the second attempt; it doubles each time, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// An object as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// Its name below the prefix.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    path: Path,
    etag: Option<String>,
}

impl Store {
    /// Looks at an object; `None` if there is none.
    ///
    /// # Errors
    /// When the store does not say it.
    pub async fn pin(&self, name: &str) -> Result<Option<Pinned>, StoreError> {
        let path = self.path(name)?;
        let found = self.again(Action::Read, name, || self.objects().head(&path));
        Ok(there(found.await)?.map(|meta| Pinned {
            name: name.to_owned(),
            bytes: meta.size,
            etag: meta.e_tag,
            path,
        }))
    }

    /// A range of an object that was looked at.
    ///
    /// # Errors
    /// When the store does not give it, or another object has taken the place.
    pub async fn range(&self, pinned: &Pinned, range: Range<u64>) -> Result<Bytes, StoreError> {
        let wanted = range.end.saturating_sub(range.start);
        let request = || async {
            let options = GetOptions {
                range: Some(GetRange::Bounded(range.clone())),
                if_match: pinned.etag.clone(),
                ..GetOptions::default()
            };
            self.objects()
                .get_opts(&pinned.path, options)
                .await?
                .bytes()
                .await
        };
        let bytes = self.again(Action::Read, &pinned.name, request).await?;
        if bytes.len() as u64 == wanted {
            Ok(bytes)
        } else {
            Err(StoreError::Short {
                place: self.place(&pinned.name),
                wanted,
                got: bytes.len() as u64,
            })
        }
    }

    /// A small object as a whole; `None` if there is none, an error if it has more than `limit` bytes.
    ///
    /// # Errors
    /// When the store does not give it.
    pub async fn whole(&self, name: &str, limit: u64) -> Result<Option<Bytes>, StoreError> {
        let path = self.path(name)?;
        let request = || async {
            let got = self.objects().get(&path).await?;
            let bytes = got.meta.size;
            if bytes > limit {
                return Ok(Err(bytes));
            }
            Ok(Ok(got.bytes().await?))
        };
        match there(self.again(Action::Read, name, request).await)? {
            None => Ok(None),
            Some(Ok(content)) => Ok(Some(content)),
            Some(Err(bytes)) => Err(StoreError::TooLong {
                place: self.place(name),
                bytes,
            }),
        }
    }

    /// Makes a request until it succeeds, fails for good, or has failed too often.
    ///
    /// # Errors
    /// The last one.
    pub async fn again<T, R>(
        &self,
        action: Action,
        name: &str,
        mut request: impl FnMut() -> R,
    ) -> Result<T, StoreError>
    where
        R: Future<Output = object_store::Result<T>>,
    {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            let error = match request().await {
                Ok(done) => return Ok(done),
                Err(error) => self.failed(action, name, &error),
            };
            if !error.answer().is_some_and(super::Answer::is_transient) {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        let last = request().await;
        last.map_err(|error| self.failed(action, name, &error))
    }
}

/// What is not there is no error.
fn there<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.answer().map(|answer| answer.kind) {
            Some(AnswerKind::Missing) => Ok(None),
            _ => Err(error),
        },
    }
}
