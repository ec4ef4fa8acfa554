//! Why a sequence of bytes is not a tar that a dump may hold or a restore may trust.

use std::fmt;

use crate::archive::entry::SinkClosed;
use crate::archive::escape;

/// A tar is broken, cut, or says something that readers could take in different ways.
///
/// `at` is the offset in bytes of the block in the stream; paths are as the tar has them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TarError {
    /// The stream ended in the middle of an entry's data.
    #[error(
        "ended early in `{}`: {missing} bytes of it are missing",
        escape::display(path)
    )]
    EndedInEntry {
        /// The entry.
        path: Vec<u8>,
        /// Bytes that should have followed, padding included.
        missing: u64,
    },
    /// The stream ended in the middle of a header.
    #[error("ended early in a header at byte {at}, {}", After(last))]
    EndedInHeader {
        /// Where the header began.
        at: u64,
        /// The entry before it.
        last: Option<Vec<u8>>,
    },
    /// The stream ended between two entries, without the two zero blocks.
    #[error("ended without its end marker {}", After(last))]
    NoEndMarker {
        /// The last entry.
        last: Option<Vec<u8>>,
    },
    /// Something else than zeros follows the end marker: an engine's late error, say. In a tar of our
    /// own, anything.
    #[error(
        "followed by something else at byte {at}: `{}`",
        escape::display(beginning)
    )]
    AfterEnd {
        /// Where it begins.
        at: u64,
        /// Its first bytes.
        beginning: Vec<u8>,
    },
    /// A block is filled up with something else than zeros.
    #[error("a block is not filled up with zeros at byte {at}")]
    Padding {
        /// Where, or the header that it belongs to.
        at: u64,
    },
    /// A block that should be a header is none, by its checksum.
    #[error(
        "no header at byte {at}, {}, but `{}`",
        After(last),
        escape::display(beginning)
    )]
    NotAHeader {
        /// Where it is.
        at: u64,
        /// The entry before it.
        last: Option<Vec<u8>>,
        /// The block's first bytes.
        beginning: Vec<u8>,
    },
    /// A field of a header, or a record of an extended one, that cannot be understood.
    #[error("bad {field} in the header at byte {at}")]
    BadField {
        /// The header.
        at: u64,
        /// The field's name.
        field: &'static str,
    },
    /// An extended header, long name or map of holes that no real file needs.
    #[error("a header at byte {at} is {len} bytes long, more than the {max} that are taken")]
    HeaderTooLong {
        /// The header.
        at: u64,
        /// Its length.
        len: u64,
        /// The longest that is taken.
        max: u64,
    },
    /// Extended headers that belong to no entry, or two of them that contradict each other.
    #[error("an extended header before byte {at} belongs to no entry, or to one that has another")]
    StrayExtension {
        /// The block that follows it.
        at: u64,
    },
    /// A kind of entry that is not known.
    #[error("`{}` has an unknown type `{}`", escape::display(path), char::from(*typeflag).escape_default())]
    UnknownType {
        /// The entry.
        path: Vec<u8>,
        /// Its type flag.
        typeflag: u8,
    },
    /// A name, or the target of a hard link, that is absolute, empty, or has `.`, `..` or an empty
    /// component in it.
    #[error("`{}` is not a path below the root", escape::display(path))]
    UnsafePath {
        /// The name.
        path: Vec<u8>,
    },
    /// Data behind an entry that is no regular file: some readers skip it, others do not.
    #[error("`{}` has data, but is no regular file", escape::display(path))]
    UnexpectedData {
        /// The entry.
        path: Vec<u8>,
    },
    /// A map of holes that is not in order or does not match the entry's size.
    #[error("`{}` has a broken map of its holes", escape::display(path))]
    BadSparseMap {
        /// The entry.
        path: Vec<u8>,
    },
    /// Nobody takes the entries.
    #[error("reading was stopped")]
    Closed(#[source] SinkClosed),
}

impl From<SinkClosed> for TarError {
    fn from(closed: SinkClosed) -> Self {
        Self::Closed(closed)
    }
}

struct After<'a>(&'a Option<Vec<u8>>);

impl fmt::Display for After<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(path) => write!(f, "after `{}`", escape::display(path)),
            None => f.write_str("before the first entry"),
        }
    }
}
