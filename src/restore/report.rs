//! What a restore came to: for the end of the output and for scripts.

use serde::Serialize;

use super::plan::model::{LeftOut, Plan};
use super::running::ServiceRow;
use crate::exit::Exit;

/// How much of what was planned is in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Changed {
    /// Everything is as it was before.
    Nothing,
    /// Some is, and some is not.
    Partly,
    /// Everything that was planned.
    All,
}

/// The outcome of a restore.
#[derive(Debug, Clone, Serialize)]
pub struct RestoreReport {
    /// The dump's id.
    pub dump: String,
    /// The project that it was put back as.
    pub project: String,
    /// Its folder.
    pub folder: String,
    /// How much is in its place.
    pub changed: Changed,
    /// One row for each member that was put back.
    pub members: Vec<MemberRow>,
    /// What is in the dump and was not put back.
    pub left_out: Vec<LeftOut>,
    /// Services that were to run at the end.
    pub services: Vec<ServiceRow>,
    /// Containers that were stopped and did not come back.
    pub not_brought_back: Vec<String>,
    /// Why the restore ended early.
    pub error: Option<String>,
    /// What can be done about that.
    pub help: Option<String>,
    /// Whether the dump turned out not to be what was stored.
    pub is_damaged: bool,
    /// Whether a signal ended it.
    pub interrupted: bool,
    /// What is left to be done by hand, as commands.
    pub commands: Vec<String>,
}

/// A member that was put back.
#[derive(Debug, Clone, Serialize)]
pub struct MemberRow {
    /// Its path in the dump.
    pub member: String,
    /// Where it is now.
    pub place: String,
    /// Its entries.
    pub entries: u64,
    /// Its bytes.
    pub bytes: u64,
    /// What could not be kept as the dump has it.
    pub warnings: Vec<String>,
}

/// A report as scripts get it.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    #[serde(flatten)]
    report: &'a RestoreReport,
    /// The code that the process ends with.
    exit: u8,
}

impl RestoreReport {
    /// The report of a restore that has not done anything yet.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self {
            dump: plan.dump.id.clone(),
            project: plan.project.clone(),
            folder: crate::text::path(&plan.folder),
            changed: Changed::Nothing,
            members: Vec::new(),
            left_out: plan.left_out.clone(),
            services: Vec::new(),
            not_brought_back: Vec::new(),
            error: None,
            help: None,
            is_damaged: false,
            interrupted: false,
            commands: Vec::new(),
        }
    }

    /// The report for scripts, with the exit code of the restore.
    #[must_use]
    pub fn document(&self, exit: Exit) -> Document<'_> {
        Document {
            report: self,
            exit: exit.code(),
        }
    }

    /// Whether everything that was planned is in its place, every service that was to run does, and nothing
    /// failed on the way.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.changed == Changed::All
            && self.error.is_none()
            && self.commands.is_empty()
            && self.not_brought_back.is_empty()
            && self.services.iter().all(ServiceRow::is_well)
    }

    /// The exit code of this outcome; `signal` is the one for a signal that ended it.
    #[must_use]
    pub fn exit(&self, signal: Option<Exit>) -> Exit {
        let mut exit = Exit::Done;
        if !self.is_whole() {
            exit = exit.worst(Exit::Partial);
        }
        if self.changed == Changed::Nothing {
            exit = exit.worst(Exit::Failed);
        }
        if self.is_damaged {
            exit = match self.changed {
                Changed::Nothing => Exit::Damaged,
                Changed::Partly | Changed::All => exit.worst(Exit::Damaged),
            };
        }
        if let Some(signal) = signal.filter(|_| self.interrupted) {
            exit = exit.worst(signal);
        }
        if !self.not_brought_back.is_empty() {
            exit = exit.worst(Exit::NotBrought);
        }
        exit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> RestoreReport {
        RestoreReport {
            dump: "d".into(),
            project: "blog".into(),
            folder: "/srv/blog".into(),
            changed: Changed::All,
            members: Vec::new(),
            left_out: Vec::new(),
            services: vec![ServiceRow {
                service: "web".into(),
                container: Some("blog-web-1".into()),
                is_up: true,
                is_healthy: None,
                error: None,
            }],
            not_brought_back: Vec::new(),
            error: None,
            help: None,
            is_damaged: false,
            interrupted: false,
            commands: Vec::new(),
        }
    }

    #[test]
    fn each_outcome_has_its_exit_code() {
        type Change = fn(&mut RestoreReport);
        let nothing: Change = |report| report.changed = Changed::Nothing;
        let partly: Change = |report| report.changed = Changed::Partly;
        let down: Change = |report| report.services[0].is_up = false;
        let by_hand: Change = |report| report.commands.push("docker compose up -d".into());
        let damaged: Change = |report| report.is_damaged = true;
        let signal: Change = |report| report.interrupted = true;
        let stuck: Change = |report| report.not_brought_back.push("web".into());
        let failed: Change = |report| report.error = Some("the connection broke".into());
        let nobody: Change = |report| report.services.clear();
        let cases: [(&[Change], Option<Exit>, u8); 14] = [
            (&[], None, 0),
            (&[nothing], None, 1),
            (&[partly], None, 3),
            (&[down], None, 3),
            (&[by_hand], None, 3),
            (&[failed], None, 3),
            (&[failed, nobody], None, 3),
            (&[failed, nobody, stuck], None, 20),
            (&[failed, signal], Some(Exit::Interrupted), 130),
            (&[nothing, damaged], None, 13),
            (&[partly, damaged], None, 13),
            (&[nothing, signal], Some(Exit::Terminated), 143),
            // A signal that came when all was done has interrupted nothing.
            (&[], Some(Exit::Interrupted), 0),
            (&[nothing, signal, stuck], Some(Exit::Interrupted), 20),
        ];
        for (number, (changes, signal, code)) in cases.iter().enumerate() {
            let mut report = report();
            changes.iter().for_each(|change| change(&mut report));
            assert_eq!(report.exit(*signal).code(), *code, "case {number}");
        }
    }
}
