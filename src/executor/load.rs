//! The way back of an export: its content into the standard input of the command that loads it.
//!
//! It knows nothing of dumps. Whoever calls it waits until the service is healthy, and has decided
//! whose command is trusted.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use super::command::{CommandError, InContainer, Piece, first_running};
use crate::engine::{Engine, ExecInput, Upload};
use crate::plan::model::ContainerCommand;

/// An export to load.
pub struct Load<'a> {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// Compose's name of the project that is restored.
    pub project: &'a str,
    /// The service whose command it is. Its first running container takes it.
    pub service: &'a str,
    /// The command.
    pub command: &'a ContainerCommand,
    /// Has the command end before it is done.
    pub cancel: CancellationToken,
}

/// An export was not loaded, or not wholly: what the command did with its beginning is done.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The command did not do it.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The content broke off; the command was told to end.
    #[error("the content of the export cannot be read to its end")]
    Content {
        /// Why.
        source: std::io::Error,
    },
    /// The command ended well without having taken all of it.
    #[error("the command in `{container}` ended well, and did not take all that it was given")]
    Unread {
        /// The container's name.
        container: String,
    },
    /// The run was cancelled; the command was told to end.
    #[error("it was cancelled")]
    Cancelled,
}

/// How writing to a command's standard input ended.
enum Fed {
    /// All of it was written, this many bytes.
    Whole(u64),
    /// The command takes nothing more.
    Refused,
    /// The content broke off.
    Broken(std::io::Error),
}

/// Loads an export. Gives the number of bytes that the command took; it has ended, and well.
///
/// # Errors
/// Told apart by [`LoadError`]. The command does not run any more then, as far as it can be told.
pub async fn load(load: Load<'_>, content: Upload) -> Result<u64, LoadError> {
    let container = first_running(&*load.engine, load.project, load.service).await?;
    let mut command = InContainer::start(&load.engine, &container, load.command, true).await?;
    let watched = command.watched();
    let mut input = command.take_input();
    let passing = pass(command, input.as_mut(), content);
    let passed = load.cancel.run_until_cancelled(passing).await;
    watched.end().await;
    // Not before: the command would take the end of its input for that of the content.
    drop(input);
    match passed {
        Some(Ok(Fed::Whole(bytes))) => Ok(bytes),
        Some(Ok(Fed::Refused)) => Err(LoadError::Unread {
            container: container.name,
        }),
        Some(Ok(Fed::Broken(source))) => Err(LoadError::Content { source }),
        Some(Err(error)) => Err(error.into()),
        None => Err(LoadError::Cancelled),
    }
}

/// Writes the content, and hears what the command says, at the same time: one may wait for the other.
async fn pass(
    command: InContainer,
    input: Option<&mut ExecInput>,
    content: Upload,
) -> Result<Fed, CommandError> {
    let feeding = feed(input, content);
    let ending = end(command);
    tokio::pin!(feeding, ending);
    let fed = tokio::select! {
        // A command that has failed tells more than the end of its input.
        biased;
        ended = &mut ending => return ended.map(|()| Fed::Refused),
        fed = &mut feeding => fed,
    };
    match fed {
        Fed::Broken(_) => Ok(fed),
        Fed::Whole(_) | Fed::Refused => ending.await.map(|()| fed),
    }
}

async fn feed(input: Option<&mut ExecInput>, mut content: Upload) -> Fed {
    let Some(input) = input else {
        return Fed::Refused;
    };
    let mut bytes = 0;
    while let Some(piece) = content.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(source) => return Fed::Broken(source),
        };
        if input.write_all(&piece).await.is_err() {
            return Fed::Refused;
        }
        bytes += piece.len() as u64;
    }
    match input.shutdown().await {
        Ok(()) => Fed::Whole(bytes),
        Err(_) => Fed::Refused,
    }
}

/// Hears a command to its end. What it writes is of no use to anybody.
async fn end(command: InContainer) -> Result<(), CommandError> {
    let mut pieces = command.pieces();
    while let Some(piece) = pieces.next().await {
        match piece? {
            Piece::Data(_) => {}
            Piece::End => break,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
