//! The list of a scan: what was seen of each file, in a compact form in an unlinked file.
//!
//! A path is stored as what differs from the one before it; numbers take as many bytes as they
//! need. A file with several names has its whole path, so that it can be read alone later.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::facts::FileId;
use crate::archive::entry::{Entry, EntryKind, Mtime, Segment, Xattr};

/// Bytes collected before they are written, and read at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// Byte offset of an item in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ListPosition(pub(super) u64);

/// What the scan saw of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) entry: Entry,
    pub(super) id: FileId,
    /// What ties several names of one file together.
    pub(super) names: Names,
}

/// Whether a file has several names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// One, as far as it matters.
    One,
    /// Several, and this is the first.
    First,
    /// Several; the first is at this position. The entry is a hard link to it.
    Further(ListPosition),
}

/// Writes the list.
pub(super) struct ListWriter {
    file: File,
    written_bytes: u64,
    buffer: Vec<u8>,
    last_path: Vec<u8>,
}

impl ListWriter {
    /// An empty list in an unlinked file in `dir`.
    pub(super) fn create(dir: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(dir)?;
        Ok(Self {
            file,
            written_bytes: 0,
            buffer: Vec::new(),
            last_path: Vec::new(),
        })
    }

    /// Where the next item will be.
    pub(super) fn position(&self) -> ListPosition {
        ListPosition(self.written_bytes + self.buffer.len() as u64)
    }

