//! Which files with several names were met already: a hash table in an unlinked file. A backup
//! store can have millions of hard links, so it cannot be in memory.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::facts::FileId;
use super::list::ListPosition;

/// Slots of a new table.
const FIRST_SLOTS: u64 = 1024;
/// Device, inode, and position plus one, so that a hole in the file is a free slot.
const SLOT_LEN: usize = 24;

/// Open addressing with linear probing, at most half full.
pub(super) struct LinkTable {
    dir: PathBuf,
    hasher: RandomState,
    /// Made when the first file with several names is met.
    slots: Option<Slots>,
    used: u64,
}

impl LinkTable {
    /// An empty table that will make its file in `dir`.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            hasher: RandomState::new(),
            slots: None,
            used: 0,
        }
    }

    /// Where the file's first name is in the list; if it has none yet, `position` becomes it.
    pub(super) fn first_of(
        &mut self,
        id: FileId,
        position: ListPosition,
    ) -> io::Result<Option<ListPosition>> {
        if self
            .slots
            .as_ref()
            .is_none_or(|slots| 2 * self.used >= slots.count)
        {
            self.grow()?;
        }
        let slots = self.slots.as_ref().expect("just made");
        let found = slots.find(self.hasher.hash_one(id), id)?;
        if found.position.is_none() {
            slots.write(found.index, id, position)?;
            self.used += 1;
        }
        Ok(found.position)
    }

    fn grow(&mut self) -> io::Result<()> {
        let count = self
            .slots
            .as_ref()
            .map_or(FIRST_SLOTS, |slots| 2 * slots.count);
        let file = tempfile::tempfile_in(&self.dir)?;
        file.set_len(count * SLOT_LEN as u64)?;
        let grown = Slots { file, count };
        let Some(old) = self.slots.take() else {
            self.slots = Some(grown);
            return Ok(());
        };
        for index in 0..old.count {
            let (id, position) = old.read(index)?;
            if let Some(position) = position {
                let free = grown.find(self.hasher.hash_one(id), id)?;
                grown.write(free.index, id, position)?;
            }
        }
        self.slots = Some(grown);
        Ok(())
    }
}

struct Slots {
    file: File,
    /// A power of two.
    count: u64,
}

struct Found {
    index: u64,
    /// `None` if the slot is free.
    position: Option<ListPosition>,
}

impl Slots {
    /// The slot of `id`, or the free one where it belongs.
    fn find(&self, hash: u64, id: FileId) -> io::Result<Found> {
        let mut index = hash & (self.count - 1);
        loop {
            let (found, position) = self.read(index)?;
            if found == id || position.is_none() {
                return Ok(Found { index, position });
            }
            index = (index + 1) & (self.count - 1);
        }
    }

    fn read(&self, index: u64) -> io::Result<(FileId, Option<ListPosition>)> {
        let mut slot = [[0; 8]; SLOT_LEN / 8];
        self.file
            .read_exact_at(slot.as_flattened_mut(), index * SLOT_LEN as u64)?;
        let [dev, ino, position] = slot.map(u64::from_le_bytes);
        Ok((
            FileId { dev, ino },
            position.checked_sub(1).map(ListPosition),
        ))
    }

    fn write(&self, index: u64, id: FileId, position: ListPosition) -> io::Result<()> {
        let slot = [id.dev, id.ino, position.0 + 1].map(u64::to_le_bytes);
        self.file
            .write_all_at(slot.as_flattened(), index * SLOT_LEN as u64)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn agrees_with_a_map_while_it_grows() {
        let mut table = LinkTable::new(std::env::temp_dir());
        let mut model = HashMap::new();
        for number in 0..10_000_u64 {
            let id = FileId {
                dev: number % 3,
                ino: number % 4001,
            };
            let expected = model.get(&id).copied();
            model.entry(id).or_insert(ListPosition(number));
            assert_eq!(
                table.first_of(id, ListPosition(number)).unwrap(),
                expected,
                "{id:?}"
            );
        }
    }
}
