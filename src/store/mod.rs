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
//! let found = store.objects().list(Some(store.root())).try_collect::<Vec<_>>().await;
//! let found = found.map_err(|error| store.failed(Action::List, "", &error))?;
//! # Ok(())
//! # }
//! ```
//!
//! Names are relative to the prefix; [`Store::path`] makes the library's paths of them, and
//! [`Store::place`] the URL that messages show. The library tries a failed request again a few times by
//! itself; [`Answer::is_transient`] says of what is left whether it is worth more. A request must be made
//! inside of a Tokio runtime.

mod answer;
mod azure;
mod environment;
mod error;
mod gcs;
mod http;
mod open;
mod options;
mod profile;
mod read;
mod s3;
mod stream;
mod url;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::multipart::MultipartStore;
use object_store::path::Path;

pub use answer::{Answer, AnswerKind};
pub use environment::Environment;
pub use error::{Action, StoreError};
pub use http::StoreClock;
pub use options::{Given, StoreOptions};
pub use read::Pinned;
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

    /// The storage class or access tier of what is written; `None` for the bucket's own.
    #[must_use]
    pub fn storage_class(&self) -> Option<&str> {
        self.storage_class.as_deref()
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
