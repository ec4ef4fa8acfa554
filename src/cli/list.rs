//! `list`: the dumps in a folder of dumps, the oldest first.

use serde::Serialize;

use super::args::ListArgs;
use super::edge::CommandError;
use super::{stored, talk};
use crate::executor::chain;
use crate::exit::Exit;
use crate::stored::dumps::{Listed, list as list_folder};
use crate::text;

/// Prints what is in the folder.
pub(super) fn list(args: &ListArgs) -> Result<Exit, CommandError> {
    let listing = list_folder(&args.target)?;
    for (path, error) in &listing.others {
        let (path, why) = (text::path(path), chain(error));
        tracing::warn!("`{path}` is not listed: {why}");
    }
    let printed = if args.json {
        let rows: Vec<Row<'_>> = listing.dumps.iter().map(Row::of).collect();
        talk::print_json(&rows)
    } else {
        talk::print(&listing.dumps.iter().map(line).collect::<String>())
    };
    printed.map_err(CommandError::Print)?;
    Ok(Exit::Done)
}

fn line(dump: &Listed) -> String {
    let gaps = if dump.is_complete {
        ""
    } else {
        "  not complete"
    };
    format!(
        "{}  {:>9}  {:<7}  {}, {}{gaps}\n",
        text::os(&dump.name),
        text::bytes(dump.bytes),
        stored::form(dump.form),
        text::os(dump.series.job.as_ref()),
        text::count(dump.members, "member"),
    )
}

/// A row of `list --json`.
#[derive(Serialize)]
struct Row<'a> {
    name: String,
    path: String,
    form: &'static str,
    id: &'a str,
    project: &'a str,
    project_id: &'a str,
    job: &'a str,
    invocation_time: jiff::Timestamp,
    bytes: u64,
    members: u64,
    complete: bool,
}

impl<'a> Row<'a> {
    fn of(dump: &'a Listed) -> Self {
        Self {
            name: text::os(&dump.name),
            path: text::path(&dump.path),
            form: stored::form(dump.form),
            id: &dump.id,
            project: &dump.project,
            project_id: &dump.series.project,
            job: &dump.series.job,
            invocation_time: dump.invoked,
            bytes: dump.bytes,
            members: dump.members,
            complete: dump.is_complete,
        }
    }
}
