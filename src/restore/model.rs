//! The project as its Compose files will declare it when the dump is back: its name, its volumes' names, who
//! depends on whom.
//!
//! The files are the dump's, copied to a temporary folder of the same name, where they are put back; else
//! those in the project folder.

use std::path::{Path, PathBuf};

use crate::archive::manifest::Manifest;
use crate::compose::{self, LoadError, LoadOptions, MountSource, Project};
use crate::restore::request::Request;

/// The project as its files declare it.
#[derive(Debug, Clone)]
pub(super) struct Model {
    /// With the paths that it will have in its folder.
    pub(super) project: Project,
    /// The name that Compose gives it there by itself.
    pub(super) found_name: String,
    /// The Compose files that have to be named, because Compose does not find them by itself; absolute.
    pub(super) files: Vec<PathBuf>,
}

impl Model {
    /// Loads the Compose files at `at`, which stand for those in the request's folder. `None` when there are
    /// none.
    ///
    /// # Errors
    /// When Compose files are there and cannot be loaded.
    pub(super) fn load(
        request: &Request,
        manifest: &Manifest,
        at: &Path,
    ) -> Result<Option<Self>, LoadError> {
        let moved = |path: &PathBuf| match path.strip_prefix(&request.folder) {
            Ok(below) => at.join(below),
            Err(_) => path.clone(),
        };
        let flags = &request.compose;
        let options = LoadOptions {
            cwd: at.to_owned(),
            project_dir: Some(at.to_owned()),
            files: flags.files.iter().map(moved).collect(),
            project_name: None,
            env_files: flags.env_files.iter().map(moved).collect(),
            profiles: flags.profiles.clone(),
            env: std::env::vars_os().collect(),
            home: std::env::home_dir(),
        };
        let Some((found, files)) = load_files(&options, manifest, at)? else {
            return Ok(None);
        };
        let found_name = found.name.clone();
        let wanted = request.copy_as.as_ref().or(flags.project_name.as_ref());
        let project = match wanted {
            Some(name) if *name != found_name => compose::load(&LoadOptions {
                project_name: Some(name.clone()),
                files: files.clone().unwrap_or(options.files.clone()),
                ..options
            })?,
            _ => found,
        };
        let to = &request.folder;
        let named = files.unwrap_or_default();
        Ok(Some(Self {
            project: relocated(project, at, to),
            found_name,
            files: named.iter().map(|path| at_home(path, at, to)).collect(),
        }))
    }
}

/// A project, and the files that have to be named for it.
type Loaded = (Project, Option<Vec<PathBuf>>);

/// The project. Files have to be named, those of the dump, where Compose by itself would find others.
fn load_files(
    options: &LoadOptions,
    manifest: &Manifest,
    at: &Path,
) -> Result<Option<Loaded>, LoadError> {
    let found = match compose::load(options) {
        // A file in a folder above is another project's.
        Ok(project) if options.files.is_empty() && !is_in(&project, at) => None,
        Ok(project) => Some(project),
        Err(LoadError::NoComposeFile { .. } | LoadError::Missing { .. }) => None,
        Err(error) => return Err(error),
    };
    let stored = manifest.compose.files.iter();
    let stored: Vec<PathBuf> = stored.map(|file| at.join(&file.path)).collect();
    let is_there = !stored.is_empty()
        && stored
            .iter()
            .all(|path| path.starts_with(at) && path.is_file());
    let same = found
        .as_ref()
        .is_some_and(|project| project.compose_files == stored);
    if !options.files.is_empty() || same || !is_there {
        return Ok(found.map(|project| (project, None)));
    }
    let named = compose::load(&LoadOptions {
        files: stored.clone(),
        ..options.clone()
    })?;
    Ok(Some((named, Some(stored))))
}

fn is_in(project: &Project, folder: &Path) -> bool {
    let mut files = project.compose_files.iter();
    files.all(|file| file.parent() == Some(folder))
        || project.dir == folder && {
            let mut files = project.compose_files.iter();
            files.any(|file| file.starts_with(folder))
        }
}

/// The project with the paths that it will have.
fn relocated(mut project: Project, from: &Path, to: &Path) -> Project {
    project.dir = at_home(&project.dir, from, to);
    for file in &mut project.compose_files {
        *file = at_home(file, from, to);
    }
    let services = project.services.values_mut();
    for mount in services.flat_map(|service| &mut service.mounts) {
        if let Some(MountSource::HostPath(path)) = &mut mount.source {
            *path = at_home(path, from, to);
        }
    }
    project
}

fn at_home(path: &Path, from: &Path, to: &Path) -> PathBuf {
    match path.strip_prefix(from) {
        Ok(below) if below.as_os_str().is_empty() => to.to_owned(),
        Ok(below) => to.join(below),
        Err(_) => path.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;
    use crate::restore::plan::samples::Sample;

    /// Compose files that stand for those in `/srv/blog`.
    fn load(files: &[(&str, &str)], change: impl FnOnce(&mut Sample)) -> Option<Model> {
        let top = tempfile::tempdir().unwrap();
        let at = top.path().join("blog");
        for (name, text) in files {
            let path = at.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::create_dir_all(&at).unwrap();
        let mut sample = Sample::new();
        change(&mut sample);
        let manifest = sample.facts.manifest.clone();
        Model::load(&sample.request, &manifest, &at).unwrap()
    }

    const COMPOSE: &str =
        "services: {web: {image: x, volumes: ['db:/data', './media:/m']}}\nvolumes: {db: {}}\n";

    #[test]
    fn the_project_has_the_paths_and_names_that_it_will_have() {
        let model = load(&[("compose.yaml", COMPOSE)], |_| {}).unwrap();
        assert_eq!(model.found_name, "blog");
        assert_eq!(model.project.dir, Path::new("/srv/blog"));
        assert_eq!(model.project.volumes["db"].name, "blog_db");
        let sources: Vec<_> = model.project.services["web"].mounts.iter().collect();
        let media = MountSource::HostPath("/srv/blog/media".into());
        assert_eq!(sources[1].source, Some(media));
        assert!(model.files.is_empty());
    }

    #[test]
    fn another_name_gives_volumes_other_names() {
        let model = load(&[("compose.yaml", COMPOSE)], |sample| {
            sample.request.copy_as = Some("staging".into());
        })
        .unwrap();
        assert_eq!(model.found_name, "blog");
        assert_eq!(model.project.volumes["db"].name, "staging_db");
    }

    #[test]
    fn a_folder_without_compose_files_has_no_project() {
        assert!(load(&[("other.txt", "")], |_| {}).is_none());
    }

    #[test]
    fn files_that_compose_does_not_find_by_itself_are_named() {
        let files = [("deploy/prod.yaml", COMPOSE)];
        let model = load(&files, |sample| {
            let file = crate::archive::manifest::model::ComposeFile {
                path: "deploy/prod.yaml".into(),
                sha256: crate::archive::manifest::Sha256Digest::of(b""),
            };
            sample.facts.manifest.compose.files.push(file);
        })
        .unwrap();
        assert_eq!(model.files, [Path::new("/srv/blog/deploy/prod.yaml")]);
        assert_eq!(model.project.volumes["db"].name, "blog_db");
    }
}
