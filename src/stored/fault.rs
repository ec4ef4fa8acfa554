//! What can be wrong with a stored dump, and the list of it for one member.

use std::io;

use crate::archive::escape::display;
use crate::archive::index::IndexError;
use crate::archive::manifest::ManifestError;
use crate::archive::tar::TarError;
use crate::files::Unfit;

/// As many faults of one member are kept with their names; the others are counted.
const KEPT: usize = 100;

/// What is wrong with a member, or with one file or entry of it. The text goes on after its name.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The manifest or an index names it and it is not there.
    #[error("is missing")]
    Missing,
    /// The archive could not be read as far as its end.
    #[error("was not read to its end, the archive breaks off before")]
    NotReached,
    /// It is in the dump and nothing names it.
    #[error("is not named by the manifest")]
    Unnamed,
    /// The archive holds it twice.
    #[error("is there twice")]
    Twice,
    /// Something else stands in its place.
    #[error("is {found} and should be {expected}")]
    Kind {
        /// What is there.
        found: &'static str,
        /// What should be.
        expected: &'static str,
    },
    /// A component of its path is a link, or no folder.
    #[error("lies behind something that is no folder")]
    NoFolder,
    /// The system does not let it be read.
    #[error("cannot be read")]
    Read(#[source] io::Error),
    /// Its length differs.
    #[error("has {found} bytes instead of {expected}")]
    Length {
        /// Bytes that are there.
        found: u64,
        /// Bytes that were stored.
        expected: u64,
    },
    /// Its bytes differ.
    #[error("has other bytes than were stored, its sha256 differs")]
    Sha256,
    /// It is compressed, but its name does not say how.
    #[error("is compressed in a way that its name does not tell")]
    NoCodec,
    /// The codec does not take it.
    #[error("cannot be decompressed")]
    Decompress(#[source] io::Error),
    /// Its decompressed length differs.
    #[error("decompresses to {found} bytes instead of {expected}")]
    RawLength {
        /// Bytes that came out.
        found: u64,
        /// Bytes that were read from the source.
        expected: u64,
    },
    /// It was not decompressed further than the manifest says.
    #[error("decompresses to more than the {expected} bytes that it should")]
    RawTooLong {
        /// Bytes that were read from the source.
        expected: u64,
    },
    /// Its decompressed bytes differ.
    #[error("decompresses to other bytes than were read, their sha256 differs")]
    RawSha256,
    /// It is not a whole tar.
    #[error("is not a whole tar")]
    Tar(#[source] TarError),
    /// It has more or fewer entries.
    #[error("has {found} entries instead of {expected}")]
    Entries {
        /// Entries that are there.
        found: u64,
        /// Entries that the manifest counts.
        expected: u64,
    },
    /// The lengths of its files do not sum up.
    #[error("has files of {found} bytes together instead of {expected}")]
    Content {
        /// Bytes that are there.
        found: u64,
        /// Bytes that the manifest counts.
        expected: u64,
    },
    /// An index does not begin as one.
    #[error("does not begin like an index")]
    IndexHead,
    /// A line of an index that is none.
    #[error("has a line that cannot be understood")]
    IndexLine(#[source] IndexError),
    /// A line of an index that no entry needs.
    #[error("has a line that is too long, or the last one without its end")]
    IndexLineLength,
    /// A path in an index that leads elsewhere.
    #[error("is not a path below the member's root")]
    UnsafePath,
    /// The text of a tree's index is not the one that the manifest vouches for.
    #[error("has other lines than were stored, the sha256 of its text differs")]
    IndexText,
    /// The lines of an index are not what the tar's entries give.
    #[error("does not describe the entries of its tar")]
    IndexDiffers,
    /// An index has an entry twice.
    #[error("names an entry twice")]
    IndexTwice,
    /// A tree's entries do not come in the order of its index.
    #[error("comes where the index has `{}`", display(expected))]
    Order {
        /// The next entry of the index.
        expected: Vec<u8>,
    },
    /// A file of a tree that is not as its index says.
    #[error("has other content than was stored, its sha256 differs")]
    FileSha256,
    /// A link that leads elsewhere.
    #[error("leads to `{}` instead of `{}`", display(found), display(expected))]
    Target {
        /// Where to.
        found: Vec<u8>,
        /// Where to according to the index.
        expected: Vec<u8>,
    },
    /// A further name of a file that has other content than the file.
    #[error(
        "has other content than `{}`, whose further name it is",
        display(target)
    )]
    HardLink {
        /// The first name.
        target: Vec<u8>,
    },
    /// A device with other numbers.
    #[error("is another device than was stored")]
    Device,
    /// An entry in an archive that has other metadata than its index says.
    #[error("has another {what} than its index says")]
    Field {
        /// Which.
        what: &'static str,
    },
    /// The entries of a tree are not in one piece of the archive.
    #[error("comes in the middle of other members")]
    Scattered,
    /// The manifest is not the last entry of the archive.
    #[error("comes behind the manifest")]
    AfterManifest,
    /// A manifest that cannot be used.
    #[error("cannot be used")]
    Manifest(#[source] ManifestError),
    /// The manifest in the archive and the one beside it differ.
    #[error("says something else than the manifest beside the archive")]
    OtherManifest,
    /// The manifest beside an archive does not describe an archive.
    #[error("names no archive")]
    NoArchive,
    /// A manifest that contradicts itself.
    #[error("contradicts itself: {what}")]
    Contract {
        /// How.
        what: String,
    },
    /// A plain file with other permissions, owner or time than its index says: a copy, mostly.
    #[error("has another {what} than when it was dumped")]
    Altered {
        /// What differs.
        what: &'static str,
    },
    /// A further name of a file that has become a file of its own.
    #[error(
        "is a file of its own now, and was a further name of `{}`",
        display(target)
    )]
    LinkCopied {
        /// The first name.
        target: Vec<u8>,
    },
    /// A device that is not there; only root can make one.
    #[error("is missing, a device that only root can make")]
    NoDevice,
    /// The archive has got another name.
    #[error("was called `{}` when it was stored", display(.name.as_bytes()))]
    Renamed {
        /// Its first name.
        name: String,
    },
}

