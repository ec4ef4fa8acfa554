//! What stands behind the targets that are stores: one in memory, one in this process that is reached over
//! HTTP, or the one that the environment names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use jiff::SignedDuration;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;

use super::faulty::Faulty;
use crate::store::tests::script::Script;
use crate::store::tests::server::{self, PATIENCE, S3Server};
use crate::store::{Environment, Patience, Store, StoreUrl};
use crate::targets::Limits;

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Memory,
    /// `s3s-fs`.
    InProcess,
    /// `tests/lab/garage.sh up` says where.
    Outside,
}

/// A store for one bench.
pub(super) enum Backing {
    Memory(Arc<Faulty>),
    InProcess(S3Server, Patience),
    Outside(Store),
}

/// Objects are below it.
const PREFIX: &str = "pre/fix";

/// Parts and objects so small that the sample has several of them.
const SMALL: Limits = Limits {
    part_bytes: 64 * 1024,
    parts_at_once: 3,
    segment_bytes: 256 * 1024,
    removal: Duration::from_secs(20),
};

/// The smallest that an S3 server takes.
const SMALLEST_OF_S3: Limits = Limits {
    part_bytes: 5 << 20,
    segment_bytes: 10 << 20,
    ..SMALL
};

impl Backing {
    pub(super) fn new(backend: Backend) -> Self {
        match backend {
            Backend::Memory => Self::Memory(Arc::default()),
            Backend::InProcess => Self::InProcess(S3Server::start(), PATIENCE),
            Backend::Outside => Self::Outside(outside()),
        }
    }

    /// A store on which something goes wrong.
    pub(super) fn scripted(backend: Backend, script: Script, patience: Patience) -> Self {
        match backend {
            Backend::Memory => Self::Memory(Arc::new(Faulty::new(script))),
            Backend::InProcess => Self::InProcess(S3Server::with(script), patience),
            Backend::Outside => panic!("nobody can tell that one to fail"),
        }
    }

    /// As a target reaches it.
    pub(super) fn store(&self) -> Store {
        match self {
            Self::Memory(faulty) => {
                let shown = format!("s3://bucket/{PREFIX}");
                let store = Store::new(Arc::clone(faulty), PREFIX.into(), &shown);
                store.with_patience(PATIENCE)
            }
            Self::InProcess(server, patience) => server.store(PREFIX, *patience),
            Self::Outside(store) => store.clone(),
        }
    }

    pub(super) fn limits(&self) -> Limits {
        match self {
            Self::Memory(_) => SMALL,
            Self::InProcess(..) | Self::Outside(_) => SMALLEST_OF_S3,
        }
    }

    /// All objects below the prefix by their names there.
    pub(super) fn objects(&self, runtime: &Runtime) -> BTreeMap<String, Vec<u8>> {
        let below = |(name, content): (String, Vec<u8>)| {
            let name = name.strip_prefix(PREFIX).unwrap().trim_start_matches('/');
            (name.to_owned(), content)
        };
        match self {
            Self::Memory(faulty) => {
                let objects = runtime.block_on(all(&faulty.inner, None));
                objects.into_iter().map(below).collect()
            }
            Self::InProcess(server, _) => server.objects().into_iter().map(below).collect(),
            Self::Outside(store) => {
                let objects = runtime.block_on(all(&**store.objects(), Some(store.root())));
                let below = |(path, content)| (store.below(&String::into(path)), content);
                objects.into_iter().map(below).collect()
            }
        }
    }

    /// Uploads that were begun and neither completed nor aborted; `None` where nobody can tell.
    pub(super) fn open_uploads(&self) -> Option<usize> {
        match self {
            Self::Memory(faulty) => Some(faulty.open_uploads()),
            Self::InProcess(server, _) => Some(server.open_uploads()),
            Self::Outside(_) => None,
        }
    }

    /// Sets the store's clock.
    pub(super) fn set_ahead(&self, of_us: SignedDuration) {
        match self {
            Self::InProcess(server, _) => server.is_ahead(of_us),
            Self::Memory(_) | Self::Outside(_) => panic!("it has none that can be set"),
        }
    }

    /// Whether what was scripted has come.
    pub(super) fn has_struck(&self) -> bool {
        match self {
            Self::Memory(faulty) => faulty.script.has_struck(),
            Self::InProcess(server, _) => server.script.has_struck(),
            Self::Outside(_) => false,
        }
    }
}

async fn all(
    objects: &dyn ObjectStore,
    below: Option<&object_store::path::Path>,
) -> BTreeMap<String, Vec<u8>> {
    let metas: Vec<_> = objects.list(below).try_collect().await.unwrap();
    let mut all = BTreeMap::new();
    for meta in metas {
        let content = objects.get(&meta.location).await.unwrap();
        let content = content.bytes().await.unwrap().to_vec();
        all.insert(meta.location.to_string(), content);
    }
    all
}

/// A prefix of its own at the server outside.
fn outside() -> Store {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let (bucket, options) = server::outside();
    let process = std::process::id();
    let url = format!("s3://{bucket}/conformance-{process}/{number}/{PREFIX}");
    let url = StoreUrl::parse(&url).unwrap();
    Store::open_with(&url, &options, &Environment::default(), PATIENCE).unwrap()
}
