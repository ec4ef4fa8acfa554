//! What a run of one or several jobs came to: one document and one exit code.

use serde::{Serialize, Serializer};

use super::edge::CommandError;
use super::talk;
use crate::executor::{RunReport, chain};
use crate::exit::Exit;

/// The sum of several executions.
#[derive(Debug)]
pub(super) struct Outcome {
    rows: Vec<Row>,
    exit: Exit,
}

/// What became of one job.
#[derive(Debug)]
enum Row {
    Executed(Box<RunReport>, Exit),
    NotExecuted(NotExecuted),
}

/// A job of which there is no report.
#[derive(Debug, Serialize)]
struct NotExecuted {
    job: String,
    error: String,
    complete: bool,
    exit: u8,
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Executed(report, exit) => report.document(*exit).serialize(serializer),
            Self::NotExecuted(row) => row.serialize(serializer),
        }
    }
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            exit: Exit::Done,
        }
    }
}

impl Outcome {
    /// Adds a job that was executed.
    pub(super) fn add_report(&mut self, report: RunReport, exit: Exit) {
        self.rows.push(Row::Executed(Box::new(report), exit));
        self.exit = self.exit.worst(exit);
    }

    /// Adds a job, or a project, that was not executed.
    pub(super) fn add_error(&mut self, job: &str, error: &CommandError) {
        let findings: Vec<String> = match error {
            CommandError::Findings(findings) => findings.iter().map(ToString::to_string).collect(),
            other => vec![chain(other)],
        };
        self.rows.push(Row::NotExecuted(NotExecuted {
            job: job.to_owned(),
            error: findings.join("; "),
            complete: false,
            exit: error.exit().code(),
        }));
        self.exit = self.exit.worst(error.exit());
    }

    /// A signal between two jobs has interrupted the run as well.
    pub(super) fn add_signal(&mut self, signal: Option<Exit>) {
        if let Some(signal) = signal {
            self.exit = self.exit.worst(signal);
        }
    }

    /// Takes over the rows of another one.
    pub(super) fn add(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.exit = self.exit.worst(other.exit);
    }

    /// The worst of all exit codes.
    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// Prints the reports: one as it is, several as a list.
    ///
    /// # Errors
    /// When standard output does not take them.
    pub(super) fn print(&self) -> Result<(), CommandError> {
        match &self.rows[..] {
            [row] => talk::print_json(row),
            rows => talk::print_json(&rows),
        }
        .map_err(CommandError::Print)
    }

    /// Prints the reports as a list, however many there are.
    ///
    /// # Errors
    /// When standard output does not take them.
    pub(super) fn print_list(&self) -> Result<(), CommandError> {
        talk::print_json(&self.rows).map_err(CommandError::Print)
    }
}
