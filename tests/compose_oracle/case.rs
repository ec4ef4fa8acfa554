//! A case: a project in a folder of its own, and how Compose is called there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use compose_dump::compose::{LoadError, LoadOptions, Project, load};
use serde::Deserialize;

/// `case.yaml`, if there is one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Name of the folder that the project is copied to; the default is `project`.
    pub(crate) folder: Option<String>,
    /// Where the call is made, relative to the project's folder.
    pub(crate) cwd: PathBuf,
    /// `-f`.
    pub(crate) files: Vec<PathBuf>,
    /// `--project-directory`.
    pub(crate) project_dir: Option<PathBuf>,
    /// `-p`.
    pub(crate) project_name: Option<String>,
    /// `--env-file`.
    pub(crate) env_files: Vec<PathBuf>,
    /// `--profile`, for the loader; the real Compose is always asked for all.
    pub(crate) profiles: Vec<String>,
    /// The environment, beside `HOME` and `PATH`.
    pub(crate) env: BTreeMap<String, String>,
    /// Why the real Compose cannot be the judge of this case.
    pub(crate) skip: Option<String>,
}

/// A case, copied to a place of its own.
pub(crate) struct Case {
    pub(crate) settings: Settings,
    /// The copy of the project.
    pub(crate) dir: PathBuf,
    /// The case's own folder in the repository.
    pub(crate) folder: PathBuf,
    /// Holds the project and, beside it, the home folder.
    place: tempfile::TempDir,
}

impl Case {
    pub(crate) fn open(folder: &Path) -> Self {
        let settings: Settings = match std::fs::read(folder.join("case.yaml")) {
            Ok(text) => serde_yaml::from_slice(&text).unwrap(),
            Err(_) => Settings::default(),
        };
        let place = tempfile::tempdir().unwrap();
        let dir = place
            .path()
            .join(settings.folder.as_deref().unwrap_or("project"));
        copy(folder, &dir);
        for ours in ["case.yaml", "expected.json"] {
            let _ = std::fs::remove_file(dir.join(ours));
        }
        let folder = folder.to_owned();
        Self {
            settings,
            dir,
            folder,
            place,
        }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.place.path().join("home")
    }

    pub(crate) fn cwd(&self) -> PathBuf {
        // Without this, an empty `cwd` would leave a slash behind the folder's name.
        self.dir.join(&self.settings.cwd).components().collect()
    }

    /// What the loader gives.
    pub(crate) fn load(&self) -> Result<Project, LoadError> {
        let settings = &self.settings;
        let env = settings
            .env
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        load(&LoadOptions {
            cwd: self.cwd(),
            project_dir: settings.project_dir.clone(),
            files: settings.files.clone(),
            project_name: settings.project_name.clone(),
            env_files: settings.env_files.clone(),
            profiles: settings.profiles.clone(),
            env: env.collect(),
            home: Some(self.home()),
        })
    }

    /// `path` as expectations write it: relative to the project, `~/` for the home folder.
    pub(crate) fn short(&self, path: &Path) -> String {
        let relative = |base: &Path| {
            path.strip_prefix(base)
                .ok()
                .map(|path| path.display().to_string())
        };
        if let Some(inside) = relative(&self.dir) {
            return if inside.is_empty() {
                ".".to_owned()
            } else {
                inside
            };
        }
        let beside = || relative(self.place.path()).map(|path| format!("../{path}"));
        relative(&self.home())
            .map(|path| format!("~/{path}"))
            .or_else(beside)
            .unwrap_or_else(|| path.display().to_string())
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&from, &to);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(from).unwrap(), to).unwrap();
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}
