//! Names that wait to be visited: a stack whose lower part lies in an unlinked file, so that a
//! directory with millions of files needs no memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// A name that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Number of directories from the root to the one that has this name; 0 for the root.
    pub(super) depth: u32,
    /// Whether the filter has to be asked.
    pub(super) ask: bool,
    pub(super) name: Vec<u8>,
}

/// Bytes of depth, flag and name length, which stand behind each name.
const TRAILER_LEN: usize = 4 + 1 + 2;

/// The stack.
pub(super) struct Pending {
    dir: PathBuf,
    spill: Option<File>,
    spilled_bytes: u64,
    /// The upper part of the stack. The two parts meet at any byte, not at the border of a name.
    top: Vec<u8>,
    max_top: usize,
}

impl Pending {
    /// An empty stack that keeps up to `max_top` bytes in memory, and others in a file in `dir`.
    pub(super) fn new(dir: PathBuf, max_top: usize) -> Self {
        Self {
            dir,
            spill: None,
            spilled_bytes: 0,
            top: Vec::new(),
            max_top,
        }
    }

    /// Puts a name on top. Names of directory entries are at most 255 bytes long on Linux.
    pub(super) fn push(&mut self, depth: u32, ask: bool, name: &[u8]) -> io::Result<()> {
        let name_len = u16::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidFilename)?;
        self.top.extend_from_slice(name);
        self.top.extend_from_slice(&depth.to_le_bytes());
        self.top.push(u8::from(ask));
        self.top.extend_from_slice(&name_len.to_le_bytes());
        if self.top.len() > self.max_top {
            self.spill_half()
        } else {
            Ok(())
        }
    }

    /// Takes the name that was put last.
    pub(super) fn pop(&mut self) -> io::Result<Option<Waiting>> {
        self.reload(TRAILER_LEN)?;
        if self.top.is_empty() {
            return Ok(None);
        }
        let trailer = self.top.split_off(self.top.len() - TRAILER_LEN);
        let [d0, d1, d2, d3, ask, n0, n1] = trailer[..] else {
            unreachable!("split at this length")
        };
        let name_len = usize::from(u16::from_le_bytes([n0, n1]));
        self.reload(name_len)?;
        let name = self.top.split_off(self.top.len() - name_len);
        Ok(Some(Waiting {
            depth: u32::from_le_bytes([d0, d1, d2, d3]),
            ask: ask != 0,
            name,
        }))
    }

    fn spill_half(&mut self) -> io::Result<()> {
        let file = match self.spill.take() {
            Some(file) => file,
            None => tempfile::tempfile_in(&self.dir)?,
        };
        let half = self.top.len() / 2;
        file.write_all_at(&self.top[..half], self.spilled_bytes)?;
        self.spill = Some(file);
        self.spilled_bytes += half as u64;
        self.top.drain(..half);
        Ok(())
    }

    /// Sees to it that `wanted` bytes are in memory, if the stack has as many.
    fn reload(&mut self, wanted: usize) -> io::Result<()> {
        let Some(file) = self.spill.as_ref().filter(|_| self.top.len() < wanted) else {
            return Ok(());
        };
        let len = self
            .spilled_bytes
            .min((self.max_top / 2).max(wanted) as u64);
        let mut lower = vec![0; usize::try_from(len).expect("bounded by max_top")];
        self.spilled_bytes -= len;
        file.read_exact_at(&mut lower, self.spilled_bytes)?;
        lower.append(&mut self.top);
        self.top = lower;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Any sequence of pushes and pops does what a stack in memory does.
        #[test]
        fn is_a_stack(steps in prop::collection::vec(prop::option::of((0_u32..9, any::<bool>(), ".{0,40}")), 0..300)) {
            let mut pending = Pending::new(std::env::temp_dir(), 64);
            let mut model = Vec::new();
            for step in steps {
                if let Some((depth, ask, name)) = step {
                    pending.push(depth, ask, name.as_bytes()).unwrap();
                    model.push(Waiting { depth, ask, name: name.into_bytes() });
                } else {
                    prop_assert_eq!(pending.pop().unwrap(), model.pop());
                }
            }
            while let Some(waiting) = pending.pop().unwrap() {
                prop_assert_eq!(Some(waiting), model.pop());
            }
            prop_assert!(model.is_empty());
        }
    }
}
