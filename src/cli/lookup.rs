//! Which dump a user means: a path, a name in a folder of dumps, or a name in the targets that the job
//! file declares.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::args::{DumpChoice, Global};
use super::edge::CommandError;
use super::file_targets::{FileTargets, no_job_file, store_at, store_url};
use crate::config::job_file::DEFAULT_JOB;
use crate::executor::chain;
use crate::prune;
use crate::store::{Store, StoreUrl};
use crate::stored::OpenError;
use crate::stored::choose::{Among, LATEST, NotChosen, choose, locate};
use crate::stored::dumps::Listed;
use crate::stored::objects::{self, Depth};
use crate::text;

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

/// Finds the dump that is meant.
///
/// # Errors
/// When there is none, or it is not to be said which, or a place cannot be looked into.
pub(super) fn find(global: &Global, choice: &DumpChoice) -> Result<Place, CommandError> {
    let named = &choice.dump;
    if named == "-" {
        return Ok(Place::Stdin);
    }
    let text = named.to_str().unwrap_or_default();
    if StoreUrl::is_url(text) {
        return at_url(global, &store_url(text)?, choice);
    }
    let path = Path::new(named);
    let is_name = !named.as_bytes().contains(&b'/');
    let by_name = is_name && rustix::fs::stat(path).is_err() || choice.target.is_some();
    if by_name {
        match FileTargets::load(global)? {
            Some(file) => return in_targets(file.only(choice.target.as_deref())?, choice),
            None if choice.target.is_some() => return Err(no_job_file().into()),
            None => {}
        }
    }
    Ok(Place::Path(locate(path, among(None, choice))?))
}

/// The dump at a URL: the last part of it is the dump's name, or `latest`.
fn at_url(global: &Global, url: &StoreUrl, choice: &DumpChoice) -> Result<Place, CommandError> {
    let not_found = || OpenError::NotFound {
        path: url.to_string().into(),
    };
    let (prefix, name) = url.split_last().ok_or_else(not_found)?;
    let store = store_at(global, &prefix)?;
    if name != LATEST {
        return Ok(Place::InStore(store, name.to_owned()));
    }
    let listing = objects::list(&store, Depth::Prefix)?;
    match choose(&listing.dumps, name.as_ref(), among(None, choice)) {
        Ok(dump) => Ok(Place::InStore(
            store,
            dump.name.to_string_lossy().into_owned(),
        )),
        Err(NotChosen::None) => Err(OpenError::NoDumps {
            folder: prefix.to_string().into(),
        }
        .into()),
        Err(NotChosen::Several(series)) => Err(OpenError::SeveralSeries {
            path: url.to_string().into(),
            series,
        }
        .into()),
    }
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

/// Looks for a name in all of the targets: the newest dump may be in any of them.
fn in_targets(file: FileTargets, choice: &DumpChoice) -> Result<Place, CommandError> {
    let wanted: &OsStr = &choice.dump;
    let mut dumps: Vec<Listed> = Vec::new();
    // For each dump, the target that it was found at.
    let mut places: Vec<prune::Place> = Vec::new();
    let mut unread = Vec::new();
    for target in &file.targets {
        let place = target.dumps().map_err(OpenError::from);
        match place.and_then(|place| Ok((place.list()?, place))) {
            Ok((listing, place)) => {
                places.resize(dumps.len() + listing.dumps.len(), place);
                dumps.extend(listing.dumps);
            }
            Err(error) => unread.push((&target.place.name, error)),
        }
    }
    let dump = match choose(&dumps, wanted, among(Some(&file.project_id), choice)) {
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
                    others: are_of_others(&dumps, &file.project_id),
                }),
            });
        }
    };
    for (name, error) in unread {
        let why = chain(&error);
        tracing::warn!("the target `{name}` was not looked into: {why}");
    }
    if wanted == LATEST && !dump.is_complete {
        let name = text::os(&dump.name);
        tracing::warn!("the newest dump, `{name}`, is not complete: `show` says what it lacks");
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
