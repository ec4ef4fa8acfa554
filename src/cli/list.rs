//! `list`: the dumps at the file's targets or in a folder, the oldest first.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Serialize;

use super::args::{Global, ListArgs, Talk};
use super::edge::CommandError;
use super::file_targets::{FileTargets, no_job_file, store_at, store_url};
use super::talk::say;
use super::{stored, talk};
use crate::executor::chain;
use crate::exit::Exit;
use crate::store::StoreUrl;
use crate::stored::OpenError;
use crate::stored::dumps::{Listed, Listing, list as list_folder};
use crate::stored::objects::{self, Depth};
use crate::text;

/// Dumps that were found.
struct Found {
    /// The target, if it is one of the file.
    target: Option<String>,
    /// Where they are, or would be, as the end of a sentence.
    place: String,
    dumps: Vec<Listed>,
    /// Dumps of other projects, which were not asked for.
    of_others: usize,
}

impl Found {
    /// Everything in a folder or below a URL.
    fn all(place: String, listing: Listing) -> Self {
        Self {
            target: None,
            place,
            dumps: listing.dumps,
            of_others: 0,
        }
    }
}

/// Prints what is there.
///
/// # Errors
/// When there is no such folder, no file that would name targets, or none of them can be looked into.
pub(super) fn list(global: &Global, args: &ListArgs, talk: &Talk) -> Result<Exit, CommandError> {
    let found = find(global, args)?;
    if !talk.quiet {
        tell_lack(&found);
    }
    let printed = if args.json {
        let rows = found.iter().flat_map(|found| {
            let row = |dump| Row::of(found.target.as_deref(), dump);
            found.dumps.iter().map(row)
        });
        talk::print_json(&rows.collect::<Vec<Row<'_>>>())
    } else {
        talk::print(&page(&found, args.all_projects))
    };
    printed.map_err(CommandError::Print)?;
    Ok(Exit::Done)
}

/// Looks into a target that is called so, else into a folder; without a name into every target.
fn find(global: &Global, args: &ListArgs) -> Result<Vec<Found>, CommandError> {
    let Some(named) = &args.target else {
        let file = FileTargets::load(global)?.ok_or_else(no_job_file)?;
        return at_targets(&file, args.all_projects);
    };
    let text = named.to_str().unwrap_or_default();
    if StoreUrl::is_url(text) {
        let url = store_url(text)?;
        let store = store_at(FileTargets::load(global)?.as_ref(), &url)?;
        let depth = if args.all_projects {
            Depth::Below
        } else {
            Depth::Prefix
        };
        let listing = objects::list(&store, depth)?;
        tell_others(&listing);
        return Ok(vec![Found::all(format!("in `{url}`"), listing)]);
    }
    if let Some(name) = target_name(named) {
        match FileTargets::load(global) {
            Ok(Some(file)) if file.names().any(|known| known == name) => {
                return at_targets(&file.only(Some(name))?, args.all_projects);
            }
            // A folder can be looked into whatever is wrong with a file.
            Err(error) if !named.is_dir() => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    let listing = list_folder(named)?;
    tell_others(&listing);
    let place = format!("in `{}`", text::path(named));
    Ok(vec![Found::all(place, listing)])
}

/// A path without a slash may be the name of a target.
fn target_name(path: &Path) -> Option<&str> {
    let is_name = !path.as_os_str().as_bytes().contains(&b'/');
    path.to_str().filter(|_| is_name)
}

fn at_targets(file: &FileTargets, all_projects: bool) -> Result<Vec<Found>, CommandError> {
    let mut found = Vec::new();
    let mut unread: Vec<(String, OpenError)> = Vec::new();
    let project = file.project.id();
    for target in &file.targets {
        let name = target.place.name.clone();
        let listed = target.dumps().map_err(OpenError::from);
        match listed.and_then(|place| place.list()) {
            Ok(listing) => {
                tell_others(&listing);
                let is_meant = |dump: &Listed| all_projects || dump.series.project == project;
                let (dumps, others): (Vec<_>, Vec<_>) =
                    listing.dumps.into_iter().partition(is_meant);
                found.push(Found {
                    place: format!("at the target `{name}`"),
                    target: Some(name),
                    dumps,
                    of_others: others.len(),
                });
            }
            Err(error) => unread.push((name, error)),
        }
    }
    if found.is_empty()
        && let Some((_, error)) = unread.pop()
    {
        return Err(error.into());
    }
    for (name, error) in unread {
        let why = chain(&error);
        tracing::warn!("the target `{name}` was not looked into: {why}");
    }
    Ok(found)
}

/// Where nothing is listed, and what else is there: silence would leave open whether anybody has looked.
fn tell_lack(found: &[Found]) {
    for one in found.iter().filter(|one| one.dumps.is_empty()) {
        let whose = if one.of_others > 0 {
            "of this project "
        } else {
            ""
        };
        say(&format!("there is no dump {whose}{}", one.place));
    }
    let of_others: usize = found.iter().map(|one| one.of_others).sum();
    if of_others > 0 {
        let dumps = text::count(of_others as u64, "dump");
        say(&format!(
            "{dumps} of other projects: `--all-projects` lists them"
        ));
    }
}

fn tell_others(listing: &Listing) {
    for (path, error) in &listing.others {
        let (path, why) = (text::path(path), chain(error));
        tracing::warn!("`{path}` is not listed: {why}");
    }
}

/// One line for each dump, under the name of its target where there are several.
fn page(found: &[Found], all_projects: bool) -> String {
    let mut lines = String::new();
    for one in found {
        if let Some(target) = one.target.as_ref().filter(|_| found.len() > 1) {
            lines.push_str(&format!("{target}:\n"));
        }
        let projects: BTreeSet<&str> = one.dumps.iter().map(project).collect();
        let width = projects
            .iter()
            .map(|id| text::os(id.as_ref()).chars().count());
        let width = width.max().filter(|_| all_projects || projects.len() > 1);
        lines.extend(one.dumps.iter().map(|dump| line(dump, width)));
    }
    lines
}

fn project(dump: &Listed) -> &str {
    &dump.series.project
}

/// A dump's line. The project is named, so wide, where there are several.
fn line(dump: &Listed, project_width: Option<usize>) -> String {
    let project = project_width.map(|width| {
        let id = text::os(project(dump).as_ref());
        format!("{id:<width$}  ")
    });
    let gaps = if dump.is_complete {
        ""
    } else {
        "  not complete"
    };
    format!(
        "{}{}  {:>9}  {:<7}  {}, {}{gaps}\n",
        project.unwrap_or_default(),
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
    target: Option<&'a str>,
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
    fn of(target: Option<&'a str>, dump: &'a Listed) -> Self {
        Self {
            target,
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