    /// Appends an item.
    pub(super) fn push(&mut self, item: &Item) -> io::Result<()> {
        let path = &item.entry.path;
        let shared = if item.names == Names::First {
            0
        } else {
            shared_len(&self.last_path, path)
        };
        put_item(&mut self.buffer, item, shared);
        self.last_path.clone_from(path);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// The path of an item that was pushed with [`Names::First`].
    pub(super) fn path_at(&self, position: ListPosition) -> io::Result<Vec<u8>> {
        let item = match position.0.checked_sub(self.written_bytes) {
            Some(in_buffer) => get_item(&mut &self.buffer[in_buffer as usize..], &[])?,
            None => item_at(&self.file, position)?,
        };
        Ok(item.entry.path)
    }

    /// Ends the list, for reading.
    pub(super) fn finish(mut self) -> io::Result<File> {
        self.flush()?;
        Ok(self.file)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.written_bytes)?;
        self.written_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// Reads the list from its beginning.
pub(super) struct ListReader {
    input: BufReader<File>,
    position: u64,
    last_path: Vec<u8>,
}

impl ListReader {
    /// Starts at the first item.
    pub(super) fn open(mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        Ok(Self {
            input: BufReader::with_capacity(BUFFER_BYTES, file),
            position: 0,
            last_path: Vec::new(),
        })
    }

    /// The next item and where it is; `None` behind the last one.
    pub(super) fn next(&mut self) -> io::Result<Option<(ListPosition, Item)>> {
        use std::io::BufRead;
        if self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let position = ListPosition(self.position);
        let mut input = Counting {
            input: &mut self.input,
            count: 0,
        };
        let item = get_item(&mut input, &self.last_path)?;
        self.position += input.count;
        self.last_path.clone_from(&item.entry.path);
        Ok(Some((position, item)))
    }

    /// An item that was pushed with [`Names::First`].
    pub(super) fn item_at(&self, position: ListPosition) -> io::Result<Item> {
        item_at(self.input.get_ref(), position)
    }
}

fn item_at(file: &File, position: ListPosition) -> io::Result<Item> {
    let input = AtOffset {
        file,
        offset: position.0,
    };
    get_item(&mut BufReader::with_capacity(1024, input), &[])
}

fn shared_len(left: &[u8], right: &[u8]) -> usize {
    left.iter()
        .zip(right)
        .take_while(|(left, right)| left == right)
        .count()
}

fn put_item(out: &mut Vec<u8>, item: &Item, shared: usize) {
    let Entry {
        path,
        kind,
        mode,
        uid,
        gid,
        mtime,
        size,
        xattrs,
        sparse,
    } = &item.entry;
    put_number(out, shared as u64);
    put_bytes(out, &path[shared..]);
    put_kind(out, kind);
    for number in [u64::from(*mode), u64::from(*uid), u64::from(*gid)] {
        put_number(out, number);
    }
    out.extend_from_slice(&mtime.secs.to_le_bytes());
    out.extend_from_slice(&mtime.nanos.to_le_bytes());
    for number in [*size, item.id.dev, item.id.ino] {
        put_number(out, number);
    }
    match item.names {
        Names::One => put_number(out, 0),
        Names::First => put_number(out, 1),
        Names::Further(first) => put_number(out, first.0 + 2),
    }
    put_number(out, xattrs.len() as u64);
    for Xattr { name, value } in xattrs {
        put_bytes(out, name);
        put_bytes(out, value);
    }
    put_number(
        out,
        sparse
            .as_ref()
            .map_or(0, |segments| segments.len() as u64 + 1),
    );
    for segment in sparse.iter().flatten() {
        put_number(out, segment.offset);
        put_number(out, segment.len);
    }
}

fn get_item(input: &mut impl Read, last_path: &[u8]) -> io::Result<Item> {
    let shared = get_len(input)?;
    let mut path = last_path
        .get(..shared)
        .ok_or(io::ErrorKind::InvalidData)?
        .to_vec();
    path.append(&mut get_bytes(input)?);
    let kind = get_kind(input)?;
    let [mode, uid, gid] = [get_u32(input)?, get_u32(input)?, get_u32(input)?];
    let secs = i64::from_le_bytes(get_array(input)?);
    let nanos = u32::from_le_bytes(get_array(input)?);
    let [size, dev, ino] = [get_number(input)?, get_number(input)?, get_number(input)?];
    let names = match get_number(input)? {
        0 => Names::One,
        1 => Names::First,
        position => Names::Further(ListPosition(position - 2)),
    };
    let mut xattrs = Vec::new();
    for _ in 0..get_number(input)? {
        xattrs.push(Xattr {
            name: get_bytes(input)?,
            value: get_bytes(input)?,
        });
    }
    let mut sparse = None;
    if let Some(count) = get_number(input)?.checked_sub(1) {
        let segments = sparse.insert(Vec::new());
        for _ in 0..count {
            segments.push(Segment {
                offset: get_number(input)?,
                len: get_number(input)?,
            });
        }
    }
    let mtime = Mtime { secs, nanos };
    let entry = Entry {
        path,
        kind,
        mode,
        uid,
        gid,
        mtime,
        size,
        xattrs,
        sparse,
    };
    Ok(Item {
        entry,
        id: FileId { dev, ino },
        names,
    })
}

fn put_kind(out: &mut Vec<u8>, kind: &EntryKind) {
    match kind {
        EntryKind::File => out.push(0),
        EntryKind::Directory => out.push(1),
        EntryKind::Fifo => out.push(2),
        EntryKind::HardLink { target } => {
            out.push(3);
            put_bytes(out, target);
        }
        EntryKind::Symlink { target } => {
            out.push(4);
            put_bytes(out, target);
        }
        EntryKind::CharDevice { major, minor } => put_device(out, 5, *major, *minor),
        EntryKind::BlockDevice { major, minor } => put_device(out, 6, *major, *minor),
    }
}

fn get_kind(input: &mut impl Read) -> io::Result<EntryKind> {
    let [tag] = get_array(input)?;
    Ok(match tag {
        0 => EntryKind::File,
        1 => EntryKind::Directory,
        2 => EntryKind::Fifo,
        3 => EntryKind::HardLink {
            target: get_bytes(input)?,
        },
        4 => EntryKind::Symlink {
            target: get_bytes(input)?,
        },
        5 => EntryKind::CharDevice {
            major: get_u32(input)?,
            minor: get_u32(input)?,
        },
        6 => EntryKind::BlockDevice {
            major: get_u32(input)?,
            minor: get_u32(input)?,
        },
        _ => return Err(io::ErrorKind::InvalidData.into()),
    })
}

fn put_device(out: &mut Vec<u8>, tag: u8, major: u32, minor: u32) {
    out.push(tag);
    put_number(out, u64::from(major));
    put_number(out, u64::from(minor));
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn get_bytes(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; get_len(input)?];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Seven bits per byte, the lowest first; the highest bit says that more follow (LEB128).
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn get_number(input: &mut impl Read) -> io::Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let [byte] = get_array(input)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn get_u32(input: &mut impl Read) -> io::Result<u32> {
    u32::try_from(get_number(input)?).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn get_len(input: &mut impl Read) -> io::Result<usize> {
    usize::try_from(get_number(input)?).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn get_array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

struct Counting<R> {
    input: R,
    count: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.input.read(buffer)?;
        self.count += len as u64;
        Ok(len)
    }
}

/// Reads at an offset without moving the file's own.
struct AtOffset<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for AtOffset<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read_at(buffer, self.offset)?;
        self.offset += len as u64;
        Ok(len)
    }
}
