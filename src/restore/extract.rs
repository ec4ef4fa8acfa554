//! Single files and folders out of one member, into a folder of the user's choice.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::content::{ContentError, Place, Stage, StageOptions, Token};
use super::plan::select;
use crate::archive::manifest::model::Member;
use crate::diagnostic::{Finding, did_you_mean};
use crate::stored::{Dump, ExtractError};

/// What is to be taken out.
pub(crate) struct Extraction {
    /// The member, as a user names it.
    pub(crate) member: String,
    /// Paths in it.
    pub(crate) paths: Vec<PathBuf>,
    /// The folder that they go to.
    pub(crate) to: PathBuf,
    /// Whether what is there may be replaced.
    pub(crate) replace: bool,
    /// Whether device nodes are made.
    pub(crate) devices: bool,
}

/// What was taken out.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Extracted {
    /// The member.
    pub(crate) member: String,
    /// Where the paths are now.
    pub(crate) paths: Vec<String>,
    /// What could not be kept as the dump has it.
    pub(crate) warnings: Vec<String>,
}

/// It cannot be taken out. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExtractionError {
    /// What was asked for does not go with the dump or the folder.
    #[error("{}", crate::text::count(.0.len() as u64, "finding"))]
    Findings(Vec<Finding>),
    /// It cannot be read.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// It cannot be written.
    #[error(transparent)]
    Content(#[from] ContentError),
}

/// Takes paths out of a member. Each keeps its path below the member's root.
///
/// # Errors
/// When there is no such member or path, something is in the way, or the dump is not what was stored.
pub(crate) fn extract(dump: &mut Dump, wanted: &Extraction) -> Result<Extracted, ExtractionError> {
    let member =
        member(dump, &wanted.member).map_err(|finding| ExtractionError::Findings(vec![finding]))?;
    let findings: Vec<Finding> = wanted
        .paths
        .iter()
        .filter_map(|path| in_the_way(wanted, path))
        .collect();
    if !findings.is_empty() {
        return Err(ExtractionError::Findings(findings));
    }
    let options = StageOptions {
        devices: wanted.devices,
    };
    let mut stage = Stage::create(&Place::new(&wanted.to), &Token::random(), options)?;
    for path in &wanted.paths {
        let taken = dump.extract(&member, &inside(path), &mut stage);
        if let (Err(ExtractError::Closed(_)), Some(error)) = (&taken, stage.take_error()) {
            return Err(error.into());
        }
        taken?;
    }
    let staged = stage.finish_among()?;
    let mut staged = match wanted.replace {
        true => staged,
        false => staged.adding_only(),
    };
    staged.swap().map_err(|error| match error {
        // Below a folder that is taken out, the volume's root for one, there may be files of another content.
        ContentError::Changed { path } => ExtractionError::Findings(vec![exists(&path)]),
        error => error.into(),
    })?;
    let warnings = staged.losses().to_vec();
    staged.keep()?;
    let places = wanted.paths.iter().map(|path| place(wanted, path));
    Ok(Extracted {
        member: member.path,
        paths: places.map(|path| crate::text::path(&path)).collect(),
        warnings,
    })
}

/// The member that a user means.
fn member(dump: &Dump, name: &str) -> Result<Member, Finding> {
    let members = &dump.manifest.members;
    let of_service = || {
        let mut members = members.iter();
        members.find(|member| select::name(&member.source).as_deref() == Some(name))
    };
    if let Some(member) = dump.member(name).or_else(of_service) {
        return Ok(member.clone());
    }
    let names: Vec<String> = members
        .iter()
        .map(|member| select::name(&member.source).unwrap_or_else(|| member.path.clone()))
        .collect();
    let near = did_you_mean(name, names.iter().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    Err(Finding::new(
        "restore::volume",
        format!("the dump has no volume `{name}`"),
    )
    .with_help(format!("{near}it has: {}", names.join(", "))))
}

/// A path below the member's root, whether it was given with a slash before it or not.
fn inside(path: &Path) -> Vec<u8> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.as_bytes()),
        Component::RootDir | Component::CurDir | Component::ParentDir | Component::Prefix(_) => {
            None
        }
    });
    names.collect::<Vec<_>>().join(&b'/')
}

fn place(wanted: &Extraction, path: &Path) -> PathBuf {
    super::facts::in_folder(&wanted.to, &inside(path))
}

fn in_the_way(wanted: &Extraction, path: &Path) -> Option<Finding> {
    if path.components().any(|part| part == Component::ParentDir) {
        let message = format!("`{}` leads out of the volume", crate::text::path(path));
        return Some(Finding::new("restore::path", message));
    }
    let place = place(wanted, path);
    let is_there = place.symlink_metadata().is_ok() && !inside(path).is_empty();
    (is_there && !wanted.replace).then(|| exists(&place))
}

fn exists(place: &Path) -> Finding {
    let message = format!("`{}` exists", crate::text::path(place));
    Finding::new("restore::file_differs", message)
        .with_help("`--replace` takes its place; or name another folder with `--to`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_below_the_root() {
        for (given, inside_is) in [("/a/b", "a/b"), ("./a", "a"), ("a//b/", "a/b"), ("/", "")] {
            assert_eq!(inside(Path::new(given)), inside_is.as_bytes(), "{given}");
        }
    }
}
