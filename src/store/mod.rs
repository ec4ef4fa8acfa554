//! Object stores: how they are reached, with which credentials, and what they say.
//!
//! [`Store::open`] makes a [`Store`] of a URL, the options of a target and the environment. It reads the
//! files of credentials and asks nobody; the first request is the caller's. What is written by
//! [`crate::targets`] and read, listed and removed by others goes through the same value:
//!
//! ```no_run
//! # use compose_dump::store::{Action, Environment, Store, StoreError, StoreOptions, StoreUrl};
//! # use futures_util::TryStreamExt;
//! # async fn names() -> Result<(), Box<dyn std::error::Error>> {
//! let url = StoreUrl::parse("s3://backups/web-1")?;
//! let store = Store::open(&url, &StoreOptions::default(), &Environment::of_process())?;
//! let list = || store.objects().list(Some(store.root())).try_collect::<Vec<_>>();
//! let found = store.again(Action::List, "", list).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Names are relative to the prefix; [`Store::path`] makes the library's paths of them, and
//! [`Store::place`] the URL that messages show. [`Store::again`] makes requests that fail for the moment
//! again, as [`Patience`] says. A request must be made inside of a Tokio runtime.

mod answer;
mod azure;
mod clock;
mod environment;
mod error;
mod gcs;
mod http;
mod open;
mod options;
mod patience;
mod profile;
mod read;
mod s3;
mod silence;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod url;
mod write;

use std::future::Future;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::multipart::MultipartStore;
use object_store::path::Path;

pub use answer::{Answer, AnswerKind};
pub use clock::StoreClock;
pub use environment::Environment;
pub use error::{Action, StoreError};
pub use open::endpoint;
pub use options::{Given, StoreOptions};
pub use patience::Patience;
pub use read::Pinned;
pub use silence::Silence;
pub use stream::{Joined, ObjectReader, Waiter};
pub use url::{BadUrl, Service, StoreUrl};

/// A prefix in an object store that can be asked.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    uploads: Arc<dyn MultipartStore>,
    root: Path,
    shown: String,
    clock: StoreClock,
    storage_class: Option<String>,
    /// Behind a pointer: stores are held in many places, and should be small.
    patience: Arc<Patience>,
}

impl Store {
    /// A store that is there already, of which messages speak as `shown`: for stores in memory and
    /// wrapped ones.
    #[must_use]
    pub fn new<S: ObjectStore + MultipartStore>(client: Arc<S>, root: Path, shown: &str) -> Self {
        Self {
            objects: Arc::clone(&client) as Arc<dyn ObjectStore>,
            uploads: client,
            root,
            shown: shown.to_owned(),
            clock: StoreClock::default(),
            storage_class: None,
            patience: Arc::new(Patience::USUAL),
        }
    }

    /// The store for single requests.
    #[must_use]
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// The same store for uploads in parts.
    #[must_use]
    pub fn uploads(&self) -> &Arc<dyn MultipartStore> {
        &self.uploads
    }

    /// The prefix.
    #[must_use]
    pub const fn root(&self) -> &Path {
        &self.root
    }

    /// How far this machine's clock is off the store's.
    #[must_use]
    pub const fn clock(&self) -> &StoreClock {
        &self.clock
    }

    /// How failed requests are made again.
    #[must_use]
    pub fn patience(&self) -> Patience {
        *self.patience
    }

    /// The same store, asked with another patience from now on. What a connection may be silent was
    /// settled when it was opened.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self {
            patience: Arc::new(patience),
            ..self
        }
    }

    /// The path of an object below the prefix.
    ///
    /// # Errors
    /// [`StoreError::BadName`] for what no object can be called.
    pub fn path(&self, name: &str) -> Result<Path, StoreError> {
        let is_empty = name.split('/').any(str::is_empty);
        let whole = match self.root.as_ref() {
            "" => name.to_owned(),
            root => format!("{root}/{name}"),
        };
        match Path::parse(whole) {
            Ok(path) if !is_empty => Ok(path),
            _ => Err(StoreError::BadName {
                name: crate::archive::escape::escape(name.as_bytes()),
            }),
        }
    }

    /// The name below the prefix of what the library calls `path`.
    #[must_use]
    pub fn below(&self, path: &Path) -> String {
        let below = path.as_ref().strip_prefix(self.root.as_ref());
        let name = below.unwrap_or(path.as_ref()).trim_start_matches('/');
        name.to_owned()
    }

    /// The URL of an object below the prefix, or of the prefix itself for an empty name, as messages
    /// show it.
    #[must_use]
    pub fn place(&self, name: &str) -> String {
        match name {
            "" => self.shown.clone(),
            _ => {
                let name = crate::archive::escape::escape(name.as_bytes());
                format!("{}/{name}", self.shown)
            }
        }
    }

    /// Makes a request about the object `name` until it succeeds, fails for good, or has failed too
    /// often. Every attempt is signed anew, with the credentials of its time.
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
        let asked = || self.asked(action, name, request());
        self.patience.again(asked).await
    }

    /// The same once.
    ///
    /// # Errors
    /// When it fails.
    pub async fn asked<T>(
        &self,
        action: Action,
        name: &str,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, StoreError> {
        let done = request.await;
        done.map_err(|error| self.failed(action, name, &error))
    }

    /// The error for a request about the object `name` that failed.
    #[must_use]
    pub fn failed(&self, action: Action, name: &str, error: &object_store::Error) -> StoreError {
        StoreError::Request {
            action,
            place: self.place(name),
            source: Box::new(Answer::of(error)),
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Store").field(&self.shown).finish()
    }
}
