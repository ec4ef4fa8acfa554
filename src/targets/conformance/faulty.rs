//! A store in memory that fails on command, as real ones do, and keeps count of its uploads.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;

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

use crate::store::tests::script::{Fault, Script, Step, Way};

/// The faults that can come from the library.
pub(super) const FAULTS: [Fault; 9] = [
    Fault::Busy,
    Fault::TooMany,
    Fault::Reset,
    Fault::LostAnswer,
    Fault::Down,
    Fault::Denied,
    Fault::Expired,
    Fault::NoConditions,
    Fault::NotImplemented,
];

/// As the library tells it.
fn error(fault: Fault) -> Error {
    let source: Box<dyn std::error::Error + Send + Sync> = match fault.answer() {
        Some((status, code)) => {
            let text = format!("{status} Status: <Code>{code}</Code>");
            format!("Server returned non-2xx status code: {text}").into()
        }
        None => {
            let cut = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            Box::new(HttpError::new(HttpErrorKind::Interrupted, cut))
        }
    };
    Error::Generic {
        store: "faulty",
        source,
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Faulty {
    pub(super) inner: InMemory,
    pub(super) script: Script,
    uploads: Mutex<BTreeSet<MultipartId>>,
}

impl Faulty {
    pub(super) fn new(script: Script) -> Self {
        Self {
            script,
            ..Self::default()
        }
    }

    /// Uploads that were begun and neither completed nor aborted.
    pub(super) fn open_uploads(&self) -> usize {
        self.uploads.lock().unwrap().len()
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
        match $self.script.way($step) {
            Way::Through => $request.await,
            Way::Fail(fault) => Err(error(fault)),
            Way::Lose => $request.await.and(Err(error(Fault::LostAnswer))),
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
            match self.script.of_store() {
                Some(Fault::NotImplemented) => return Err(error(Fault::NotImplemented)),
                Some(_) => options.mode = PutMode::Overwrite,
                None => {}
            }
        }
        let step = Step::of_put(location.as_ref());
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
        match self.script.way(Step::Remove) {
            Way::Through => self.inner.delete_stream(locations),
            Way::Fail(fault) => once(async move { Err(error(fault)) }).boxed(),
            Way::Lose => {
                let done = self.inner.delete_stream(locations);
                let mut lost = Some(error(Fault::LostAnswer));
                done.map(move |deleted| lost.take().map_or(deleted, Err))
                    .boxed()
            }
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.script.way(Step::List) {
            Way::Through => self.inner.list(prefix),
            Way::Fail(fault) => once(async move { Err(error(fault)) }).boxed(),
            Way::Lose => once(async { Err(error(Fault::LostAnswer)) }).boxed(),
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
