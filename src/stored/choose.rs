//! Which dump a name means among those that are listed: a name, or `latest`, the newest of its series by
//! the time in its manifest.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::dumps::{Listed, list};
use super::error::OpenError;
use crate::archive::manifest::model::Series;

/// The name that stands for the newest dump.
pub const LATEST: &str = "latest";

/// Whose dumps are meant where a name does not say it.
#[derive(Debug, Clone, Copy)]
pub struct Among<'a> {
    /// Those of this project, by its id; `None` for any.
    pub project: Option<&'a str>,
    /// Those of this job; `None` for any.
    pub job: Option<&'a str>,
    /// The job whose newest dump is meant where a project has dumps of several.
    pub usual_job: &'a str,
}

/// Why no dump was chosen.
#[derive(Debug, PartialEq, Eq)]
pub enum NotChosen {
    /// None is called so.
    None,
    /// Those that are do not belong together.
    Several(Vec<Series>),
}

/// The dump that a name means: [`LATEST`], or the dump of that name. The same dump may be listed several
/// times, for each place that it is at: the first one is it.
///
/// # Errors
/// When there is none, or when it is not to be said which.
pub fn choose<'l>(
    dumps: impl IntoIterator<Item = &'l Listed>,
    wanted: &OsStr,
    among: Among<'_>,
) -> Result<&'l Listed, NotChosen> {
    let of_job = |dump: &&Listed| among.job.is_none_or(|job| dump.series.job == job);
    let dumps = dumps.into_iter().filter(of_job);
    if wanted == LATEST {
        let dumps: Vec<&Listed> = dumps.filter(|dump| is_own(dump, among)).collect();
        return newest(&dumps, among.usual_job);
    }
    let named: Vec<&Listed> = dumps.filter(|dump| dump.name == wanted).collect();
    let own: Vec<&Listed> = named
        .iter()
        .copied()
        .filter(|dump| is_own(dump, among))
        .collect();
    only(if own.is_empty() { &named } else { &own })
}

/// Demands that no dump is known to be newer and damaged than the one that [`LATEST`] was found to mean: whoever asks
/// for the newest is not served with an older one in silence. What cannot be read at all is warned of.
///
/// # Errors
/// [`OpenError::NewestDamaged`].
pub fn demand_newest<'l>(
    chosen: &Listed,
    others: impl IntoIterator<Item = &'l (PathBuf, OpenError)>,
) -> Result<(), OpenError> {
    for (place, error) in others {
        match error {
            OpenError::Unlike {
                path,
                why,
                series,
                invoked,
            } if **series == chosen.series && *invoked > chosen.invoked => {
                return Err(OpenError::NewestDamaged {
                    path: path.clone(),
                    why,
                });
            }
            // Older, or of another series.
            OpenError::Unlike { .. } => {}
            error => tracing::warn!(
                error = error as &dyn std::error::Error,
                "`{}` may be newer than the dump that is taken, and cannot be read",
                crate::text::path(place)
            ),
        }
    }
    Ok(())
}

fn is_own(dump: &Listed, among: Among<'_>) -> bool {
    among
        .project
        .is_none_or(|project| dump.series.project == project)
}

fn newest<'l>(dumps: &[&'l Listed], usual_job: &str) -> Result<&'l Listed, NotChosen> {
    let series: BTreeSet<&Series> = dumps.iter().map(|dump| &dump.series).collect();
    let projects: BTreeSet<&String> = series.iter().map(|series| &series.project).collect();
    let usual = series.iter().find(|series| series.job == usual_job);
    let meant = match (series.len(), projects.len(), usual) {
        (0, ..) => return Err(NotChosen::None),
        (1, ..) => series.first(),
        (_, 1, Some(usual)) => Some(usual),
        _ => return Err(NotChosen::Several(series.into_iter().cloned().collect())),
    };
    let of_series = dumps
        .iter()
        .filter(|dump| meant.is_some_and(|meant| dump.series == **meant));
    // Of equal ones the first: `max_by_key` would take the last.
    of_series
        .rev()
        .max_by_key(|dump| (dump.invoked, &dump.id))
        .copied()
        .ok_or(NotChosen::None)
}

fn only<'l>(named: &[&'l Listed]) -> Result<&'l Listed, NotChosen> {
    let ids: BTreeSet<&String> = named.iter().map(|dump| &dump.id).collect();
    match (named.first(), ids.len()) {
        (None, _) => Err(NotChosen::None),
        (Some(first), 1) => Ok(first),
        _ => {
            let series: BTreeSet<&Series> = named.iter().map(|dump| &dump.series).collect();
            Err(NotChosen::Several(series.into_iter().cloned().collect()))
        }
    }
}

