//! One entry of a tree or tar, as plain data. It knows neither where it was read nor where it goes.
//!
//! Readers in [`crate::sources`] make entries, [`super::tar`] turns them into blocks, and targets
//! store them. Paths and link targets are bytes: no encoding is assumed.

/// What kind of file an [`Entry`] is, with what only that kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file. Its content follows as data of [`Entry::size`] bytes.
    File,
    /// A further name of a file that came earlier in the same member.
    HardLink {
        /// The earlier entry's path, in the same form as [`Entry::path`].
        target: Vec<u8>,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// The link's text, exactly as read.
        target: Vec<u8>,
    },
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
}

/// A modification time: whole seconds since the epoch (negative before it) and nanoseconds (0..1e9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mtime {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub secs: i64,
    /// Nanoseconds to add, below 1,000,000,000.
    pub nanos: u32,
}

/// A run of real data in a sparse file; what lies between segments is a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
}

/// An extended attribute: name and value as the kernel gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xattr {
    /// Name, with its name space (`user.`, `security.`, `system.posix_acl_access`).
    pub name: Vec<u8>,
    /// Value.
    pub value: Vec<u8>,
}

/// A file, directory, link or special file with its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path relative to the member's root, components joined by `/`, no leading `./` or `/`, no
    /// trailing slash. Empty for the root itself.
    pub path: Vec<u8>,
    /// Kind.
    pub kind: EntryKind,
    /// Permission bits, set-id and sticky bits included (`0o7777`).
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Modification time.
    pub mtime: Mtime,
    /// Logical length of a regular file in bytes, holes included; 0 for every other kind.
    pub size: u64,
    /// Extended attributes, ACLs and capabilities included, sorted by name.
    pub xattrs: Vec<Xattr>,
    /// The data segments of a file with holes, in order, not overlapping; `None` for a dense file.
    pub sparse: Option<Vec<Segment>>,
}

impl EntryKind {
    /// Whether it is a device node.
    #[must_use]
    pub const fn is_device(&self) -> bool {
        matches!(self, Self::CharDevice { .. } | Self::BlockDevice { .. })
    }
}

impl Entry {
    /// An entry of root's without content, attributes and holes, of the beginning of 1970.
    pub(crate) fn plain(path: impl Into<Vec<u8>>, kind: EntryKind, mode: u32) -> Self {
        Self {
            path: path.into(),
            kind,
            mode,
            uid: 0,
            gid: 0,
            mtime: Mtime::default(),
            size: 0,
            xattrs: Vec::new(),
            sparse: None,
        }
    }

    /// Bytes of content that follow this entry as data: the file's length, or the sum of its
    /// segments when it is sparse.
    #[must_use]
    pub fn data_len(&self) -> u64 {
        match &self.sparse {
            Some(segments) => segments.iter().map(|segment| segment.len).sum(),
            None => self.size,
        }
    }
}

/// Takes the entries of one tree, each followed by its data. Implemented by what encodes or stores
/// them; called by what reads them.
///
/// The order is `begin`, for regular files any number of `data` calls whose lengths sum up to
/// [`Entry::data_len`], then `end`, for every entry.
pub trait EntrySink {
    /// Starts an entry. `chunk`s of a sparse file are its segments' bytes, one after another.
    ///
    /// # Errors
    /// [`SinkClosed`] when nobody takes data any more; the reader stops.
    fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed>;

    /// Content of the entry that was begun last.
    ///
    /// # Errors
    /// As [`EntrySink::begin`].
    fn data(&mut self, chunk: bytes::Bytes) -> Result<(), SinkClosed>;

    /// Ends the entry that was begun last.
    ///
    /// # Errors
    /// As [`EntrySink::begin`].
    fn end(&mut self) -> Result<(), SinkClosed>;
}

/// Nobody takes data any more: the run was cancelled, or every target has failed. The cause is kept
/// by whoever closed the sink; a reader only stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody takes the data any more")]
pub struct SinkClosed;
