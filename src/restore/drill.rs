//! A drill: every volume of a dump is restored into a volume of its own that nobody uses, read back, compared with
//! the dump entry by entry, and removed.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::content::Token;
use super::executor::StageError;
use super::executor::drill_pass::{Drilled, Into, PassError, pass};
use crate::archive::escape::escape;
use crate::archive::manifest::model::{Member, MemberKind};
use crate::engine::model::labels;
use crate::engine::{Engine, EngineError, NewVolume};
use crate::exit::Exit;
use crate::process::{Life, ProcessId};
use crate::stored::Dump;

/// The project that the volumes of drills belong to, by their label.
const PROJECT: &str = "compose-dump-drill";

/// The label that names the process of a drill.
const PROCESS: &str = "io.github.compose-dump.drill";

/// As many differences of one volume are told by name.
pub(super) const TOLD: usize = 20;

/// What a drill works with.
pub(crate) struct DrillWorld {
    /// The engine.
    pub(crate) engine: Arc<dyn Engine>,
    /// Whether its volumes' folders are ours to write to.
    pub(crate) is_direct: bool,
    /// Where temporary files go.
    pub(crate) scratch: PathBuf,
    /// Fires when a signal came.
    pub(crate) cancel: CancellationToken,
}

/// What a drill came to.
#[derive(Debug, Serialize)]
pub(crate) struct DrillReport {
    /// The dump's id.
    pub(crate) dump: String,
    /// When the drill ended.
    pub(crate) at: Timestamp,
    /// Whether everything came back as it was stored.
    pub(crate) sound: bool,
    /// One row for each volume.
    pub(crate) volumes: Vec<DrillRow>,
}

/// What became of one volume.
#[derive(Debug, Serialize)]
pub(crate) struct DrillRow {
    /// The member.
    pub(crate) member: String,
    /// Its entries.
    pub(crate) entries: u64,
    /// Entries that did not come back as they were stored.
    pub(crate) differ: u64,
    /// The first of them.
    pub(crate) first: Vec<String>,
    /// What could not be kept as the dump has it.
    pub(crate) warnings: Vec<String>,
}

/// A drill cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DrillError {
    /// The engine does not answer as it should.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Content cannot be written or read back.
    #[error(transparent)]
    Pass(#[from] PassError),
}

impl DrillError {
    /// Whether the dump turned out not to be what was stored.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Pass(PassError::Stage(StageError::Damaged { .. }))
        )
    }
}

impl DrillReport {
    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        if self.sound {
            Exit::Done
        } else {
            Exit::Damaged
        }
    }
}

/// Restores, compares and removes. Whatever happens, the volumes are removed.
///
/// # Errors
/// When volumes cannot be made, written or read back. What differs is in the report.
pub(crate) async fn drill(dump: Dump, world: &DrillWorld) -> Result<DrillReport, DrillError> {
    sweep(&*world.engine).await?;
    let manifest = dump.manifest.clone();
    let volumes = manifest.members.iter();
    let volumes: Vec<&Member> = volumes
        .filter(|member| member.kind == MemberKind::Tar)
        .collect();
    let mut made = Vec::new();
    let drilled = drill_into(dump, &volumes, world, &mut made).await;
    for name in made {
        if let Err(error) = world.engine.remove_volume(&name).await {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(volume = name, cause, "a volume of the drill is left over");
        }
    }
    let volumes: Vec<DrillRow> = drilled?.into_iter().map(DrillRow::from).collect();
    Ok(DrillReport {
        dump: manifest.id,
        at: Timestamp::now(),
        sound: volumes.iter().all(|row| row.differ == 0),
        volumes,
    })
}

async fn drill_into(
    dump: Dump,
    volumes: &[&Member],
    world: &DrillWorld,
    made: &mut Vec<String>,
) -> Result<Vec<Drilled>, DrillError> {
    let mut into = Vec::new();
    for member in volumes {
        let new = new_volume();
        made.push(new.name.clone());
        let volume = world.engine.create_volume(&new).await?;
        let folder = volume.mountpoint.filter(|_| world.is_direct);
        let place = Into {
            name: new.name,
            folder,
            bytes: member.raw_bytes,
        };
        into.push((member.path.clone(), place));
    }
    Ok(pass(dump, into, world).await?)
}

/// A volume that nobody else has.
fn new_volume() -> NewVolume {
    let labels = [
        (labels::PROJECT.to_owned(), PROJECT.to_owned()),
        (PROCESS.to_owned(), ProcessId::own().to_string()),
    ];
    NewVolume {
        name: format!("{PROJECT}-{}", Token::random()),
        driver: "local".to_owned(),
        labels: labels.into(),
        ..NewVolume::default()
    }
}

/// Removes what drills have left whose processes are gone.
async fn sweep(engine: &dyn Engine) -> Result<(), EngineError> {
    for volume in engine.project_volumes(PROJECT).await? {
        let process = volume
            .labels
            .get(PROCESS)
            .and_then(|text| ProcessId::parse(text));
        if process.is_some_and(|process| process.life() == Life::Ended) {
            engine.remove_volume(&volume.name).await?;
        }
    }
    Ok(())
}

impl From<Drilled> for DrillRow {
    fn from(drilled: Drilled) -> Self {
        let first = drilled.first.iter();
        Self {
            member: drilled.member,
            entries: drilled.entries,
            differ: drilled.differ,
            first: first
                .map(|one| format!("`{}` {}", escape(&one.path), one.what))
                .collect(),
            warnings: drilled.warnings,
        }
    }
}
