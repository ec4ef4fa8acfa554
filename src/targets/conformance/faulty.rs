//! A store in memory that fails on command, as real ones do, and keeps count of its uploads.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, once};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::memory::InMemory;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartId, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};

/// A request of a dump, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    List,
    Look,
    Claim,
    Object,
    Create,
    Part,
    Complete,
    Marker,
    Remove,
}

impl Step {
    pub(super) const ALL: [Self; 9] = [
        Self::List,
        Self::Look,
        Self::Claim,
        Self::Object,
        Self::Create,
        Self::Part,
        Self::Complete,
        Self::Marker,
        Self::Remove,
    ];

    fn of_put(path: &Path) -> Self {
        match path.as_ref() {
            path if path.contains(".compose-dump-") => Self::Claim,
            path if path.to_lowercase().ends_with("manifest.yml") => Self::Marker,
            _ => Self::Object,
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// 503, once.
    Busy,
    /// 429, once.
    TooMany,
    /// The connection is cut before the request is done, once.
    Reset,
    /// The request is done and its answer lost, once.
    LostAnswer,
    /// 503 from then on.
    Down,
    /// 403, from then on.
    Denied,
    /// 400 ExpiredToken, from then on, whatever is asked.
    Expired,
    /// Objects are replaced whatever the condition.
    NoConditions,
    /// 501 for what has a condition.
    NotImplemented,
}

impl Fault {
    pub(super) const ALL: [Self; 9] = [
        Self::Busy,
        Self::TooMany,
        Self::Reset,
        Self::LostAnswer,
        Self::Down,
        Self::Denied,
        Self::Expired,
        Self::NoConditions,
        Self::NotImplemented,
    ];

    /// Whether it is how the store is, not something that happens.
    pub(super) fn is_trait_of_store(self) -> bool {
        matches!(self, Self::NoConditions | Self::NotImplemented)
    }

    /// Whether a dump has to come out whole all the same.
    pub(super) fn passes(self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::TooMany
                | Self::Reset
                | Self::LostAnswer
                | Self::NoConditions
                | Self::NotImplemented
        )
    }

    fn error(self) -> Error {
        let status = |text: &str| {
            let text = format!("Server returned non-2xx status code: {text}");
            Error::Generic {
                store: "faulty",
                source: text.into(),
            }
        };
        match self {
            Self::Busy | Self::Down => status("503 Service Unavailable: <Code>SlowDown</Code>"),
            Self::TooMany => status("429 Too Many Requests: "),
            Self::Denied => status("403 Forbidden: <Code>AccessDenied</Code>"),
            Self::Expired => status("400 Bad Request: <Code>ExpiredToken</Code>"),
            Self::NotImplemented | Self::NoConditions => {
                status("501 Not Implemented: <Code>NotImplemented</Code>")
            }
            Self::Reset | Self::LostAnswer => {
                let cut = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                Error::Generic {
                    store: "faulty",
                    source: Box::new(HttpError::new(HttpErrorKind::Interrupted, cut)),
                }
            }
        }
    }
}

/// See the module. The fault comes with the `nth` request of its step, counted from one.
#[derive(Debug, Default)]
pub(super) struct Faulty {
    pub(super) inner: InMemory,
    script: Option<(Step, Fault, u32)>,
    seen: AtomicU32,
    uploads: Mutex<BTreeSet<MultipartId>>,
}

/// What is done with a request.
enum Way {
    Through,
    Fail(Error),
    /// Done, and failed all the same.
    Lose(Error),
}

impl Faulty {
    pub(super) fn new(step: Step, fault: Fault, nth: u32) -> Self {
        Self {
            script: Some((step, fault, nth)),
            ..Self::default()
        }
    }

    /// Uploads that were begun and neither completed nor aborted.
    pub(super) fn open_uploads(&self) -> usize {
        self.uploads.lock().unwrap().len()
    }

