//! Reads objects: small ones whole, long ones as a row of ranges.
//!
//! A long answer is sure to be cut some time, so none is asked for: each range is a request of its own,
//! tried again by itself with a fresh signature. All of them are tied to the object as it was
//! when it was looked at first; one that was replaced meanwhile is an error, never a mixture.

use std::ops::Range;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};

use super::error::present;
use super::{Action, AnswerKind, Store, StoreError};

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
        Ok(present(found.await)?.map(|meta| Pinned {
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
            let got = self.objects().get_opts(&pinned.path, options).await?;
            // Not every store heeds the condition.
            if got.meta.e_tag != pinned.etag {
                return Ok(None);
            }
            got.bytes().await.map(Some)
        };
        let bytes = match self.again(Action::Read, &pinned.name, request).await {
            Err(error) if error.is(AnswerKind::Exists) => None,
            bytes => bytes?,
        };
        let bytes = bytes.ok_or_else(|| StoreError::Replaced {
            place: self.place(&pinned.name),
        })?;
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
        match present(self.again(Action::Read, name, request).await)? {
            None => Ok(None),
            Some(Ok(content)) => Ok(Some(content)),
            Some(Err(bytes)) => Err(StoreError::TooLong {
                place: self.place(name),
                bytes,
            }),
        }
    }
}
