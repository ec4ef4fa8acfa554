//! Exports on their way into the commands that load them, when the services run.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::check::demand_sound;
use super::stager::StageError;
use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::manifest::model::Member;
use crate::archive::tar::TarVisitor;
use crate::bridge::{self, Outgoing, WorkLost};
use crate::engine::Engine;
use crate::executor::{Load, LoadError, chain, load};
use crate::restore::plan::model::ExportPlan;
use crate::stored::{Dump, PassError, Takers, Wish};

/// What became of one export.
pub(super) struct Loaded {
    pub(super) plan: ExportPlan,
    /// Why it was not loaded, or not wholly.
    pub(super) error: Option<String>,
}

/// Exports cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadsError {
    /// The dump is not what was stored any more.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Blocking work ended by a bug.
    #[error(transparent)]
    Lost(#[from] WorkLost),
}

/// Reads the dump once and gives each export to its command.
pub(super) async fn load_all(
    mut dump: Dump,
    rows: &[ExportPlan],
    project: &str,
    engine: &Arc<dyn Engine>,
    cancel: &CancellationToken,
) -> Result<Vec<Loaded>, LoadsError> {
    let mut goes = BTreeMap::new();
    let mut tasks = Vec::new();
    for row in rows {
        let (out, task) = begin(row, project, engine, cancel);
        goes.insert(row.member.clone(), out);
        tasks.push((row, task));
    }
    let mut feeder = Feeder { goes, open: None };
    let read = bridge::blocking("reading exports", move || {
        dump.read_members(&mut feeder, &mut |_| {})
    })
    .await?;
    let mut loaded = Vec::new();
    for (row, task) in tasks {
        let error = match task.await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(chain(&error)),
            Err(_) => Some("loading ended unexpectedly; this is a bug".to_owned()),
        };
        loaded.push(Loaded {
            plan: row.clone(),
            error,
        });
    }
    match read {
        Err(PassError::Scratch(error)) => Err(StageError::from(error).into()),
        // A command that takes nothing more has said why.
        Err(PassError::Closed(_)) => Ok(loaded),
        Ok(verdicts) => {
            demand_sound(&verdicts)?;
            Ok(loaded)
        }
    }
}

/// Starts the command when its export comes: others may take hours before.
fn begin(
    row: &ExportPlan,
    project: &str,
    engine: &Arc<dyn Engine>,
    cancel: &CancellationToken,
) -> (Outgoing, JoinHandle<Result<u64, LoadError>>) {
    let (out, content) = bridge::upload();
    let (row, project) = (row.clone(), project.to_owned());
    let (engine, cancel) = (Arc::clone(engine), cancel.clone());
    let task = tokio::spawn(async move {
        let mut content = content.peekable();
        let _ = std::pin::Pin::new(&mut content).peek().await;
        let way = Load {
            engine,
            project: &project,
            service: &row.service,
            command: &row.command,
            cancel,
        };
        load(way, content.boxed()).await
    });
    (out, task)
}

/// Hands the bytes of exports on.
struct Feeder {
    goes: BTreeMap<String, Outgoing>,
    open: Option<Outgoing>,
}

impl Takers for Feeder {
    fn offer(&mut self, member: &Member) -> Result<Wish, SinkClosed> {
        self.open = self.goes.remove(&member.path);
        Ok(if self.open.is_some() {
            Wish::Take
        } else {
            Wish::Pass
        })
    }

    fn judged(&mut self, _: &Member, is_whole: bool) -> Result<(), SinkClosed> {
        if let Some(out) = self.open.take().filter(|_| is_whole) {
            // One that takes nothing more has its own reason, and the others are loaded all the same.
            let _ = out.end();
        }
        Ok(())
    }
}

impl TarVisitor for Feeder {
    fn begin(&mut self, _: &Entry, _: u64) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        if let Some(out) = &self.open
            && out.send(Bytes::copy_from_slice(part)).is_err()
        {
            self.open = None;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }
}
