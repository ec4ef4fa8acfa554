//! The project that is meant where dumps of several lie beside each other and a name fits more than one: that of
//! the working folder.

use std::collections::BTreeSet;

use super::args::Global;
use super::declared;
use super::file_targets::FileTargets;
use super::working_folder::working_folder;
use crate::compose::{NAME_VARIABLE, clean, name_of_folder};
use crate::config::identity::{Identity, host_name};
use crate::config::layers::Layered;
use crate::config::settings::{Overrides, Settings};
use crate::stored::OpenError;

/// The project of options and working folder, as far as it is known without a dump.
#[derive(Debug)]
pub(super) struct OwnProject {
    identity: Identity,
    /// An option, a variable or a Compose file gives its name. Else it is the folder's, which is a guess: the
    /// Compose file that is to be restored may have said another one.
    is_named: bool,
}

impl OwnProject {
    /// That of a job file.
    pub(super) fn of(file: &FileTargets) -> Self {
        Self {
            identity: file.project.clone(),
            is_named: !file.name_is_guess,
        }
    }

    /// That of a job file, else of a Compose file, else of the folder. `None` where there is no folder.
    pub(super) fn find(global: &Global, file: Option<&FileTargets>) -> Option<Self> {
        if let Some(file) = file {
            return Some(Self::of(file));
        }
        let cwd = working_folder(global).ok()?;
        let layered = Layered::load(&Settings::default(), &Overrides::default());
        let host = layered.ok().and_then(|layered| layered.settings.host);
        let host = host.unwrap_or_else(host_name);
        if let Ok(project) = declared::project(global, &cwd) {
            return Some(Self {
                identity: Identity::new(&host, &project.name, &project.dir),
                is_named: true,
            });
        }
        let folder = clean(&declared::project_folder(global, &cwd).unwrap_or(cwd));
        let variable = || std::env::var(NAME_VARIABLE).ok();
        let given = global.project_name.clone().or_else(variable);
        let given = given.filter(|name| !name.is_empty());
        let is_named = given.is_some();
        let name = given.unwrap_or_else(|| name_of_folder(&folder));
        Some(Self {
            identity: Identity::new(&host, &name, &folder),
            is_named,
        })
    }

    /// Which of the projects it is, by their ids: the same one; else the only one that agrees in name and host,
    /// or in name and folder; else the only one of its name. What is alike counts more than the name where
    /// that is a guess.
    pub(super) fn among<'a>(&self, ids: &BTreeSet<&'a str>) -> Option<&'a str> {
        let own = &self.identity;
        let name = |other: &Identity| other.name == own.name;
        let path = |other: &Identity| other.path_hash == own.path_hash;
        let host = |other: &Identity| other.host == own.host;
        let agrees: [&dyn Fn(&Identity) -> bool; 3] = if self.is_named {
            [
                &|other| other == own,
                &|other| name(other) && (path(other) || host(other)),
                &name,
            ]
        } else {
            [&|other| path(other) && host(other), &path, &name]
        };
        for agrees in agrees {
            let is_it = |id: &&&str| Identity::of_id(id).is_some_and(|other| agrees(&other));
            let mut found = ids.iter().filter(is_it);
            match (found.next(), found.next()) {
                (None, _) => {}
                (Some(only), None) => return Some(only),
                (Some(_), Some(_)) => return None,
            }
        }
        None
    }
}

/// What `pick` finds, among the dumps of any project; where those of several fit, among those of the own one.
///
/// # Errors
/// Those of `pick`.
pub(super) fn prefer_own<T>(
    global: &Global,
    file: Option<&FileTargets>,
    pick: impl Fn(Option<&str>) -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let (path, series) = match pick(None) {
        Err(OpenError::SeveralSeries { path, series }) => (path, series),
        picked => return picked,
    };
    let ids: BTreeSet<&str> = series.iter().map(|one| one.project.as_str()).collect();
    let own = || OwnProject::find(global, file)?.among(&ids);
    match (ids.len() > 1).then(own).flatten() {
        Some(meant) => {
            tracing::info!(
                "dumps of {} projects are there: those of `{}` are meant",
                ids.len(),
                crate::text::os(meant.as_ref())
            );
            pick(Some(meant))
        }
        None => Err(OpenError::SeveralSeries { path, series }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant<'a>(id: &str, is_named: bool, ids: &[&'a str]) -> Option<&'a str> {
        let identity = Identity::of_id(id).expect("an id");
        let own = OwnProject { identity, is_named };
        own.among(&ids.iter().copied().collect())
    }

    #[test]
    fn the_same_project_is_meant_and_else_the_only_one_of_its_name() {
        let ids = ["web-1/blog/aa", "web-1/shop/bb", "web-2/blog/aa"];
        assert_eq!(meant("web-1/blog/aa", true, &ids), Some(ids[0]));
        assert_eq!(meant("web-2/blog/aa", true, &ids), Some(ids[2]));
        assert_eq!(meant("new/shop/cc", true, &ids), Some(ids[1]));
        assert_eq!(meant("web-1/blog/cc", true, &ids), Some(ids[0]), "its host");
        assert_eq!(meant("new/blog/aa", true, &ids), None, "of which host?");
        assert_eq!(meant("web-1/other/aa", true, &ids), None);
        let copies = ["web-1/blog/aa", "web-2/blog/bb"];
        assert_eq!(meant("web-1/blog/bb", true, &copies), None, "both agree");
        assert_eq!(meant("new/blog/bb", true, &copies), Some(copies[1]));
        assert_eq!(meant("web-1/blog/aa", true, &["odd", "blog/aa"]), None);
    }

    #[test]
    fn where_a_name_is_a_guess_the_folder_counts_first() {
        let ids = ["web-1/blog/aa", "web-1/shop/bb"];
        assert_eq!(meant("web-1/shop/aa", false, &ids), Some(ids[0]));
        assert_eq!(meant("new/shop/aa", false, &ids), Some(ids[0]));
        assert_eq!(meant("new/shop/cc", false, &ids), Some(ids[1]));
        assert_eq!(meant("web-1/else/cc", false, &ids), None);
    }
}
