//! What each error means to whoever typed the command: a stable name, an exit code, and what to do next.

use super::CommandError;
use crate::diagnostic::Finding;
use crate::executor::JournalError;
use crate::exit::Exit;
use crate::init::WriteError;
use crate::restore::plan::model::NO_ENGINE;
use crate::restore::{ExtractionError, LookError};
use crate::stored::{ContentsError, ExtractError, OpenError};

impl CommandError {
    /// The stable name of the kind of error.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Findings(_) => "findings",
            Self::Project(_) => "project",
            Self::Endpoint(_) => "endpoint",
            Self::Engine(_) => "engine",
            Self::Init(_) => "init",
            Self::Open(_) | Self::NotInTargets(_) => "dump",
            Self::Contents(_) => "contents",
            Self::Look(_) => "look",
            Self::Damaged(_) => "damaged",
            Self::Settle(_) => "settle",
            Self::Extraction(_) => "extract",
            Self::Drill { .. } => "drill",
            Self::Record { .. } => "record",
            Self::WorkingFolder(_) => "working_folder",
            Self::Start(_) => "start",
            Self::Spool { .. } => "spool",
            Self::Locked { .. } => "locked",
            Self::Interrupted(_) => "interrupted",
            Self::State(_) | Self::Lock(_) => "state",
            Self::Journal(_) => "journal",
            Self::Print(_) => "print",
        }
    }

    /// The exit code that the error stands for.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Findings(findings) => of_findings(findings),
            Self::Project(_) | Self::Endpoint(_) | Self::Init(WriteError::Exists(_)) => {
                Exit::Rejected
            }
            Self::Open(error) => match error {
                OpenError::SeveralSeries { .. } => Exit::Rejected,
                OpenError::NotFound { .. }
                | OpenError::NoFolder { .. }
                | OpenError::NoDumps { .. }
                | OpenError::NotADump { .. } => Exit::NotFound,
                OpenError::Unlike { .. }
                | OpenError::NewestDamaged { .. }
                | OpenError::Manifest { .. }
                | OpenError::Broken { .. } => Exit::Damaged,
                OpenError::Read { .. } | OpenError::Store(_) | OpenError::Scratch(_) => {
                    Exit::Failed
                }
            },
            Self::Damaged(_) => Exit::Damaged,
            Self::NotInTargets(_) => Exit::NotFound,
            Self::Contents(error) => match error {
                ContentsError::NoIndex { .. } => Exit::Rejected,
                ContentsError::Index { .. } => Exit::Damaged,
                ContentsError::Scratch(_) => Exit::Failed,
            },
            Self::Locked { .. } => Exit::Locked,
            Self::Interrupted(exit) => *exit,
            Self::Look(LookError::Findings(_) | LookError::Model(_)) => Exit::Rejected,
            Self::Extraction(error) => match error {
                ExtractionError::Findings(_)
                | ExtractionError::Extract(ExtractError::NotThere { .. }) => Exit::Rejected,
                ExtractionError::Extract(ExtractError::Damaged { .. }) => Exit::Damaged,
                ExtractionError::Extract(_) | ExtractionError::Content(_) => Exit::Failed,
            },
            Self::Drill { error, .. } if error.is_damage() => Exit::Damaged,
            Self::Drill { signal, .. } => signal.unwrap_or(Exit::Failed),
            Self::Record { .. }
            | Self::Look(LookError::Config(_) | LookError::Engine(_))
            | Self::Settle(_)
            | Self::State(_)
            | Self::Lock(_)
            | Self::Journal(_)
            | Self::Engine(_)
            | Self::Init(WriteError::Failed { .. })
            | Self::WorkingFolder(_)
            | Self::Start(_)
            | Self::Spool { .. }
            | Self::Print(_) => Exit::Failed,
        }
    }

    /// What to do next, where it is known.
    pub(super) fn help(&self) -> Option<String> {
        match self {
        Self::Engine(error) => error.advice(),
        Self::Project(error) => error.advice(),
        Self::Spool { .. } => Some(
            "name a folder on a disk with room in COMPOSE_DUMP_SPOOL__DIR or TMPDIR".to_owned(),
        ),
        Self::WorkingFolder(_) => Some(
            "go to a folder that exists, or name the project's with `-C` and its whole path"
                .to_owned(),
        ),
        Self::Init(WriteError::Exists(_)) => Some(
            "nothing was written: remove what is there, or look at the new text with `compose-dump init --print`"
                .to_owned(),
        ),
        Self::Init(WriteError::Failed { .. }) => {
            Some("nothing was left behind; `compose-dump init --print` only prints the text".to_owned())
        }
        Self::Open(error) => error.help().map(str::to_owned),
        Self::Locked { .. } => Some(
            "wait for it to end, or say how long to wait with `--lock-timeout` or the setting `lock_wait`"
                .to_owned(),
        ),
        Self::State(_) | Self::Lock(_) => Some(format!(
            "name a folder on a local disk that you may write to in {}",
            crate::state::VARIABLE
        )),
        Self::Journal(JournalError::Garbled { .. }) => Some(
            "it names containers that a killed run may have left paused or stopped: see to them, then remove it"
                .to_owned(),
        ),
        Self::Journal(_) => Some(
            "it may name containers that a killed run has left paused or stopped; nobody is held before it can be read"
                .to_owned(),
        ),
        Self::NotInTargets(error) => Some(error.help().to_owned()),
        Self::Look(LookError::Engine(error)) => error.advice(),
        Self::Look(LookError::Model(error)) => error.advice(),
        Self::Extraction(ExtractionError::Content(error)) => {
            error.help().map(str::to_owned)
        }
        Self::Extraction(ExtractionError::Extract(ExtractError::NotThere { .. })) => {
            Some("`compose-dump show DUMP --files VOLUME` lists what is in it".to_owned())
        }
        Self::Damaged(_) => Some(
            "`compose-dump verify DUMP` says which members are damaged; sound ones come out one by one with `compose-dump restore DUMP --volume MEMBER --path . --to DIR`"
                .to_owned(),
        ),
        Self::Interrupted(_)
        | Self::Contents(_)
        | Self::Extraction(_)
        | Self::Drill { .. }
        | Self::Record { .. }
        | Self::Look(_)
        | Self::Settle(_)
        | Self::Endpoint(_)
        | Self::Findings(_)
        | Self::Start(_)
        | Self::Print(_) => None,
    }
    }
}

/// What has to be changed is rejected; an engine that does not answer is not the user's to change.
fn of_findings(findings: &[Finding]) -> Exit {
    if findings.iter().all(|finding| finding.code == NO_ENGINE) {
        Exit::Failed
    } else {
        Exit::Rejected
    }
}
