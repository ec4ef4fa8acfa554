//! Compares entries with what lies in their places, before anything is written: what a restore would have to
//! replace.

use rustix::fs::{FileType, Stat, major, minor};

use super::ContentError;
use super::place::{Place, join};
use crate::archive::content::ContentHasher;
use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::tar::TarVisitor;
use crate::files::{Beneath, Unfit, content_digest};

/// As many differences are kept with their names; the others are counted.
const KEPT: usize = 100;

/// An entry that is there otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its path below the place.
    pub path: Vec<u8>,
    /// What differs: `content`, `kind`, or `target` of a link.
    pub what: &'static str,
}

/// Takes the entries of a tree and holds them against a folder. Owner, permissions and time do not count: they are
/// no reason to replace what has the right content.
pub struct Differences {
    place: Place,
    beneath: Option<Beneath>,
    entry: Option<Entry>,
    content: ContentHasher,
    /// The first of them.
    pub first: Vec<Difference>,
    /// All of them.
    pub count: u64,
    /// Entries that are not there.
    pub absent: u64,
    /// Entries that are there as they should.
    pub same: u64,
    error: Option<ContentError>,
}

impl Differences {
    /// Compares with what is in `place`, which need not exist.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn new(place: &Place) -> Result<Self, ContentError> {
        Ok(Self {
            place: place.clone(),
            beneath: place.open()?.map(Beneath::of),
            entry: None,
            content: ContentHasher::default(),
            first: Vec::new(),
            count: 0,
            absent: 0,
            same: 0,
            error: None,
        })
    }

    /// Why a call ended in [`SinkClosed`].
    pub fn take_error(&mut self) -> Option<ContentError> {
        self.error.take()
    }

    fn compare(&mut self, entry: &Entry) -> Result<Is, ContentError> {
        if entry.path.is_empty() {
            return Ok(Is::Same);
        }
        let Some(beneath) = &mut self.beneath else {
            return Ok(Is::Absent);
        };
        let compared = match beneath.stat(&entry.path) {
            Ok(found) => compare(beneath, entry, &found, &mut self.content),
            Err(unfit) => Err(unfit),
        };
        match compared {
            Ok(is) => Ok(is),
            Err(Unfit::Missing) => Ok(Is::Absent),
            // A folder of the dump is something else here: that is told of the folder.
            Err(Unfit::NoFolder | Unfit::Kind { .. }) => Ok(Is::Other("kind")),
            Err(Unfit::Read(source)) => Err(ContentError::Read {
                path: join(&self.place.path(), &entry.path),
                source,
            }),
        }
    }
}

/// What is in an entry's place.
enum Is {
    Absent,
    Same,
    Other(&'static str),
}

fn compare(
    beneath: &mut Beneath,
    entry: &Entry,
    found: &Stat,
    content: &mut ContentHasher,
) -> Result<Is, Unfit> {
    let kind = FileType::from_raw_mode(found.st_mode);
    let is_device = |major_number, minor_number| {
        (major(found.st_rdev), minor(found.st_rdev)) == (major_number, minor_number)
    };
    let (expected, is_same, what) = match &entry.kind {
        EntryKind::File => {
            let is_same = u64::try_from(found.st_size) == Ok(entry.size)
                && kind == FileType::RegularFile
                && digest(beneath, entry)? == content.finish(entry.size);
            (FileType::RegularFile, is_same, "content")
        }
        EntryKind::HardLink { target } => {
            let first = beneath.stat(target)?;
            let id = |stat: &Stat| (stat.st_dev, stat.st_ino);
            let expected = FileType::from_raw_mode(first.st_mode);
            (expected, id(found) == id(&first), "content")
        }
        EntryKind::Directory => (FileType::Directory, true, "kind"),
        EntryKind::Symlink { target } => {
            let is_same = kind == FileType::Symlink && beneath.link(&entry.path)? == *target;
            (FileType::Symlink, is_same, "target")
        }
        EntryKind::Fifo => (FileType::Fifo, true, "kind"),
        EntryKind::CharDevice { major, minor } => {
            (FileType::CharacterDevice, is_device(*major, *minor), "kind")
        }
        EntryKind::BlockDevice { major, minor } => {
            (FileType::BlockDevice, is_device(*major, *minor), "kind")
        }
    };
    Ok(match (kind == expected, is_same) {
        (false, _) => Is::Other("kind"),
        (true, false) => Is::Other(what),
        (true, true) => Is::Same,
    })
}

/// The digest of the file that is there.
fn digest(beneath: &mut Beneath, entry: &Entry) -> Result<[u8; 32], Unfit> {
    let (file, _) = beneath.file(&entry.path)?;
    content_digest(&file, entry).map_err(Unfit::Read)
}

impl TarVisitor for Differences {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        self.content.begin(entry);
        self.entry = Some(entry.clone());
        Ok(())
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        self.content.data(part);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        let Some(entry) = self.entry.take() else {
            return Ok(());
        };
        match self.compare(&entry) {
            Ok(Is::Absent) => self.absent += 1,
            Ok(Is::Same) => self.same += 1,
            Ok(Is::Other(what)) => {
                self.count += 1;
                if self.first.len() < KEPT {
                    let path = entry.path;
                    self.first.push(Difference { path, what });
                }
            }
            Err(error) => {
                self.error = Some(error);
                return Err(SinkClosed);
            }
        }
        Ok(())
    }
}