    /// Whether the fault has come.
    pub(super) fn has_struck(&self) -> bool {
        self.script
            .is_some_and(|(_, _, nth)| self.seen.load(Ordering::SeqCst) >= nth)
    }

    fn way(&self, step: Step) -> Way {
        let Some((at, fault, nth)) = self.script else {
            return Way::Through;
        };
        let seen = match step == at {
            true => self.seen.fetch_add(1, Ordering::SeqCst) + 1,
            false => self.seen.load(Ordering::SeqCst),
        };
        let here = step == at && seen == nth;
        match fault {
            Fault::Busy | Fault::TooMany | Fault::Reset if here => Way::Fail(fault.error()),
            Fault::LostAnswer if here => Way::Lose(fault.error()),
            Fault::Down | Fault::Denied if step == at && seen >= nth => Way::Fail(fault.error()),
            Fault::Expired if seen >= nth => Way::Fail(fault.error()),
            _ => Way::Through,
        }
    }

    fn ignores_conditions(&self) -> Option<Fault> {
        let fault = self.script.map(|(_, fault, _)| fault);
        fault.filter(|fault| fault.is_trait_of_store())
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("faulty")
    }
}

/// The request, or what is scripted for it.
macro_rules! on_the_way {
    ($self:ident, $step:expr, $request:expr) => {
        match $self.way($step) {
            Way::Through => $request.await,
            Way::Fail(error) => Err(error),
            Way::Lose(error) => $request.await.and(Err(error)),
        }
    };
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        if options.mode == PutMode::Create {
            match self.ignores_conditions() {
                Some(Fault::NotImplemented) => return Err(Fault::NotImplemented.error()),
                Some(_) => options.mode = PutMode::Overwrite,
                None => {}
            }
        }
        let step = Step::of_put(location);
        on_the_way!(self, step, self.inner.put_opts(location, payload, options))
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        unimplemented_here()
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        on_the_way!(self, Step::Look, self.inner.get_opts(location, options))
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        match self.way(Step::Remove) {
            Way::Through => self.inner.delete_stream(locations),
            Way::Fail(error) => once(async { Err(error) }).boxed(),
            Way::Lose(error) => {
                let done = self.inner.delete_stream(locations);
                let mut error = Some(error);
                done.map(move |deleted| error.take().map_or(deleted, Err))
                    .boxed()
            }
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.way(Step::List) {
            Way::Through => self.inner.list(prefix),
            Way::Fail(error) | Way::Lose(error) => once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        on_the_way!(self, Step::List, self.inner.list_with_delimiter(prefix))
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        unimplemented_here()
    }
}

/// No dump asks for it.
fn unimplemented_here<T>() -> Result<T> {
    Err(Error::NotImplemented {
        operation: "this".to_owned(),
        implementer: "faulty".to_owned(),
    })
}

#[async_trait]
impl MultipartStore for Faulty {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        let create = async {
            let id = self.inner.create_multipart(path).await?;
            self.uploads.lock().unwrap().insert(id.clone());
            Ok(id)
        };
        on_the_way!(self, Step::Create, create)
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        index: usize,
        data: PutPayload,
    ) -> Result<PartId> {
        on_the_way!(self, Step::Part, self.inner.put_part(path, id, index, data))
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        let complete = async {
            let known = self.uploads.lock().unwrap().remove(id);
            if !known {
                let text =
                    "Server returned non-2xx status code: 404 Not Found: <Code>NoSuchUpload</Code>";
                return Err(Error::NotFound {
                    path: path.to_string(),
                    source: text.into(),
                });
            }
            self.inner.complete_multipart(path, id, parts).await
        };
        on_the_way!(self, Step::Complete, complete)
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        let abort = async {
            self.uploads.lock().unwrap().remove(id);
            self.inner.abort_multipart(path, id).await
        };
        on_the_way!(self, Step::Remove, abort)
    }
}
