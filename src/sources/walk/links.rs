//! Which files with several names were met already. A backup store can have millions of hard links,
//! so the hash table moves to an unlinked file when it outgrows a bound.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::facts::FileId;
use super::item::ListPosition;

/// Slots of a new table.
const FIRST_SLOTS: u64 = 1 << 10;
/// Most slots that are kept in memory: 24 MiB.
const MAX_MEMORY_SLOTS: u64 = 1 << 20;
/// How many times as many slots the next table has. In a file, moving costs more than room.
const GROWTH: u64 = 4;

/// Device, inode, and position plus one, so that zeros are a free slot.
type Slot = [u64; 3];

const FREE: Slot = [0; 3];

/// Open addressing with linear probing, at most half full.
pub(super) struct LinkTable {
    dir: PathBuf,
    hasher: RandomState,
    slots: Slots,
    used: u64,
    max_memory_slots: u64,
}

impl LinkTable {
    /// An empty table that will make its file in `dir`.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self::with_bound(dir, MAX_MEMORY_SLOTS)
    }

    fn with_bound(dir: PathBuf, max_memory_slots: u64) -> Self {
        let slots = Slots::Memory(Vec::new());
        Self {
            dir,
            hasher: RandomState::new(),
            slots,
            used: 0,
            max_memory_slots,
        }
    }

    /// Where the file's first name is in the list; if it has none yet, `position` becomes it.
    pub(super) fn first_of(
        &mut self,
        id: FileId,
        position: ListPosition,
    ) -> io::Result<Option<ListPosition>> {
        if 2 * self.used >= self.slots.count() {
            self.grow()?;
        }
        let (index, slot) = self.slots.find(self.hasher.hash_one(id), id)?;
        if slot != FREE {
            return Ok(Some(ListPosition(slot[2] - 1)));
        }
        self.slots.write(index, [id.dev, id.ino, position.0 + 1])?;
        self.used += 1;
        Ok(None)
    }

    fn grow(&mut self) -> io::Result<()> {
        let count = (self.slots.count() * GROWTH).max(FIRST_SLOTS);
        let mut grown = if count <= self.max_memory_slots {
            Slots::Memory(vec![
                FREE;
                usize::try_from(count).expect("within max_memory_slots")
            ])
        } else {
            let file = tempfile::tempfile_in(&self.dir)?;
            file.set_len(count * size_of::<Slot>() as u64)?;
            Slots::File { file, count }
        };
        for index in 0..self.slots.count() {
            let slot @ [dev, ino, _] = self.slots.read(index)?;
            if slot != FREE {
                let id = FileId { dev, ino };
                let (free, _) = grown.find(self.hasher.hash_one(id), id)?;
                grown.write(free, slot)?;
            }
        }
        self.slots = grown;
        Ok(())
    }
}

/// As many slots as a power of two, or none.
enum Slots {
    Memory(Vec<Slot>),
    File { file: File, count: u64 },
}

impl Slots {
    fn count(&self) -> u64 {
        match self {
            Self::Memory(slots) => slots.len() as u64,
            Self::File { count, .. } => *count,
        }
    }

    /// The slot of `id`, or the free one where it belongs.
    fn find(&self, hash: u64, id: FileId) -> io::Result<(u64, Slot)> {
        let mask = self.count() - 1;
        let mut index = hash & mask;
        loop {
            let slot = self.read(index)?;
            if slot == FREE || slot[..2] == [id.dev, id.ino] {
                return Ok((index, slot));
            }
            index = (index + 1) & mask;
        }
    }

    fn read(&self, index: u64) -> io::Result<Slot> {
        match self {
            Self::Memory(slots) => Ok(slots[index as usize]),
            Self::File { file, .. } => {
                let mut bytes = [[0; 8]; 3];
                file.read_exact_at(bytes.as_flattened_mut(), offset_of(index))?;
                Ok(bytes.map(u64::from_le_bytes))
            }
        }
    }

    fn write(&mut self, index: u64, slot: Slot) -> io::Result<()> {
        match self {
            Self::Memory(slots) => {
                slots[index as usize] = slot;
                Ok(())
            }
            Self::File { file, .. } => {
                file.write_all_at(slot.map(u64::to_le_bytes).as_flattened(), offset_of(index))
            }
        }
    }
}

fn offset_of(index: u64) -> u64 {
    index * size_of::<Slot>() as u64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn agrees_with_a_map_while_it_grows_and_moves_to_a_file() {
        let mut table = LinkTable::with_bound(std::env::temp_dir(), 4 * FIRST_SLOTS);
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
