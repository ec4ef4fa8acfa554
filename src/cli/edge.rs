//! The one place where an error becomes a sentence, its causes, help and an exit code.

use std::error::Error;
use std::path::PathBuf;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, JSONReportHandler, LabeledSpan, SourceCode,
};
use serde_json::{Value, json};

use super::args::{LogFormat, Talk};
use super::finding_row::Row;
use super::lookup::NotInTargets;
use super::talk::{colored, mark, print_json, say};
use crate::compose::LoadError;
use crate::diagnostic::Finding;
use crate::engine::EngineError;
use crate::engine::endpoint::EndpointError;
use crate::executor::JournalError;
use crate::exit::Exit;
use crate::init::WriteError;
use crate::restore::{DrillError, ExtractionError, LookError, SettleError};
use crate::state::StateError;
use crate::state::lock::LockError;
use crate::stored::{ContentsError, ExtractError, OpenError};

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
    /// A dump cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No target of the file holds the dump.
    #[error(transparent)]
    NotInTargets(NotInTargets),
    /// The entries of a member cannot be listed.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// Another run of the project is under way.
    #[error("another run of {project} is under way ({who})")]
    Locked {
        /// The project id.
        project: String,
        /// What the run says of itself.
        who: String,
    },
    /// A signal came before anything was touched.
    #[error("interrupted before anything was touched")]
    Interrupted(Exit),
    /// There is no place for locks and journals.
    #[error(transparent)]
    State(#[from] StateError),
    /// It cannot be said whether another run is under way.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It cannot be seen what a restore would do.
    #[error(transparent)]
    Look(LookError),
    /// What a restore that was cut off has left cannot be settled.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// Paths cannot be taken out of a dump.
    #[error(transparent)]
    Extraction(ExtractionError),
    /// A drill cannot go on.
    #[error("the drill did not come to its end")]
    Drill {
        /// Why not.
        #[source]
        error: DrillError,
        /// The exit code for a signal that came.
        signal: Option<Exit>,
    },
    /// The result of a drill cannot be written beside the dump.
    #[error("cannot write `{}`", crate::text::path(.path))]
    Record {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A result cannot be written.
    #[error("cannot write the result to standard output")]
    Print(#[source] std::io::Error),
}

impl From<Vec<Finding>> for CommandError {
    fn from(findings: Vec<Finding>) -> Self {
        Self::Findings(findings)
    }
}

impl From<LookError> for CommandError {
    fn from(error: LookError) -> Self {
        match error {
            LookError::Findings(findings) => Self::Findings(findings),
            other => Self::Look(other),
        }
    }
}

impl From<ExtractionError> for CommandError {
    fn from(error: ExtractionError) -> Self {
        match error {
            ExtractionError::Findings(findings) => Self::Findings(findings),
            other => Self::Extraction(other),
        }
    }
}

impl From<Finding> for CommandError {
    fn from(finding: Finding) -> Self {
        Self::Findings(vec![finding])
    }
}

impl CommandError {
    /// The stable name of the kind of error.
    fn code(&self) -> &'static str {
        match self {
            Self::Findings(_) => "findings",
            Self::Project(_) => "project",
            Self::Endpoint(_) => "endpoint",
            Self::Engine(_) => "engine",
            Self::Init(_) => "init",
            Self::Open(_) | Self::NotInTargets(_) => "dump",
            Self::Contents(_) => "contents",
            Self::Look(_) => "look",
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
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Findings(_)
            | Self::Project(_)
            | Self::Endpoint(_)
            | Self::Init(WriteError::Exists(_)) => Exit::Rejected,
            Self::Open(error) => match error {
                OpenError::SeveralSeries { .. } => Exit::Rejected,
                OpenError::NotFound { .. }
                | OpenError::NoDumps { .. }
                | OpenError::NotADump { .. } => Exit::NotFound,
                OpenError::Manifest { .. } | OpenError::Broken { .. } => Exit::Damaged,
                OpenError::Read { .. } | OpenError::Store(_) | OpenError::Scratch(_) => {
                    Exit::Failed
                }
            },
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
}

/// Tells the error and gives its exit code: in words on standard error, and with `--json` as one
/// document on standard output too.
pub(super) fn tell(error: &CommandError, talk: &Talk, json: bool) -> Exit {
    match error {
        CommandError::Findings(findings) => findings.iter().for_each(|finding| show(finding, talk)),
        other => show(&Shown { error: other }, talk),
    }
    if json {
        // Whoever reads it has the exit code as well, and standard error.
        let _ = print_json(&document(error));
    }
    error.exit()
}

/// What is printed where `--json` promised a document and there is none.
fn document(error: &CommandError) -> Value {
    let findings: &[Finding] = match error {
        CommandError::Findings(findings) => findings,
        _ => &[],
    };
    let told = match findings {
        [only] => json!({
            "message": only.to_string(),
            "causes": [],
            "help": only.help,
            "code": only.code,
        }),
        _ => json!({
            "message": error.to_string(),
            "causes": causes(error),
            "help": help(error),
            "code": error.code(),
        }),
    };
    let rows: Vec<_> = findings.iter().map(Row::of).collect();
    json!({"error": told, "findings": rows, "exit": error.exit().code()})
}

/// The causes of an error, the nearest first, without those that repeat what was said before.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.ends_with(&text) {
            causes.push(text.clone());
        }
        said = text;
        next = cause.source();
    }
    causes
}

