//! The list of a scan: what was seen of each file, in a compact form in an unlinked file.
//!
//! A path is stored as what differs from the one before it. A file with several names has its whole path, so that it can be read alone later.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::item::{Item, ListPosition, Names, get_item, put_item};

/// Bytes collected before they are written, and read at a time.
const BUFFER_BYTES: usize = 256 * 1024;

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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::archive::entry::{Entry, EntryKind, Mtime, Segment, Xattr};
    use crate::sources::walk::facts::FileId;
    use proptest::prelude::*;

    fn kind() -> impl Strategy<Value = EntryKind> {
        let bytes = any::<Vec<u8>>;
        prop_oneof![
            Just(EntryKind::File),
            Just(EntryKind::Directory),
            Just(EntryKind::Fifo),
            bytes().prop_map(|target| EntryKind::HardLink { target }),
            bytes().prop_map(|target| EntryKind::Symlink { target }),
            any::<(u32, u32)>().prop_map(|(major, minor)| EntryKind::CharDevice { major, minor }),
            any::<(u32, u32)>().prop_map(|(major, minor)| EntryKind::BlockDevice { major, minor }),
        ]
    }

    prop_compose! {
        fn item()(
            path in "[ab/]{0,12}", kind in kind(), numbers: [u32; 4], mtime: (i64, u32),
            (size, dev, ino) in any::<(u64, u64, u64)>(), names in prop_oneof![
                Just(Names::One), Just(Names::First), (0..1_u64 << 40).prop_map(|at| Names::Further(ListPosition(at)))
            ],
            xattrs in prop::collection::vec(any::<(Vec<u8>, Vec<u8>)>(), 0..3),
            sparse in prop::option::of(prop::collection::vec(any::<(u64, u64)>(), 0..3)),
        ) -> Item {
            let [mode, uid, gid, _] = numbers;
            let mtime = Mtime { secs: mtime.0, nanos: mtime.1 };
            let xattrs = xattrs.into_iter().map(|(name, value)| Xattr { name, value }).collect();
            let sparse = sparse.map(|map| map.into_iter().map(|(offset, len)| Segment { offset, len }).collect());
            let entry = Entry { path: path.into_bytes(), kind, mode, uid, gid, mtime, size, xattrs, sparse };
            Item { entry, id: FileId { dev, ino }, names }
        }
    }

    proptest! {
        #[test]
        fn items_come_back_in_order_and_alone(items in prop::collection::vec(item(), 0..20)) {
            let mut list = ListWriter::create(&std::env::temp_dir()).unwrap();
            let mut positions = Vec::new();
            for item in &items {
                positions.push(list.position());
                list.push(item).unwrap();
            }
            let firsts = || positions.iter().zip(&items).filter(|(_, item)| item.names == Names::First);
            for (&position, item) in firsts() {
                prop_assert_eq!(&list.path_at(position).unwrap(), &item.entry.path);
            }
            let mut reader = ListReader::open(list.finish().unwrap()).unwrap();
            for (&position, item) in positions.iter().zip(&items) {
                prop_assert_eq!(reader.next().unwrap(), Some((position, item.clone())));
            }
            prop_assert_eq!(reader.next().unwrap(), None);
            for (&position, item) in firsts() {
                prop_assert_eq!(&reader.item_at(position).unwrap(), item);
            }
        }
    }
}
