//! What an execution came to: the sum of its events, for the end of the output and for scripts.

use jiff::Timestamp;
use serde::Serialize;

use super::hold::Held;
use crate::archive::manifest::model::Hold;
use crate::exit::Exit;
use crate::plan::model::Missing;

/// The outcome of one job.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// The job's name.
    pub job: String,
    /// The project id.
    pub project: String,
    /// When the run was invoked.
    pub invoked: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// One row per target, in the order in which they were given.
    pub targets: Vec<TargetReport>,
    /// One row per member that was read, or was to be.
    pub members: Vec<MemberSummary>,
    /// Who was held still, from when to when.
    pub held: Vec<HeldReport>,
    /// The `after` hooks that failed: what their `before` did is not undone.
    pub hooks_failed: Vec<String>,
    /// Why the run ended early, if it did.
    pub error: Option<String>,
    /// Whether a signal ended it.
    pub interrupted: bool,
    /// What the Compose files declare and what was not there.
    pub missing: Missing,
}

/// A report as scripts get it.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    #[serde(flatten)]
    report: &'a RunReport,
    /// Whether there is a dump, and everything that was planned is in it.
    complete: bool,
    /// The code that the process ends with.
    exit: u8,
}

/// What became of one target.
#[derive(Debug, Clone, Serialize)]
pub struct TargetReport {
    /// The target, as it was given or is declared.
    pub target: String,
    /// Whether the run fails with it.
    pub required: bool,
    /// Where the dump is, if it was published there; `-` is standard output.
    pub dump: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// What the target could not keep.
    pub warnings: Vec<String>,
    /// Why there is no dump.
    pub error: Option<String>,
    /// What came of `keep`; `None` where it was not applied.
    pub pruned: Option<PruneReport>,
}

/// What became of a target's old dumps.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PruneReport {
    /// The dumps that are gone, by name.
    pub removed: Vec<String>,
    /// Why others are not.
    pub problems: Vec<String>,
}

/// What became of one member.
#[derive(Debug, Clone, Serialize)]
pub struct MemberSummary {
    /// Its path in the dump.
    pub member: String,
    /// Its bytes before compression.
    pub bytes: u64,
    /// Its entries.
    pub entries: u64,
    /// How long it was read.
    pub seconds: f64,
    /// What was odd.
    pub warnings: Vec<String>,
    /// Entries whose content is missing or not wholly there.
    pub entries_with_gaps: u64,
    /// Why it may not be of one moment.
    pub torn_by: Vec<String>,
    /// Why it is not in the dump.
    pub error: Option<String>,
}

/// A container that was held.
#[derive(Debug, Clone, Serialize)]
pub struct HeldReport {
    /// Its name.
    pub container: String,
    /// Its service.
    pub service: String,
    /// `paused` or `stopped`.
    pub how: Hold,
    /// The members that it was held for.
    #[serde(rename = "for")]
    pub members: Vec<String>,
    /// When it stood still.
    pub from: Timestamp,
    /// When it ran again, or was no longer held; `None` if it could not be brought back.
    pub until: Option<Timestamp>,
    /// Why it is not well, although it was started again.
    pub unwell: Option<String>,
}

impl HeldReport {
    /// Whether it is as it was before.
    #[must_use]
    pub fn is_back(&self) -> bool {
        self.until.is_some() && self.unwell.is_none()
    }

    /// How long it was held, if it is not any more.
    #[must_use]
    pub fn seconds(&self) -> Option<f64> {
        let until = self.until?;
        Some(until.duration_since(self.from).as_secs_f64())
    }
}

impl From<&Held> for HeldReport {
    fn from(held: &Held) -> Self {
        Self {
            container: held.container.clone(),
            service: held.service.clone(),
            how: held.how,
            members: held.members.clone(),
            from: held.from,
            until: held.until,
            unwell: held.unwell.clone(),
        }
    }
}

impl MemberSummary {
    /// Whether everything that the reader could see is in the dump, as it was at one moment.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.error.is_none() && self.entries_with_gaps == 0 && self.torn_by.is_empty()
    }
}