/// An error of another layer with the help that belongs to it here.
#[derive(Debug)]
struct Shown<'a> {
    error: &'a CommandError,
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(formatter)
    }
}

impl Error for Shown<'_> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(self.error.code()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        help(self.error).map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }
}

fn help(error: &CommandError) -> Option<String> {
    match error {
        CommandError::Engine(error) => error.advice(),
        CommandError::Project(error) => error.advice(),
        CommandError::Spool { .. } => Some(
            "name a folder on a disk with room in COMPOSE_DUMP_SPOOL__DIR or TMPDIR".to_owned(),
        ),
        CommandError::WorkingFolder(_) => Some(
            "go to a folder that exists, or name the project's with `-C` and its whole path"
                .to_owned(),
        ),
        CommandError::Init(WriteError::Exists(_)) => Some(
            "nothing was written: remove what is there, or look at the new text with `compose-dump init --print`"
                .to_owned(),
        ),
        CommandError::Init(WriteError::Failed { .. }) => {
            Some("nothing was left behind; `compose-dump init --print` only prints the text".to_owned())
        }
        CommandError::Open(error) => error.help().map(str::to_owned),
        CommandError::Locked { .. } => Some(
            "wait for it to end, or say how long to wait with `--lock-timeout` or the setting `lock_wait`"
                .to_owned(),
        ),
        CommandError::State(_) | CommandError::Lock(_) => Some(format!(
            "name a folder on a local disk that you may write to in {}",
            crate::state::VARIABLE
        )),
        CommandError::Journal(JournalError::Garbled { .. }) => Some(
            "it names containers that a killed run may have left paused or stopped: see to them, then remove it"
                .to_owned(),
        ),
        CommandError::Journal(_) => Some(
            "it may name containers that a killed run has left paused or stopped; nobody is held before it can be read"
                .to_owned(),
        ),
        CommandError::NotInTargets(error) => Some(error.help().to_owned()),
        CommandError::Look(LookError::Engine(error)) => error.advice(),
        CommandError::Look(LookError::Model(error)) => error.advice(),
        CommandError::Extraction(ExtractionError::Content(error)) => {
            error.help().map(str::to_owned)
        }
        CommandError::Extraction(ExtractionError::Extract(ExtractError::NotThere { .. })) => {
            Some("`compose-dump show DUMP --files VOLUME` lists what is in it".to_owned())
        }
        CommandError::Interrupted(_)
        | CommandError::Contents(_)
        | CommandError::Extraction(_)
        | CommandError::Drill { .. }
        | CommandError::Record { .. }
        | CommandError::Look(_)
        | CommandError::Settle(_)
        | CommandError::Endpoint(_)
        | CommandError::Findings(_)
        | CommandError::Start(_)
        | CommandError::Print(_) => None,
    }
}

