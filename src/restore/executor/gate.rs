//! What may come of a member, looked at while the dump is verified: nobody is stopped yet, and nothing is written.

use std::path::PathBuf;

use crate::archive::entry::{Entry, EntryKind};
use crate::restore::content::{Admission, ContentError, find_other};

/// Looks at the entries of one member, in their order.
#[derive(Default)]
pub(super) struct Gate {
    /// Whether devices may come.
    pub(super) devices: bool,
    /// For a mounted path: what is in its place.
    pub(super) place: Option<MountedPlace>,
    /// For a volume that the engine writes to.
    pub(super) engine: Option<Admission>,
}

/// The place of a mounted path.
pub(super) struct MountedPlace {
    /// Relative to the project folder, as entries have it.
    pub(super) path: Vec<u8>,
    /// On this machine.
    pub(super) at: PathBuf,
    /// What in it is not its own, relative to it.
    pub(super) carried: Vec<Vec<u8>>,
}

impl Gate {
    /// Looks at the next entry.
    ///
    /// # Errors
    /// Why it may not come.
    pub(super) fn take(&mut self, entry: &Entry) -> Result<(), ContentError> {
        if entry.kind.is_device() && !self.devices {
            return Err(ContentError::Device {
                entry: entry.path.clone(),
            });
        }
        if let Some(place) = self.place.as_ref().filter(|place| place.path == entry.path) {
            place.take(&entry.kind)?;
        }
        match &mut self.engine {
            Some(admission) => admission.take(entry),
            None => Ok(()),
        }
    }
}

impl MountedPlace {
    /// A folder never makes room for something else, for its content would be gone; and through a link nothing is
    /// written.
    fn take(&self, comes: &EntryKind) -> Result<(), ContentError> {
        let Ok(found) = self.at.symlink_metadata() else {
            return Ok(());
        };
        let (there, comes) = match comes {
            EntryKind::Directory if found.is_dir() => return Ok(()),
            EntryKind::Directory if found.is_symlink() => ("a link", "a folder"),
            EntryKind::Directory => ("a file", "a folder"),
            _ if !found.is_dir() => return Ok(()),
            EntryKind::Symlink { .. } => ("a folder with content", "a link alone"),
            _ => ("a folder with content", "a file"),
        };
        if found.is_dir() && matches!(find_other(&self.at, &self.carried), Ok(None)) {
            return Ok(());
        }
        Err(ContentError::OtherKind {
            path: self.at.clone(),
            there,
            comes,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn gate(at: PathBuf) -> Gate {
        Gate {
            place: Some(MountedPlace {
                path: b"media".to_vec(),
                at,
                carried: Vec::new(),
            }),
            ..Gate::default()
        }
    }

    fn said(gate: &mut Gate, path: &str, kind: EntryKind) -> String {
        let taken = gate.take(&Entry::plain(path.as_bytes(), kind, 0o755));
        taken.map_or_else(|error| error.to_string(), |()| "taken".to_owned())
    }

    #[test]
    fn like_takes_the_place_of_like_alone() {
        let folder = tempfile::tempdir().unwrap();
        let media = folder.path().join("media");
        let link = || EntryKind::Symlink {
            target: b"/mnt/disk".to_vec(),
        };
        assert_eq!(said(&mut gate(media.clone()), "media", link()), "taken");
        std::fs::create_dir(&media).unwrap();
        assert_eq!(said(&mut gate(media.clone()), "media", link()), "taken");
        std::fs::write(media.join("photo"), "precious").unwrap();
        let told = said(&mut gate(media.clone()), "media", link());
        assert!(
            told.ends_with("is a folder with content, and the dump has a link alone in its place")
        );
        assert_eq!(said(&mut gate(media.clone()), "media/x", link()), "taken");
        assert_eq!(
            said(&mut gate(media.clone()), "media", EntryKind::Directory),
            "taken"
        );
        std::fs::rename(&media, folder.path().join("disk")).unwrap();
        std::os::unix::fs::symlink("disk", &media).unwrap();
        let told = said(&mut gate(media), "media", EntryKind::Directory);
        assert!(told.ends_with("is a link, and the dump has a folder in its place"));
    }

    #[test]
    fn devices_come_where_they_are_asked_for() {
        let device = || EntryKind::CharDevice { major: 1, minor: 3 };
        assert!(said(&mut Gate::default(), "null", device()).contains("it is a device"));
        let mut gate = Gate {
            devices: true,
            ..Gate::default()
        };
        assert_eq!(said(&mut gate, "null", device()), "taken");
    }
}
