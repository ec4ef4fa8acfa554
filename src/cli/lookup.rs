//! Which dump a user means: a path, a name in a folder of dumps, or a name in the targets that the job
//! file declares.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::args::{DumpChoice, Global};
use super::edge::CommandError;
use super::file_targets::{FileTargets, no_job_file, store_at, store_url};
use super::own_project::{OwnProject, prefer_own};
use crate::config::job_file::DEFAULT_JOB;
use crate::executor::chain;
use crate::prune;
use crate::store::{Store, StoreUrl};
use crate::stored::OpenError;
use crate::stored::choose::{Among, LATEST, NotChosen, choose, demand_newest, locate};
use crate::stored::dumps::Listed;
use crate::stored::objects::{self, Depth};
use crate::text;

/// The dump that is standard input, and the job file that is.
const STDIN: &str = "-";

/// Where a dump is.
#[derive(Debug)]
pub(super) enum Place {
    /// It comes from standard input.
    Stdin,
    /// A folder or an archive.
    Path(PathBuf),
    /// It is in an object store, below a prefix, by this name.
    InStore(Store, String),
}

/// No target of the file holds the dump.
#[derive(Debug, thiserror::Error)]
#[error("there is no dump `{}` in {}", text::os(.name), targets_in_words(.targets))]
pub(super) struct NotInTargets {
    name: OsString,
    targets: Vec<String>,
    /// Whether they hold dumps, all of other projects.
    others: bool,
}

impl NotInTargets {
    /// What a user can do about it.
    pub(super) fn help(&self) -> &'static str {
        if self.others {
            "the dumps there are of other projects: `compose-dump list --all-projects` shows them, and each can be named"
        } else {
            "`compose-dump list` shows the dumps in the file's targets"
        }
    }
}

/// The targets of the project's file, as far as there is one that can be used.
pub(super) type File = Result<Option<FileTargets>, CommandError>;

/// The file that may be needed to find a dump. Standard input can be read once, and is the dump's if both are
/// to come from there.
pub(super) fn file_for(global: &Global, choice: &DumpChoice) -> File {
    let is_stdin = |path: &PathBuf| path.as_os_str() == STDIN;
    if choice.dump == STDIN && global.job_file.as_ref().is_some_and(is_stdin) {
        return Ok(None);
    }
    FileTargets::load(global)
}

/// Finds the dump that is meant.
///
/// # Errors
/// When there is none, or it is not to be said which, or a place cannot be looked into.
pub(super) fn find(
    global: &Global,
    choice: &DumpChoice,
    file: File,
) -> Result<Place, CommandError> {
    let named = &choice.dump;
    if named == STDIN {
        return Ok(Place::Stdin);
    }
    let text = named.to_str().unwrap_or_default();
    if StoreUrl::is_url(text) {
        return at_url(global, &store_url(text)?, choice, file?.as_ref());
    }
    let path = Path::new(named);
    let is_name = !named.as_bytes().contains(&b'/');
    let by_name = is_name && rustix::fs::stat(path).is_err() || choice.target.is_some();
    let file = if by_name {
        match file? {
            Some(file) => return in_targets(file.only(choice.target.as_deref())?, choice),
            None if choice.target.is_some() => return Err(no_job_file().into()),
            None => None,
        }
    } else {
        // A path can be looked at whatever is wrong with a file.
        file.ok().flatten()
    };
    let located = prefer_own(global, file.as_ref(), |project| {
        locate(path, among(project, choice))
    });
    Ok(Place::Path(located?))
}

/// The dump at a URL: the last part of it is the dump's name, or `latest`.
fn at_url(
    global: &Global,
    url: &StoreUrl,
    choice: &DumpChoice,
    file: Option<&FileTargets>,
) -> Result<Place, CommandError> {
    let not_found = || OpenError::NotFound {
        path: url.to_string().into(),
    };
    let (prefix, name) = url.split_last().ok_or_else(not_found)?;
    let store = store_at(file, &prefix)?;
    if name != LATEST {
        return Ok(Place::InStore(store, name.to_owned()));
    }
    let listing = objects::list(&store, Depth::Prefix)?;
    let newest = prefer_own(global, file, |project| {
        let chosen = choose(&listing.dumps, name.as_ref(), among(project, choice));
        chosen.map_err(|not_chosen| match not_chosen {
            NotChosen::None => OpenError::NoDumps {
                folder: prefix.to_string().into(),
            },
            NotChosen::Several(series) => OpenError::SeveralSeries {
                path: url.to_string().into(),
                series,
            },
        })
    })?;
    demand_newest(newest, &listing.others)?;
    let name = newest.name.to_string_lossy().into_owned();
    Ok(Place::InStore(store, name))
}

