//! What runs leave for each other on this machine: a folder with their journals and locks. It knows
//! where that is, and nothing of what is written into a journal.

use std::ffi::OsString;
use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub mod lock;

/// The environment variable that names the folder.
pub const VARIABLE: &str = "COMPOSE_DUMP_STATE_DIR";

/// The folder of root.
const OF_ROOT: &str = "/var/lib/compose-dump";

/// The folder of state. It need not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFolder(PathBuf);

/// There is no place for state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Nothing says where it could be.
    #[error("there is no folder for locks and journals: HOME is not set")]
    Nowhere,
    /// The folder cannot be made, or is not ours to close for others.
    #[error("cannot make `{}`, the folder for locks and journals", crate::text::path(.folder))]
    Make {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl StateFolder {
    /// This folder.
    #[must_use]
    pub const fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Where state is kept, by the environment: [`VARIABLE`], for root `/var/lib/compose-dump`, else
    /// the XDG folder for state.
    ///
    /// # Errors
    /// [`StateError::Nowhere`].
    pub fn locate(
        variable: impl Fn(&str) -> Option<OsString>,
        is_root: bool,
    ) -> Result<Self, StateError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let absolute = |name: &str| {
            set(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        if let Some(folder) = set(VARIABLE) {
            return Ok(Self(folder.into()));
        }
        if is_root {
            return Ok(Self(OF_ROOT.into()));
        }
        let of_user = absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        let of_user = of_user.ok_or(StateError::Nowhere)?;
        Ok(Self(of_user.join("compose-dump")))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A folder in it, which is made if it is not there, and is nobody else's to look into.
    ///
    /// # Errors
    /// [`StateError::Make`].
    pub fn folder(&self, name: &str) -> Result<PathBuf, StateError> {
        let folder = self.0.join(name);
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .and_then(|()| std::fs::set_permissions(&folder, Permissions::from_mode(0o700)));
        match made {
            Ok(()) => Ok(folder),
            Err(source) => Err(StateError::Make { folder, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(variables: &[(&str, &str)], is_root: bool) -> Option<String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let folder = StateFolder::locate(variable, is_root).ok()?;
        Some(crate::text::path(folder.path()))
    }

    #[test]
    fn the_folder_is_where_the_environment_or_the_system_says() {
        let home = ("HOME", "/home/me");
        let xdg = ("XDG_STATE_HOME", "/state");
        let cases: [(&[_], bool, Option<&str>); 7] = [
            (&[(VARIABLE, "/x"), home, xdg], true, Some("/x")),
            (&[(VARIABLE, ""), home], true, Some("/var/lib/compose-dump")),
            (&[home, xdg], true, Some("/var/lib/compose-dump")),
            (&[home, xdg], false, Some("/state/compose-dump")),
            (&[home], false, Some("/home/me/.local/state/compose-dump")),
            (
                &[home, ("XDG_STATE_HOME", "relative")],
                false,
                Some("/home/me/.local/state/compose-dump"),
            ),
            (&[], false, None),
        ];
        for (variables, is_root, wanted) in cases {
            assert_eq!(
                located(variables, is_root).as_deref(),
                wanted,
                "{variables:?}"
            );
        }
    }

    #[test]
    fn what_is_made_is_for_nobody_else() {
        let top = tempfile::tempdir().expect("a folder");
        let state = StateFolder::at(top.path().join("a/b"));
        for _ in 0..2 {
            let folder = state.folder("locks").expect("it can be made");
            let mode = std::fs::metadata(folder)
                .expect("it is there")
                .permissions();
            assert_eq!(mode.mode() & 0o777, 0o700);
        }
        std::fs::write(top.path().join("file"), "").expect("a file");
        let refused = StateFolder::at(top.path().join("file")).folder("locks");
        assert!(matches!(refused, Err(StateError::Make { .. })));
    }
}
