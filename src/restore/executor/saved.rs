//! What was in a volume behind the engine's API, kept in a temporary file as the tar that the engine sent.

use std::io;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::tar::{TarError, TarParser, TarVisitor};
use crate::engine::helper::Helper;
use crate::engine::{EngineError, Upload};

/// Kept content, whole.
pub(super) struct Saved {
    file: File,
}

/// Content cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum SaveError {
    /// The engine does not send it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// What it sends is not whole.
    #[error("what the engine sends is no whole tar")]
    Tar(#[from] TarError),
    /// It cannot be written down.
    #[error("cannot write temporary files in `{}`", crate::text::path(.scratch))]
    Write {
        /// Their folder.
        scratch: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Saved {
    /// Keeps what a helper mounts.
    pub(super) async fn take(helper: &Helper, scratch: &Path) -> Result<Self, SaveError> {
        let failed = |source| SaveError::Write {
            scratch: scratch.to_owned(),
            source,
        };
        let mut file = File::from_std(tempfile::tempfile_in(scratch).map_err(failed)?);
        let mut stream = helper.archive().await?;
        // A clean end of the stream proves nothing: the tar has to have one.
        let mut parser = TarParser::new(Whole);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            parser.feed(&chunk)?;
            file.write_all(&chunk).await.map_err(failed)?;
        }
        parser.finish()?;
        file.flush().await.map_err(failed)?;
        file.rewind().await.map_err(failed)?;
        Ok(Self { file })
    }

    /// The content, to be sent back as it came.
    pub(super) fn content(self) -> Upload {
        ReaderStream::new(self.file).boxed()
    }
}

/// Looks at nothing but the tar's form.
struct Whole;

impl TarVisitor for Whole {
    fn begin(&mut self, _: &Entry, _: u64) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn data(&mut self, _: &[u8]) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }
}
