//! What `prune` prints: each dump with the rule that keeps it, as text and as JSON.

use serde::Serialize;

use super::prune::Row;
use crate::executor::chain;
use crate::exit::Exit;
use crate::prune::{Judged, SeriesPlan, Swept};
use crate::retention::Shrunk;
use crate::targets::remover::{Leftover, RunState};
use crate::text;

/// The result for the eye.
pub(super) fn page(rows: &[Row], dry_run: bool) -> String {
    rows.iter().map(|row| target(row, dry_run)).collect()
}

fn target(row: &Row, dry_run: bool) -> String {
    let keeps = match &row.keep {
        Some(policy) => format!("keeps {policy}"),
        None => "keeps every dump".to_owned(),
    };
    let mut lines = format!("{}: {keeps}\n", row.target);
    if let Some(plan) = &row.plan {
        if plan.series.is_empty() {
            lines.push_str("  no dumps of this project's jobs\n");
        }
        for series in &plan.series {
            lines.push_str(&format!("  job {}\n", text::os(series.job.as_ref())));
            for judged in &series.dumps {
                let state = state(row, series, judged);
                let word = if dry_run {
                    state.intended()
                } else {
                    state.done()
                };
                let name = text::os(&judged.dump.name);
                let line = format!("    {word:<8}{name}  {}", rules(judged).join("; "));
                lines.push_str(&format!("{}\n", line.trim_end()));
            }
            if let Some(Shrunk { newest, before }) = &series.shrunk {
                lines.push_str(&format!(
                    "    nothing is removed: the newest dump holds {}, and the one before it {}\n",
                    text::bytes(*newest),
                    text::bytes(*before)
                ));
            }
            if !series.lost.is_empty() {
                lines.push_str(&format!("    {}\n", lost(&series.lost)));
            }
        }
    }
    for (leftover, swept) in &row.leftovers {
        let state = state_of_leftover(leftover, swept.as_ref());
        let word = if dry_run {
            state.intended()
        } else {
            state.done()
        };
        let path = text::path(&leftover.path);
        let archive = leftover
            .archive
            .as_ref()
            .map(|archive| format!(" and {}", text::path(archive)));
        let why = leftover_of(leftover);
        let archive = archive.unwrap_or_default();
        lines.push_str(&format!("  {word:<8}{path}{archive}  {why}\n"));
    }
    lines
}

/// That volumes are gone.
fn lost(volumes: &[String]) -> String {
    let names: Vec<String> = volumes.iter().map(|name| format!("`{name}`")).collect();
    format!(
        "missing at the engine, and in an older dump, which stays: {}",
        names.join(", ")
    )
}

fn rules(judged: &Judged) -> Vec<String> {
    judged.rules.iter().map(ToString::to_string).collect()
}

/// What is to become of something, and has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Stays,
    Goes,
    Failed,
}

impl State {
    const fn intended(self) -> &'static str {
        match self {
            Self::Stays => "keep",
            Self::Goes | Self::Failed => "remove",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Stays => "kept",
            Self::Goes => "removed",
            Self::Failed => "FAILED",
        }
    }
}

fn state(row: &Row, series: &SeriesPlan, judged: &Judged) -> State {
    let failed = |(id, _): &(String, _)| *id == judged.dump.id;
    if series.shrunk.is_some() || !judged.rules.is_empty() {
        State::Stays
    } else if row.error.is_some() || row.failed.iter().any(failed) {
        State::Failed
    } else {
        State::Goes
    }
}

fn state_of_leftover(leftover: &Leftover, swept: Option<&Swept>) -> State {
    match (swept, leftover.state) {
        (Some(Swept::Removed), _) | (None, RunState::Over) => State::Goes,
        (Some(Swept::Failed(_)), _) => State::Failed,
        (Some(Swept::Left), _)
        | (None, RunState::GoesOn | RunState::Unknown | RunState::Recent) => State::Stays,
    }
}

fn leftover_of(leftover: &Leftover) -> &'static str {
    match leftover.state {
        RunState::Over => "of a run that is over",
        RunState::GoesOn => "of a run that goes on",
        RunState::Recent => "less than a week old: its run may go on",
        RunState::Unknown => {
            "nobody can tell whether its run is over: the file system has no locks"
        }
    }
}

/// `prune --json`.
#[derive(Serialize)]
pub(super) struct Document {
    dry_run: bool,
    exit: u8,
    targets: Vec<TargetRow>,
}

#[derive(Serialize)]
struct TargetRow {
    target: String,
    keep: Option<crate::retention::Policy>,
    series: Vec<SeriesRow>,
    leftovers: Vec<LeftoverRow>,
    error: Option<String>,
}

#[derive(Serialize)]
struct SeriesRow {
    job: String,
    guarded: bool,
    lost: Vec<String>,
    dumps: Vec<DumpRow>,
}

#[derive(Serialize)]
struct DumpRow {
    name: String,
    path: String,
    id: String,
    invocation_time: jiff::Timestamp,
    complete: bool,
    /// The rules that keep it.
    rules: Vec<String>,
    /// Whether it goes, or is gone.
    removed: bool,
    error: Option<String>,
}

#[derive(Serialize)]
struct LeftoverRow {
    path: String,
    archive: Option<String>,
    why: &'static str,
    removed: bool,
    error: Option<String>,
}