/// What a path means: itself if something is there, else a name in the folder of dumps before it.
///
/// # Errors
/// When there is neither, or the name may mean several.
pub fn locate(path: &Path, among: Among<'_>) -> Result<PathBuf, OpenError> {
    let not_found = || OpenError::NotFound {
        path: path.to_owned(),
    };
    if rustix::fs::stat(path).is_ok() {
        return Ok(path.to_owned());
    }
    let name = path.file_name().ok_or_else(not_found)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(not_found());
    }
    let listing = list(folder)?;
    match choose(&listing.dumps, name, among) {
        Ok(dump) => {
            if name == LATEST {
                demand_newest(dump, &listing.others)?;
            }
            Ok(dump.path.clone())
        }
        Err(NotChosen::Several(series)) => Err(OpenError::SeveralSeries {
            path: path.to_owned(),
            series,
        }),
        Err(NotChosen::None) if name == LATEST => Err(OpenError::NoDumps {
            folder: folder.to_owned(),
        }),
        Err(NotChosen::None) => Err(not_found()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::stored::Form;

    const ANY: Among<'_> = Among {
        project: None,
        job: None,
        usual_job: "default",
    };

    /// A dump `name` of a series `project:job`, at a second; its id is its name and the project.
    fn listed(name: &str, series: &str, second: i64) -> Listed {
        let (project, job) = series.split_once(':').expect("project:job");
        Listed {
            name: name.into(),
            path: name.into(),
            form: Form::Directory,
            id: format!("{name}-{project}"),
            project: String::new(),
            series: Series {
                project: project.to_owned(),
                job: job.to_owned(),
            },
            invoked: Timestamp::from_second(second).expect("a second"),
            bytes: 0,
            raw_bytes: 0,
            members: 0,
            is_complete: true,
            volumes: BTreeSet::new(),
            missing_volumes: BTreeSet::new(),
        }
    }

    #[test]
    fn the_newest_of_those_that_are_whole_is_not_the_newest_if_a_newer_one_is_damaged() {
        let chosen = listed("b", "p:default", 2);
        let damaged = |series: &str, second| {
            let Listed {
                path,
                series,
                invoked,
                ..
            } = listed("x", series, second);
            let why = "its archive is not there";
            let unlike = OpenError::Unlike {
                path: path.clone(),
                why,
                series: Box::new(series),
                invoked,
            };
            (path, unlike)
        };
        let older = [
            damaged("p:default", 1),
            damaged("p:hourly", 3),
            damaged("q:default", 3),
            // The same, which is whole elsewhere.
            damaged("p:default", 2),
        ];
        assert!(demand_newest(&chosen, &older).is_ok());
        let newer = [damaged("p:default", 3)];
        assert!(matches!(
            demand_newest(&chosen, &newer),
            Err(OpenError::NewestDamaged { .. })
        ));
    }

    fn chosen(dumps: &[Listed], name: &str, among: Among<'_>) -> Result<String, NotChosen> {
        choose(dumps, OsStr::new(name), among).map(|dump| dump.id.clone())
    }

    #[test]
    fn a_name_means_the_dump_that_is_called_so_and_latest_the_newest() {
        let dumps = [listed("b", "p:default", 2), listed("a", "p:default", 1)];
        assert_eq!(chosen(&dumps, "a", ANY), Ok("a-p".to_owned()));
        assert_eq!(chosen(&dumps, LATEST, ANY), Ok("b-p".to_owned()));
        assert_eq!(chosen(&dumps, "c", ANY), Err(NotChosen::None));
        assert_eq!(chosen(&[], LATEST, ANY), Err(NotChosen::None));
    }

    #[test]
    fn latest_is_of_one_series() {
        let mut dumps = vec![
            listed("a", "p:default", 1),
            listed("b", "p:hourly", 2),
            listed("c", "p:weekly", 3),
        ];
        assert_eq!(chosen(&dumps, LATEST, ANY), Ok("a-p".to_owned()));
        let hourly = Among {
            job: Some("hourly"),
            ..ANY
        };
        assert_eq!(chosen(&dumps, LATEST, hourly), Ok("b-p".to_owned()));
        let without_default = chosen(&dumps[1..], LATEST, ANY);
        assert!(matches!(without_default, Err(NotChosen::Several(series)) if series.len() == 2));
        dumps.push(listed("d", "q:default", 4));
        assert!(matches!(
            chosen(&dumps, LATEST, ANY),
            Err(NotChosen::Several(_))
        ));
        let own = Among {
            project: Some("q"),
            ..ANY
        };
        assert_eq!(chosen(&dumps, LATEST, own), Ok("d-q".to_owned()));
    }

    #[test]
    fn a_name_that_two_projects_use_is_the_own_ones_or_nobodys() {
        let dumps = [listed("a", "p:default", 1), listed("a", "q:default", 2)];
        assert!(matches!(
            chosen(&dumps, "a", ANY),
            Err(NotChosen::Several(_))
        ));
        let of = |project| Among {
            project: Some(project),
            ..ANY
        };
        assert_eq!(chosen(&dumps, "a", of("q")), Ok("a-q".to_owned()));
        // Somebody else's dump is found by its name, and never as the latest one.
        let dumps = &dumps[..1];
        assert_eq!(chosen(dumps, "a", of("r")), Ok("a-p".to_owned()));
        assert_eq!(chosen(dumps, LATEST, of("r")), Err(NotChosen::None));
    }
}