/// Prints one diagnostic: in words, or as JSON for machines.
fn show(diagnostic: &dyn Diagnostic, talk: &Talk) {
    let mut text = String::new();
    match talk.log_format {
        LogFormat::Json => {
            let rendered = JSONReportHandler::new().render_report(&mut text, diagnostic);
            // A diagnostic that cannot be drawn still has its sentence.
            if rendered.is_err() {
                text = diagnostic.to_string();
            }
        }
        LogFormat::Text => text = in_words(diagnostic, colored(talk)),
    }
    say(text.trim_end());
}

/// `error:` and the sentence, its causes, the lines of a file that it is about, `help:`.
fn in_words(diagnostic: &dyn Diagnostic, colored: bool) -> String {
    let mut text = format!("{} {diagnostic}\n", mark("error", colored));
    for cause in causes(diagnostic) {
        text.push_str(&format!("  because: {cause}\n"));
    }
    text.push_str(&excerpt(diagnostic, colored));
    if let Some(help) = diagnostic.help() {
        text.push_str(&format!("{} {help}\n", mark("help", colored)));
    }
    text
}

/// The lines of the file, with marks under what is meant.
fn excerpt(diagnostic: &dyn Diagnostic, colored: bool) -> String {
    if diagnostic.source_code().is_none() {
        return String::new();
    }
    let theme = if colored {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::none()
    };
    let mut drawn = String::new();
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false);
    match handler.render_report(&mut drawn, &Excerpt(diagnostic)) {
        // Its first line would be the sentence, which is told already.
        Ok(()) => drawn
            .lines()
            .skip(1)
            .map(|line| format!("{}\n", line.trim_end()))
            .collect(),
        Err(_) => String::new(),
    }
}

/// A diagnostic of which only its place is drawn.
#[derive(Debug)]
struct Excerpt<'a>(&'a dyn Diagnostic);

impl std::fmt::Display for Excerpt<'_> {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl Error for Excerpt<'_> {}

impl Diagnostic for Excerpt<'_> {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes_and_help_in_one_style() {
        let error = CommandError::Spool {
            dir: "/x".into(),
            source: std::io::Error::from_raw_os_error(28),
        };
        assert_eq!(
            in_words(&Shown { error: &error }, false),
            "error: cannot make temporary files in `/x`\n  \
             because: No space left on device (os error 28)\n\
             help: name a folder on a disk with room in COMPOSE_DUMP_SPOOL__DIR or TMPDIR\n"
        );
    }

    #[test]
    fn machines_get_one_document_with_the_exit_code() {
        let one = Finding::new("plan::x", "it is wrong").with_help("mend it");
        let document_of_one = document(&one.clone().into());
        assert_eq!(document_of_one["error"]["message"], "it is wrong");
        assert_eq!(document_of_one["error"]["help"], "mend it");
        assert_eq!(document_of_one["error"]["code"], "plan::x");
        assert_eq!(document_of_one["exit"], 2);
        let two = document(&vec![one.clone(), one].into());
        assert_eq!(two["error"]["message"], "2 findings");
        assert_eq!(two["findings"][1]["code"], "plan::x");
        let lost = CommandError::Start(std::io::Error::from_raw_os_error(12));
        let document = document(&lost);
        assert_eq!(document["exit"], 1);
        assert_eq!(
            document["error"]["causes"],
            json!(["Cannot allocate memory (os error 12)"])
        );
    }
}
