//! Publishes an archive file: synced, then its name, then the marker that makes it count.

use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::TargetError;
use super::dumps::{DumpsFolder, MARKER_EXTENSION, numbered};
use super::site::OrFailed;
use super::staging::Staging;
use super::step::Step;
use crate::crash;

/// How an archive is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Naming {
    /// Exactly this file; a taken name is an error. The marker is called after `dump`.
    Exactly {
        /// The dump's name: the file's without its extension.
        dump: String,
        /// The file's name.
        file: String,
    },
    /// A generated name: a taken one gets a number.
    Generated {
        /// The dump's name.
        dump: String,
        /// What the file has behind it: `.tar.zst`.
        extension: &'static str,
    },
}

impl Naming {
    /// The dump's and the file's name in the `number`th try; `None` when there is no such try.
    fn names(&self, number: u32) -> Option<(String, String)> {
        match self {
            Self::Exactly { dump, file } => (number == 1).then(|| (dump.clone(), file.clone())),
            Self::Generated { dump, extension } => {
                let dump = numbered(dump, number);
                let file = format!("{dump}{extension}");
                Some((dump, file))
            }
        }
    }
}

/// A staged archive file and the folder in which it is to appear.
#[derive(Debug)]
pub(super) struct ArchiveFolder {
    dumps: Arc<DumpsFolder>,
    staging: Staging,
    naming: Naming,
}

impl ArchiveFolder {
    /// Makes the staged file, proves that it can be written, and gives it open. An exact name that is
    /// taken is refused now, before anybody was held still for it.
    pub(super) fn open(
        dumps: Arc<DumpsFolder>,
        naming: Naming,
    ) -> Result<(Self, File), TargetError> {
        if let Naming::Exactly { dump, file } = &naming {
            for name in [file, &marker_name(dump)] {
                if dumps.exists(name.as_bytes())? {
                    return Err(taken(&dumps, name));
                }
            }
        }
        let (staging, mut file) = Staging::file(Arc::clone(&dumps))?;
        let probed = file.write_all(&[0; 4096]).and_then(|()| {
            file.set_len(0)?;
            std::io::Seek::rewind(&mut file)
        });
        let hidden = staging.hidden().as_bytes().to_owned();
        if let Err(error) = probed.or_failed(&dumps.site, Step::Create, &hidden) {
            staging.discard();
            return Err(error);
        }
        let folder = Self {
            dumps,
            staging,
            naming,
        };
        Ok((folder, file))
    }

    /// Gives the file its name and writes the marker, whose bytes `marker` makes for the file's name.
    /// Returns the dump's name and the file's path. After an error neither is there.
    pub(super) fn publish(
        mut self,
        file: &File,
        marker: impl FnMut(String) -> Result<Vec<u8>, TargetError>,
    ) -> Result<(String, PathBuf), TargetError> {
        let hidden = self.staging.hidden().as_bytes();
        let synced = file
            .sync_all()
            .or_failed(&self.dumps.site, Step::Sync, hidden);
        crash::point();
        match synced.and_then(|()| self.try_names(marker)) {
            Ok((dump, name)) => {
                crash::point();
                self.staging.commit();
                Ok((dump, self.dumps.site.path(name.as_bytes())))
            }
            Err(error) => {
                self.staging.discard();
                Err(error)
            }
        }
    }

    pub(super) fn discard(self) {
        self.staging.discard();
    }

    fn try_names(
        &mut self,
        mut marker: impl FnMut(String) -> Result<Vec<u8>, TargetError>,
    ) -> Result<(String, String), TargetError> {
        let mut number = 1;
        let mut last = String::new();
        while let Some((dump, file)) = self.naming.names(number) {
            last.clone_from(&file);
            let generated = matches!(self.naming, Naming::Generated { .. });
            let taken = generated && self.dumps.is_taken(&dump)?;
            if !taken && self.staging.publish(&file)? {
                crash::point();
                if self.publish_marker(&dump, &marker(file.clone())?)? {
                    return Ok((dump, file));
                }
                last = marker_name(&dump);
                self.staging.withdraw()?;
            }
            number += 1;
        }
        Err(taken(&self.dumps, &last))
    }

    /// `false`: the marker's name is taken.
    fn publish_marker(&self, dump: &str, content: &[u8]) -> Result<bool, TargetError> {
        let (mut staging, mut file) = Staging::file(Arc::clone(&self.dumps))?;
        let name = marker_name(dump);
        let written = file.write_all(content).and_then(|()| file.sync_all());
        let published = written
            .or_failed(&self.dumps.site, Step::Write, name.as_bytes())
            .and_then(|()| staging.publish(&name));
        match published {
            Ok(true) => staging.commit(),
            Ok(false) | Err(_) => staging.discard(),
        }
        published
    }
}

fn marker_name(dump: &str) -> String {
    format!("{dump}{MARKER_EXTENSION}")
}

fn taken(dumps: &DumpsFolder, name: &str) -> TargetError {
    TargetError::Taken {
        target: dumps.site.target.clone(),
        path: dumps.site.path(name.as_bytes()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Publishes while somebody else takes the first marker's name at the last moment.
    fn publish_in_a_race(folder: &Path, naming: Naming) -> Result<(String, PathBuf), TargetError> {
        let dumps = Arc::new(DumpsFolder::open("t", folder).unwrap());
        let (archive, file) = ArchiveFolder::open(dumps, naming).unwrap();
        let marker = folder.join("x.manifest.yml");
        archive.publish(&file, |name| {
            if !marker.exists() {
                fs::write(&marker, "theirs").unwrap();
            }
            Ok(name.into_bytes())
        })
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_generated_name_gives_way_to_a_marker_that_came_first() {
        let folder = tempfile::tempdir().unwrap();
        let naming = Naming::Generated {
            dump: "x".to_owned(),
            extension: ".tar",
        };
        let (dump, path) = publish_in_a_race(folder.path(), naming).unwrap();
        assert_eq!((&dump[..], path), ("x_2", folder.path().join("x_2.tar")));
        assert_eq!(
            names(folder.path()),
            ["x.manifest.yml", "x_2.manifest.yml", "x_2.tar"]
        );
        assert_eq!(
            fs::read(folder.path().join("x.manifest.yml")).unwrap(),
            b"theirs"
        );
        assert_eq!(
            fs::read(folder.path().join("x_2.manifest.yml")).unwrap(),
            b"x_2.tar"
        );
    }

    #[test]
    fn an_exact_name_whose_marker_came_first_is_taken_and_its_archive_gone() {
        let folder = tempfile::tempdir().unwrap();
        let naming = Naming::Exactly {
            dump: "x".to_owned(),
            file: "x.tar".to_owned(),
        };
        let error = publish_in_a_race(folder.path(), naming).unwrap_err();
        let marker = folder.path().join("x.manifest.yml");
        assert!(matches!(error, TargetError::Taken { path, .. } if path == marker));
        assert_eq!(names(folder.path()), ["x.manifest.yml"]);
    }
}