impl RunReport {
    /// The report for scripts, with the exit code of the run.
    #[must_use]
    pub fn document(&self, exit: Exit) -> Document<'_> {
        let is_there = self.targets.iter().any(|target| target.dump.is_some());
        Document {
            report: self,
            complete: is_there && self.is_whole(),
            exit: exit.code(),
        }
    }

    /// Whether everything that was planned was stored, and nothing ended the run.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_whole() && self.error.is_none() && !self.interrupted
    }

    /// Whether nothing is missing of what was to be stored, as far as that is known.
    fn is_whole(&self) -> bool {
        !self.missing.has_gaps() && self.members.iter().all(MemberSummary::is_whole)
    }

    /// The exit code of this outcome; `signal` is the one for a signal that ended it.
    #[must_use]
    pub fn exit(&self, signal: Option<Exit>) -> Exit {
        let mut exit = Exit::Done;
        if !self.is_whole() {
            exit = exit.worst(Exit::Partial);
        }
        for target in self.targets.iter().filter(|target| target.dump.is_none()) {
            exit = exit.worst(if target.required {
                Exit::Failed
            } else {
                Exit::Partial
            });
        }
        let pruned = self
            .targets
            .iter()
            .filter_map(|target| target.pruned.as_ref());
        if pruned.into_iter().any(|pruned| !pruned.problems.is_empty()) {
            exit = exit.worst(Exit::Unpruned);
        }
        let any_dump = self.targets.iter().any(|target| target.dump.is_some());
        if self.error.is_some() || !any_dump {
            exit = exit.worst(Exit::Failed);
        }
        if let Some(signal) = signal.filter(|_| self.interrupted) {
            exit = exit.worst(signal);
        }
        if !self.hooks_failed.is_empty() {
            exit = exit.worst(Exit::NotBrought);
        }
        if !self.held.iter().all(HeldReport::is_back) {
            exit = exit.worst(Exit::NotBrought);
        }
        exit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run to one target with one member that was held for, all of it good.
    fn good() -> RunReport {
        let now = Timestamp::UNIX_EPOCH;
        RunReport {
            job: "manual".into(),
            project: "h/p/0".into(),
            invoked: now,
            finished: now,
            targets: vec![TargetReport {
                target: "/b".into(),
                required: true,
                dump: Some("/b/dump".into()),
                bytes: 1,
                warnings: vec!["cannot keep owners".into()],
                error: None,
                pruned: None,
            }],
            members: vec![MemberSummary {
                member: "config".into(),
                bytes: 1,
                entries: 1,
                seconds: 0.1,
                warnings: vec!["a socket".into()],
                entries_with_gaps: 0,
                torn_by: Vec::new(),
                error: None,
            }],
            held: vec![HeldReport {
                container: "web".into(),
                service: "web".into(),
                how: Hold::Stopped,
                members: vec!["config".into()],
                from: now,
                until: Some(now),
                unwell: None,
            }],
            hooks_failed: Vec::new(),
            error: None,
            interrupted: false,
            missing: Missing::default(),
        }
    }

    #[test]
    fn scripts_are_told_whether_the_dump_is_complete() {
        let document = |report: &RunReport| {
            serde_json::to_value(report.document(report.exit(None))).expect("it is plain data")
        };
        let mut report = good();
        assert_eq!(document(&report)["complete"], true);
        assert_eq!(document(&report)["exit"], 0);
        assert_eq!(document(&report)["job"], "manual");
        report.missing.definitions.push("inc.yaml".into());
        assert_eq!(document(&report)["complete"], false);
        assert_eq!(document(&report)["exit"], 3);
        let mut report = good();
        report.targets[0].dump = None;
        assert_eq!(document(&report)["complete"], false);
    }

    #[test]
    fn each_outcome_has_its_exit_code_and_the_weightiest_wins() {
        type Change = fn(&mut RunReport);
        let gap: Change = |report| report.members[0].entries_with_gaps = 1;
        let failed: Change = |report| report.members[0].error = Some("gone".into());
        let torn: Change = |report| report.members[0].torn_by.push("web ran".into());
        let no_dump: Change = |report| report.targets[0].dump = None;
        let error: Change = |report| report.error = Some("no".into());
        let spare: Change = |report| {
            let mut spare = report.targets[0].clone();
            spare.required = false;
            spare.dump = None;
            report.targets.push(spare);
        };
        let unpruned: Change = |report| {
            report.targets[0].pruned = Some(PruneReport {
                removed: Vec::new(),
                problems: vec!["read-only".into()],
            });
        };
        let hook: Change = |report| report.hooks_failed.push("no".into());
        let stuck: Change = |report| report.held[0].until = None;
        let unwell: Change = |report| report.held[0].unwell = Some("its check fails".into());
        let signal: Change = |report| report.interrupted = true;
        let cases: [(&[Change], Option<Exit>, u8); 19] = [
            (&[], None, 0),
            (&[gap], None, 3),
            (&[unpruned], None, 4),
            (&[unpruned, spare], None, 3),
            (&[failed], None, 3),
            (&[torn], None, 3),
            (&[no_dump], None, 1),
            (&[error], None, 1),
            (&[spare], None, 3),
            (&[no_dump, spare], None, 1),
            (&[gap, no_dump], None, 1),
            (&[stuck], None, 20),
            (&[hook], None, 20),
            (&[unwell], None, 20),
            (&[no_dump, stuck], None, 20),
            (&[no_dump, signal], Some(Exit::Interrupted), 130),
            (&[no_dump, signal], Some(Exit::Terminated), 143),
            (&[no_dump, signal, stuck], Some(Exit::Interrupted), 20),
            // A signal that came when all was done has interrupted nothing.
            (&[gap], Some(Exit::Interrupted), 3),
        ];
        for (number, (changes, signal, code)) in cases.iter().enumerate() {
            let mut report = good();
            changes.iter().for_each(|change| change(&mut report));
            assert_eq!(report.exit(*signal).code(), *code, "case {number}");
        }
    }
}
