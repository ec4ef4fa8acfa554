//! Which files make up the project, which folder is its own, and which variables there are, before
//! anything of it is read.

use std::path::{Path, PathBuf};

use super::env::{Env, EnvFile, read_files};
use super::path::{clean, is_missing};
use super::session::Session;
use super::{LoadError, LoadOptions};

/// Default files in the order of preference (compose-go, `cli.DefaultFileNames`).
pub(crate) const DEFAULT_FILES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
/// Their overrides, of which the first one counts, whatever the base's name.
pub(crate) const DEFAULT_OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// What discovery finds.
#[derive(Debug)]
pub(super) struct Layout {
    /// The project directory, absolute and clean.
    pub(super) dir: PathBuf,
    /// The Compose files, absolute and clean, in merge order.
    pub(super) files: Vec<PathBuf>,
    /// What named the files.
    pub(super) named_by: &'static str,
    /// The process environment and the env files.
    pub(super) env: Env,
}

/// Finds the project.
///
/// # Errors
/// [`LoadError::NoComposeFile`], [`LoadError::Missing`], [`LoadError::Stdin`], and as
/// [`read_files`].
pub(super) fn discover(session: &mut Session, options: &LoadOptions) -> Result<Layout, LoadError> {
    let absolute = |path: &Path| clean(&options.cwd.join(path));
    let mut env = Env::of_process(&options.env);
    let project_dir = options.project_dir.as_deref().map(absolute);
    let mut named_by = "-f";
    let mut files = given_files(options.files.iter().map(PathBuf::as_path), &absolute)?;

    // COMPOSE_FILE may stand in an env file, so these come first; and again, once the folder is known.
    let first_dir = dir_of(project_dir.as_deref(), &files).unwrap_or_else(|| clean(&options.cwd));
    let mut env_files = EnvFiles::new(options, &env, &absolute);
    env_files.read(session, &first_dir, &mut env)?;
    if files.is_empty()
        && let Some(list) = env.filled("COMPOSE_FILE")
    {
        named_by = "COMPOSE_FILE";
        let separator = env.filled("COMPOSE_PATH_SEPARATOR").unwrap_or(":");
        files = given_files(list.split(separator).map(Path::new), &absolute)?;
    }
    if files.is_empty() {
        named_by = "default";
        let start = project_dir.clone().unwrap_or_else(|| clean(&options.cwd));
        files = search(session, &start)?;
    }
    let dir = dir_of(project_dir.as_deref(), &files).unwrap_or(first_dir);
    env_files.read(session, &dir, &mut env)?;
    Ok(Layout {
        dir,
        files,
        named_by,
        env,
    })
}

/// The project directory: `-C`, else the folder of the first file.
fn dir_of(project_dir: Option<&Path>, files: &[PathBuf]) -> Option<PathBuf> {
    let dir = project_dir.or_else(|| files.first().and_then(|file| file.parent()));
    dir.map(Path::to_owned)
}

fn given_files<'a>(
    files: impl Iterator<Item = &'a Path>,
    absolute: &impl Fn(&Path) -> PathBuf,
) -> Result<Vec<PathBuf>, LoadError> {
    let files = files
        .filter(|file| !file.as_os_str().is_empty())
        .map(|file| {
            let path = absolute(file);
            match file.to_str() {
                Some("-") => Err(LoadError::Stdin),
                _ if is_missing(&path) => Err(LoadError::Missing { path }),
                _ => Ok(path),
            }
        });
    files.collect()
}

/// The default file in `start` or the nearest folder above it, with its override.
fn search(session: &mut Session, start: &Path) -> Result<Vec<PathBuf>, LoadError> {
    for dir in start.ancestors() {
        let Some(main) = pick(session, dir, &DEFAULT_FILES) else {
            continue;
        };
        let overriding = pick(session, dir, &DEFAULT_OVERRIDES);
        return Ok([main].into_iter().chain(overriding).collect());
    }
    Err(LoadError::NoComposeFile {
        searched: start.ancestors().map(Path::to_owned).collect(),
    })
}

/// The first of `names` in `dir`; warns of further ones.
fn pick(session: &mut Session, dir: &Path, names: &[&str]) -> Option<PathBuf> {
    let mut there = names
        .iter()
        .map(|name| dir.join(name))
        .filter(|path| path.exists());
    let picked = there.next()?;
    for other in there {
        session.warn_file(
            &other,
            None,
            format!(
                "this file is not used: `{}` goes first",
                crate::text::path(&picked)
            ),
        );
    }
    Some(picked)
}

/// Which env files are read when.
struct EnvFiles {
    explicit: Vec<EnvFile>,
    use_default: bool,
    read_dirs: Vec<PathBuf>,
}

impl EnvFiles {
    fn new(options: &LoadOptions, process: &Env, absolute: &impl Fn(&Path) -> PathBuf) -> Self {
        let explicit = |named_by: &str, files: &mut dyn Iterator<Item = &Path>| -> Vec<EnvFile> {
            files
                .filter(|file| !file.as_os_str().is_empty())
                .map(|file| EnvFile {
                    path: absolute(file),
                    named_by: named_by.to_owned(),
                })
                .collect()
        };
        let mut files = explicit(
            "--env-file",
            &mut options.env_files.iter().map(PathBuf::as_path),
        );
        if files.is_empty()
            && let Some(list) = process.filled("COMPOSE_ENV_FILES")
        {
            files = explicit("COMPOSE_ENV_FILES", &mut list.split(',').map(Path::new));
        }
        Self {
            use_default: files.is_empty() && !process.is_true("COMPOSE_DISABLE_ENV_FILE"),
            explicit: files,
            read_dirs: Vec::new(),
        }
    }

    /// Adds the variables that the env files for `dir` bring and `env` lacks.
    fn read(&mut self, session: &mut Session, dir: &Path, env: &mut Env) -> Result<(), LoadError> {
        let mut files = std::mem::take(&mut self.explicit);
        let default = dir.join(".env");
        if self.use_default && !self.read_dirs.iter().any(|read| read == dir) && default.is_file() {
            files.push(EnvFile {
                path: default,
                named_by: ".env".to_owned(),
            });
        }
        self.read_dirs.push(dir.to_owned());
        let vars = read_files(session, &files, env)?;
        env.add_missing(vars);
        Ok(())
    }
}
