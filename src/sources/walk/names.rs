//! The names in one directory, in byte order, however many there are.

use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::RawDir;
use rustix::io::Errno;

/// Bytes of names that are sorted in memory at a time.
const RUN_BYTES: usize = 4 << 20;
/// Bytes that one call to list a directory asks for.
const LISTING_BYTES: usize = 64 * 1024;
/// Bytes read ahead of each sorted run.
const MERGE_BYTES: usize = 16 * 1024;
/// Sorted runs that are kept open: more of them become one.
const MAX_RUNS: usize = 64;

/// Why the names are not all there.
#[derive(Debug)]
pub(super) enum NamesError {
    /// The directory cannot be listed.
    Directory(Errno),
    /// A temporary file failed.
    Temporary(io::Error),
}

impl From<io::Error> for NamesError {
    fn from(error: io::Error) -> Self {
        Self::Temporary(error)
    }
}

/// Calls `each` for every name in `dir` but `.` and `..`, the greatest first: the order in which a
/// stack takes them to give back the smallest first.
///
/// A directory that fails in the middle gives what it gave until then, and the error.
pub(super) fn names_descending(
    dir: impl AsFd,
    temporary_dir: &Path,
    each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), NamesError> {
    let mut sorter = Sorter::new(temporary_dir, RUN_BYTES);
    let listed = list(dir, &mut sorter);
    if let Err(error @ NamesError::Temporary(_)) = listed {
        return Err(error);
    }
    sorter.drain(each)?;
    listed
}

fn list(dir: impl AsFd, sorter: &mut Sorter<'_>) -> Result<(), NamesError> {
    let mut buffer = Vec::with_capacity(LISTING_BYTES);
    let mut names = RawDir::new(dir, buffer.spare_capacity_mut());
    while let Some(name) = names.next() {
        let name = name.map_err(NamesError::Directory)?;
        let name = name.file_name().to_bytes();
        if name != b"." && name != b".." {
            sorter.push(name)?;
        }
    }
    Ok(())
}

/// Sorts names in memory, or in runs in a temporary file when there are too many.
struct Sorter<'a> {
    temporary_dir: &'a Path,
    max_bytes: usize,
    names: Vec<u8>,
    /// Start and end of each name in `names`.
    ranges: Vec<(u32, u32)>,
    runs: Vec<File>,
}

impl<'a> Sorter<'a> {
    fn new(temporary_dir: &'a Path, max_bytes: usize) -> Self {
        Self {
            temporary_dir,
            max_bytes,
            names: Vec::new(),
            ranges: Vec::new(),
            runs: Vec::new(),
        }
    }

    fn push(&mut self, name: &[u8]) -> io::Result<()> {
        let start = self.names.len();
        self.names.extend_from_slice(name);
        let end = self.names.len();
        self.ranges.push((offset(start), offset(end)));
        if end + self.ranges.len() * size_of::<(u32, u32)>() > self.max_bytes {
            self.write_run()?;
        }
        Ok(())
    }

    fn drain(mut self, each: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        if self.runs.is_empty() {
            self.sort();
            return self.sorted().try_for_each(each);
        }
        self.write_run()?;
        merge(self.runs, each)
    }

    fn sort(&mut self) {
        let names = &self.names;
        self.ranges
            .sort_unstable_by(|&left, &right| slice(names, right).cmp(slice(names, left)));
    }

    fn sorted(&self) -> impl Iterator<Item = &[u8]> {
        self.ranges.iter().map(|&range| slice(&self.names, range))
    }

    fn write_run(&mut self) -> io::Result<()> {
        if self.runs.len() == MAX_RUNS {
            let mut run = Run::create(self.temporary_dir)?;
            merge(std::mem::take(&mut self.runs), &mut |name| run.write(name))?;
            self.runs.push(run.finish()?);
        }
        self.sort();
        let mut run = Run::create(self.temporary_dir)?;
        self.sorted().try_for_each(|name| run.write(name))?;
        self.runs.push(run.finish()?);
        self.names.clear();
        self.ranges.clear();
        Ok(())
    }
}

/// A sorted run that is being written.
struct Run(BufWriter<File>);

impl Run {
    fn create(temporary_dir: &Path) -> io::Result<Self> {
        tempfile::tempfile_in(temporary_dir).map(|file| Self(BufWriter::new(file)))
    }

    fn write(&mut self, name: &[u8]) -> io::Result<()> {
        let len = u16::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidFilename)?;
        self.0.write_all(&len.to_le_bytes())?;
        self.0.write_all(name)
    }

    fn finish(self) -> io::Result<File> {
        self.0.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

fn merge(runs: Vec<File>, each: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut readers = Vec::new();
    let mut heads = BinaryHeap::new();
    for mut run in runs {
        run.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::with_capacity(MERGE_BYTES, run);
        heads.extend(next_name(&mut reader)?.map(|name| (name, readers.len())));
        readers.push(reader);
    }
    while let Some((name, run)) = heads.pop() {
        each(&name)?;
        heads.extend(next_name(&mut readers[run])?.map(|name| (name, run)));
    }
    Ok(())
}

fn next_name(run: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 2];
    match run.read_exact(&mut len) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut name = vec![0; usize::from(u16::from_le_bytes(len))];
    run.read_exact(&mut name)?;
    Ok(Some(name))
}

fn offset(position: usize) -> u32 {
    u32::try_from(position).expect("a run ends at RUN_BYTES")
}

fn slice(names: &[u8], (start, end): (u32, u32)) -> &[u8] {
    &names[start as usize..end as usize]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lists_what_is_there_greatest_first() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b", "a", "B", "a.b", "ab"] {
            std::fs::write(dir.path().join(name), b"").unwrap();
        }
        let mut names = Vec::new();
        names_descending(File::open(dir.path()).unwrap(), dir.path(), &mut |name| {
            names.push(String::from_utf8(name.to_vec()).unwrap());
            Ok(())
        })
        .unwrap();
        assert_eq!(names, ["b", "ab", "a.b", "a", "B"]);
    }

    proptest! {
        /// Runs of a few names each come out as one sorted sequence.
        #[test]
        fn runs_are_merged(names in prop::collection::vec(prop::collection::vec(1_u8.., 1..20), 0..2000)) {
            let dir = std::env::temp_dir();
            let mut sorter = Sorter::new(&dir, 150);
            names.iter().try_for_each(|name| sorter.push(name)).unwrap();
            let mut found = Vec::new();
            sorter.drain(&mut |name| { found.push(name.to_vec()); Ok(()) }).unwrap();
            let mut expected = names;
            expected.sort();
            expected.reverse();
            prop_assert_eq!(found, expected);
        }
    }
}
