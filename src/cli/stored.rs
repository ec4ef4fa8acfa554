//! What the commands that read dumps have in common: the dump that is meant, opened, and where temporary
//! files go.

use std::path::{Path, PathBuf};

use super::args::{DumpChoice, Global};
use super::edge::CommandError;
use super::lookup::{self, Place};
use super::spool_dir::spool_dir;
use super::talk::say;
use crate::config::layers::Layered;
use crate::config::settings::{Overrides, Settings};
use crate::stored::{Dump, Form, OpenError, ScratchError};
use crate::text;

/// A dump that was found.
pub(super) struct Opened {
    /// Where it is.
    pub(super) place: Place,
    /// The dump.
    pub(super) dump: Dump,
    /// The folder for temporary files.
    pub(super) scratch: PathBuf,
}

impl Opened {
    /// Opens what a user names once more: it may mean another dump now. `false` if it cannot, being standard input.
    pub(super) fn again(
        &mut self,
        global: &Global,
        choice: &DumpChoice,
    ) -> Result<bool, CommandError> {
        if let Place::Stdin = self.place {
            return Ok(false);
        }
        *self = open(global, choice)?;
        Ok(true)
    }
}

/// Opens what a user names; see [`lookup::find`].
pub(super) fn open(global: &Global, choice: &DumpChoice) -> Result<Opened, CommandError> {
    let file = lookup::file_for(global, choice);
    let scratch = match &file {
        Ok(Some(file)) => file.spool_dir.clone(),
        // A dump can be read whatever is wrong with a file.
        Ok(None) | Err(_) => spool_dir(&undeclared()),
    };
    let place = lookup::find(global, choice, file)?;
    if !global.talk.quiet {
        tell_which(choice, &place);
    }
    let dump = match &place {
        Place::Stdin => Dump::open_stream(&mut std::io::stdin().lock(), &scratch)?,
        Place::Path(path) => Dump::open(path, &scratch)?,
        Place::InStore(store, name) => Dump::open_in_store(store, name, &scratch)?,
    };
    Ok(Opened {
        place,
        dump,
        scratch,
    })
}

/// Says which dump it is where another name was given: `latest`, or one without what an archive is called behind it.
fn tell_which(choice: &DumpChoice, place: &Place) {
    let named = Path::new(&choice.dump);
    let (name, whole) = match place {
        Place::Stdin => return,
        Place::Path(path) => (path.file_name(), text::path(path)),
        Place::InStore(_, name) => (Some(name.as_ref()), text::os(name.as_ref())),
    };
    if name.is_some() && name != named.file_name() {
        say(&format!("`{}` is `{whole}`", text::path(named)));
    }
}

/// The settings where no file says any.
fn undeclared() -> Settings {
    let layered = Layered::load(&Settings::default(), &Overrides::default());
    layered.map(|layered| layered.settings).unwrap_or_default()
}

/// How a dump lies there, in words.
pub(super) fn form(form: Form) -> &'static str {
    match form {
        Form::Directory => "folder",
        Form::Archive(codec) => codec.tar_extension().trim_start_matches('.'),
    }
}

impl From<ScratchError> for CommandError {
    fn from(error: ScratchError) -> Self {
        Self::Open(OpenError::Scratch(error))
    }
}
