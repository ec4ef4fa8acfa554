//! The one place where an error becomes a sentence, its causes, help and an exit code.

use std::path::PathBuf;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, JSONReportHandler};

use super::args::{LogFormat, Talk};
use super::talk::{colored, say};
use crate::compose::LoadError;
use crate::diagnostic::Finding;
use crate::engine::EngineError;
use crate::engine::endpoint::EndpointError;
use crate::exit::Exit;
use crate::init::WriteError;

/// A command cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// Options, settings or the project have to be changed first.
    #[error("{}", crate::text::count(.0.len() as u64, "finding"))]
    Findings(Vec<Finding>),
    /// The project cannot be loaded.
    #[error(transparent)]
    Project(#[from] LoadError),
    /// It is not known where the engine is.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The engine does not answer as it should.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The working folder is not known.
    #[error("cannot find the working folder")]
    WorkingFolder(#[source] std::io::Error),
    /// The runtime cannot be started.
    #[error("cannot start")]
    Start(#[source] std::io::Error),
    /// Temporary files cannot be made, which is found before anything is touched.
    #[error("cannot make temporary files in `{}`", crate::text::path(.dir))]
    Spool {
        /// The folder.
        dir: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A first job file cannot be written.
    #[error(transparent)]
    Init(#[from] WriteError),
    /// A result cannot be written.
    #[error("cannot write the result to standard output")]
    Print(#[source] std::io::Error),
}

impl From<Vec<Finding>> for CommandError {
    fn from(findings: Vec<Finding>) -> Self {
        Self::Findings(findings)
    }
}

impl From<Finding> for CommandError {
    fn from(finding: Finding) -> Self {
        Self::Findings(vec![finding])
    }
}

impl CommandError {
    /// The exit code that the error stands for.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Findings(_)
            | Self::Project(_)
            | Self::Endpoint(_)
            | Self::Init(WriteError::Exists(_)) => Exit::Rejected,
            Self::Engine(_)
            | Self::Init(WriteError::Failed { .. })
            | Self::WorkingFolder(_)
            | Self::Start(_)
            | Self::Spool { .. }
            | Self::Print(_) => Exit::Failed,
        }
    }
}

/// Tells the error and gives its exit code.
pub(super) fn tell(error: &CommandError, talk: &Talk) -> Exit {
    match error {
        CommandError::Findings(findings) => findings.iter().for_each(|finding| show(finding, talk)),
        other => show(
            &Shown {
                error: other,
                help: help(other),
            },
            talk,
        ),
    }
    error.exit()
}

/// An error of another layer with the help that belongs to it here.
#[derive(Debug)]
struct Shown<'a> {
    error: &'a CommandError,
    help: Option<String>,
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(formatter)
    }
}

impl std::error::Error for Shown<'_> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl Diagnostic for Shown<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }
}

fn help(error: &CommandError) -> Option<String> {
    match error {
        CommandError::Engine(error) => error.advice(),
        CommandError::Project(LoadError::NoComposeFile { .. }) => Some(
            "go to the project's folder, or name it with `-C` or its Compose file with `-f`"
                .to_owned(),
        ),
        CommandError::Spool { .. } => Some(
            "name a folder on a disk with room in COMPOSE_DUMP_SPOOL__DIR or TMPDIR".to_owned(),
        ),
        CommandError::Init(WriteError::Exists(_)) => Some(
            "nothing was written: remove what is there, or look at the new text with `compose-dump init --print`"
                .to_owned(),
        ),
        CommandError::Init(WriteError::Failed { .. }) => {
            Some("nothing was left behind; `compose-dump init --print` only prints the text".to_owned())
        }
        CommandError::Project(LoadError::Stdin) => Some("name a file with `-f`".to_owned()),
        CommandError::Project(_) => None,
        CommandError::Endpoint(_)
        | CommandError::Findings(_)
        | CommandError::WorkingFolder(_)
        | CommandError::Start(_)
        | CommandError::Print(_) => None,
    }
}

/// Prints one diagnostic: drawn on a terminal, told in plain words elsewhere, JSON for machines.
fn show(diagnostic: &dyn Diagnostic, talk: &Talk) {
    let mut text = String::new();
    let rendered = match talk.log_format {
        LogFormat::Json => JSONReportHandler::new().render_report(&mut text, diagnostic),
        LogFormat::Text if colored(talk) => {
            GraphicalReportHandler::new_themed(GraphicalTheme::unicode())
                .render_report(&mut text, diagnostic)
        }
        LogFormat::Text => {
            let mut plain = GraphicalReportHandler::new_themed(GraphicalTheme::none());
            plain = plain.with_links(false);
            plain.render_report(&mut text, diagnostic)
        }
    };
    // A diagnostic that cannot be drawn still has its sentence.
    if rendered.is_err() {
        text = diagnostic.to_string();
    }
    say(text.trim_end());
}