impl From<Unfit> for Fault {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Missing => Self::Missing,
            Unfit::NoFolder => Self::NoFolder,
            Unfit::Kind { found, expected } => Self::Kind { found, expected },
            Unfit::Read(source) => Self::Read(source),
        }
    }
}

impl Fault {
    /// Whether no content is lost by it. A dump that was copied with `cp -r` has such faults: the index
    /// has the true values, and a restore takes those.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        matches!(
            self,
            Self::Altered { .. } | Self::LinkCopied { .. } | Self::NoDevice | Self::Renamed { .. }
        )
    }
}

/// A fault of the file, entry or member with that path in the dump.
#[derive(Debug)]
pub struct Found {
    /// Path in the dump.
    pub path: Vec<u8>,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with one member, or with what belongs to none: the first faults in full.
#[derive(Debug, Default)]
pub struct Faults {
    /// What makes the member bad.
    pub damage: Tally,
    /// What differs and loses nothing.
    pub harmless: Tally,
}

/// Faults of one sort.
#[derive(Debug, Default)]
pub struct Tally {
    /// The first of them.
    pub first: Vec<Found>,
    /// All of them.
    pub count: u64,
}

impl Faults {
    /// Adds a fault of what lies at `path` in the dump.
    pub(super) fn add(&mut self, path: impl Into<Vec<u8>>, fault: Fault) {
        let tally = if fault.is_harmless() {
            &mut self.harmless
        } else {
            &mut self.damage
        };
        tally.count += 1;
        if tally.first.len() < KEPT {
            let path = path.into();
            tally.first.push(Found { path, fault });
        }
    }

    /// Adds the faults of `other`.
    pub(super) fn join(&mut self, other: Self) {
        for (to, from) in [
            (&mut self.damage, other.damage),
            (&mut self.harmless, other.harmless),
        ] {
            to.count += from.count;
            let room = KEPT.saturating_sub(to.first.len());
            to.first.extend(from.first.into_iter().take(room));
        }
    }

    /// Whether everything that was stored is there.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damage.count == 0
    }
}