impl Document {
    pub(super) fn new(rows: &[Row], dry_run: bool, exit: Exit) -> Self {
        Self {
            dry_run,
            exit: exit.code(),
            targets: rows.iter().map(TargetRow::of).collect(),
        }
    }
}

impl TargetRow {
    fn of(row: &Row) -> Self {
        let series = row.plan.iter().flat_map(|plan| &plan.series);
        Self {
            target: row.target.clone(),
            keep: row.keep.clone(),
            series: series.map(|series| SeriesRow::of(row, series)).collect(),
            leftovers: row.leftovers.iter().map(LeftoverRow::of).collect(),
            error: row.error.clone(),
        }
    }
}

impl SeriesRow {
    fn of(row: &Row, series: &SeriesPlan) -> Self {
        let dump = |judged: &Judged| {
            let failed = row.failed.iter().find(|(id, _)| *id == judged.dump.id);
            DumpRow {
                name: text::os(&judged.dump.name),
                path: text::path(&judged.dump.path),
                id: judged.dump.id.clone(),
                invocation_time: judged.dump.invoked,
                complete: judged.dump.is_complete,
                rules: rules(judged),
                removed: state(row, series, judged) == State::Goes,
                error: failed.map(|(_, error)| chain(error)),
            }
        };
        Self {
            job: series.job.clone(),
            guarded: series.shrunk.is_some(),
            lost: series.lost.clone(),
            dumps: series.dumps.iter().map(dump).collect(),
        }
    }
}

impl LeftoverRow {
    fn of((leftover, swept): &(Leftover, Option<Swept>)) -> Self {
        let error = match swept {
            Some(Swept::Failed(error)) => Some(chain(error)),
            Some(Swept::Removed | Swept::Left) | None => None,
        };
        Self {
            path: text::path(&leftover.path),
            archive: leftover.archive.as_deref().map(text::path),
            why: leftover_of(leftover),
            removed: state_of_leftover(leftover, swept.as_ref()) == State::Goes,
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use jiff::Timestamp;

    use super::*;
    use crate::archive::manifest::model::Series;
    use crate::prune::{Keeping, Place, PruneError, plan};
    use crate::retention::{Policy, Share};
    use crate::stored::Form;
    use crate::stored::dumps::Listed;

    fn row() -> Row {
        let listed = |(second, raw_bytes)| Listed {
            name: format!("dump {second}").into(),
            path: format!("/b/dump {second}").into(),
            form: Form::Directory,
            id: format!("{second}"),
            project: "blog".to_owned(),
            series: Series {
                project: "p".to_owned(),
                job: "default".to_owned(),
            },
            invoked: Timestamp::from_second(second).expect("a second"),
            bytes: 0,
            raw_bytes,
            members: 0,
            is_complete: true,
            volumes: BTreeSet::new(),
            missing_volumes: BTreeSet::new(),
        };
        let dumps = [(1, 2048), (2, 2048), (3, 1024)].map(listed);
        let policy = Policy {
            last: Some(1),
            ..Policy::default()
        };
        let keeping = Keeping {
            project: "p".to_owned(),
            jobs: vec![("default".to_owned(), Share::HALF)],
            policy: policy.clone(),
        };
        let now = Timestamp::from_second(9).expect("a second");
        Row {
            target: "local".to_owned(),
            place: Some(Place::Folder {
                target: "local".to_owned(),
                folder: PathBuf::from("/b"),
            }),
            keep: Some(policy),
            plan: Some(plan(&dumps, &keeping, now)),
            failed: Vec::new(),
            leftovers: Vec::new(),
            error: None,
        }
    }

    #[test]
    fn a_dry_run_says_what_would_be_done_and_a_real_one_what_was() {
        let mut row = row();
        assert_eq!(
            page(std::slice::from_ref(&row), true),
            "local: keeps last 1\n  \
             job default\n    \
             remove  dump 1\n    \
             remove  dump 2\n    \
             keep    dump 3  newest complete; last 1\n"
        );
        let changed = PruneError::Changed {
            target: "local".to_owned(),
            path: "/b/dump 1".into(),
        };
        row.failed.push(("1".to_owned(), changed));
        let rows = [row];
        assert_eq!(
            page(&rows, false),
            "local: keeps last 1\n  \
             job default\n    \
             FAILED  dump 1\n    \
             removed dump 2\n    \
             kept    dump 3  newest complete; last 1\n"
        );
        let document = serde_json::to_value(Document::new(&rows, false, Exit::Unpruned));
        let document = document.expect("it is plain data");
        assert_eq!(document["exit"], 4);
        let dumps = &document["targets"][0]["series"][0]["dumps"];
        assert_eq!(dumps[0]["removed"], false);
        assert_eq!(
            dumps[0]["error"],
            "target `local`: `/b/dump 1` was changed meanwhile, and left alone"
        );
        assert_eq!(dumps[1]["removed"], true);
        assert_eq!(dumps[2]["rules"][1], "last 1");
    }

    #[test]
    fn a_guard_is_told_with_both_sizes() {
        let mut row = row();
        let series = row.plan.as_mut().map(|plan| &mut plan.series[0]);
        series.expect("there is one").shrunk = Some(Shrunk {
            newest: 1,
            before: 2048,
        });
        let told = page(&[row], true);
        assert!(told.contains("    keep    dump 1\n"), "{told}");
        assert!(told.ends_with(
            "nothing is removed: the newest dump holds 1 B, and the one before it 2.0 KiB\n"
        ));
    }
}