fn among<'a>(project: Option<&'a str>, choice: &'a DumpChoice) -> Among<'a> {
    Among {
        project,
        job: choice.job.as_deref(),
        usual_job: DEFAULT_JOB,
    }
}

/// Whether there are dumps, and none of them is of the project.
fn are_of_others(dumps: &[Listed], project: &str) -> bool {
    !dumps.is_empty() && dumps.iter().all(|dump| dump.series.project != project)
}

/// Which project is meant: the file's own. On a new machine it goes by another host or folder than its dumps.
fn meant(file: &FileTargets, dumps: &[Listed]) -> String {
    let ids: BTreeSet<&str> = dumps.iter().map(|dump| &*dump.series.project).collect();
    let own = file.project.id();
    match OwnProject::of(file).among(&ids) {
        Some(other) if other != own => {
            tracing::warn!(
                "no dump of `{own}` is there: those of `{}` are taken",
                text::os(other.as_ref())
            );
            other.to_owned()
        }
        _ => own,
    }
}

/// Looks for a name in all of the targets: the newest dump may be in any of them.
fn in_targets(file: FileTargets, choice: &DumpChoice) -> Result<Place, CommandError> {
    let wanted: &OsStr = &choice.dump;
    let mut dumps: Vec<Listed> = Vec::new();
    // For each dump, the target that it was found at.
    let mut places: Vec<prune::Place> = Vec::new();
    let mut unread = Vec::new();
    let mut others = Vec::new();
    for target in &file.targets {
        let place = target.dumps().map_err(OpenError::from);
        match place.and_then(|place| Ok((place.list()?, place))) {
            Ok((listing, place)) => {
                places.resize(dumps.len() + listing.dumps.len(), place);
                dumps.extend(listing.dumps);
                others.extend(listing.others);
            }
            Err(error) => unread.push((&target.place.name, error)),
        }
    }
    let project = meant(&file, &dumps);
    let dump = match choose(&dumps, wanted, among(Some(&project), choice)) {
        Ok(dump) => dump,
        Err(NotChosen::Several(series)) => {
            return Err(OpenError::SeveralSeries {
                path: wanted.into(),
                series,
            }
            .into());
        }
        Err(NotChosen::None) => {
            return Err(match unread.into_iter().next() {
                Some((_, error)) => error.into(),
                None => CommandError::NotInTargets(NotInTargets {
                    name: wanted.to_owned(),
                    targets: file.names().map(str::to_owned).collect(),
                    others: are_of_others(&dumps, &project),
                }),
            });
        }
    };
    for (name, error) in unread {
        let why = chain(&error);
        tracing::warn!("the target `{name}` was not looked into: {why}");
    }
    if wanted == LATEST {
        demand_newest(dump, &others)?;
        if !dump.is_complete {
            let name = text::os(&dump.name);
            tracing::warn!("the newest dump, `{name}`, is not complete: `show` says what it lacks");
        }
    }
    let found = dumps.iter().position(|one| std::ptr::eq(one, dump));
    Ok(match found.map(|at| &places[at]) {
        Some(prune::Place::Store { store, .. }) => {
            Place::InStore(store.clone(), dump.name.to_string_lossy().into_owned())
        }
        Some(prune::Place::Folder { .. }) | None => Place::Path(dump.path.clone()),
    })
}

fn targets_in_words(names: &[String]) -> String {
    match names {
        [] => "the file's targets, for it declares none".to_owned(),
        [name] => format!("the target `{name}`"),
        names => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("the targets {}", names.join(", "))
        }
    }
}
