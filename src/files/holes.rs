//! Where a file with holes has data.

use rustix::fd::BorrowedFd;
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use crate::archive::entry::Segment;

/// Most segments that one file is stored with: a mebibyte of map at the most. A file with more has
/// its smallest holes stored as zeros.
const MAX_SEGMENTS: usize = 16_384;

/// The data segments of an open file, or `None` if it has no hole below `size`.
pub(crate) fn data_segments(
    file: BorrowedFd<'_>,
    size: u64,
) -> Result<Option<Vec<Segment>>, Errno> {
    let mut segments = Segments::new(MAX_SEGMENTS);
    let mut at = 0;
    while at < size {
        let start = match seek(file, SeekFrom::Data(at)) {
            Ok(start) => start.min(size),
            // Only a hole from here to the end.
            Err(Errno::NXIO) => break,
            // A file system that cannot tell has no holes to tell of.
            Err(Errno::INVAL) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        let end = match seek(file, SeekFrom::Hole(start)) {
            Ok(end) => end.min(size),
            // Cut meanwhile; the second pass reports it.
            Err(Errno::NXIO) => break,
            Err(errno) => return Err(errno),
        };
        if start < end {
            segments.push(Segment {
                offset: start,
                len: end - start,
            });
        }
        // A file that is being written to may answer the same twice: always go on.
        at = end.max(at + 1);
    }
    let segments = segments.done();
    let whole = [Segment {
        offset: 0,
        len: size,
    }];
    Ok((segments != whole).then_some(segments))
}

/// Segments in order, with the holes between them at least `min_hole` long.
struct Segments {
    list: Vec<Segment>,
    limit: usize,
    min_hole: u64,
}

impl Segments {
    fn new(limit: usize) -> Self {
        Self {
            list: Vec::new(),
            limit,
            min_hole: 1,
        }
    }

    fn push(&mut self, segment: Segment) {
        self.append(segment);
        while self.list.len() > self.limit {
            self.min_hole *= 2;
            let list = std::mem::take(&mut self.list);
            list.into_iter().for_each(|segment| self.append(segment));
        }
    }

    fn append(&mut self, segment: Segment) {
        if let Some(last) = self.list.last_mut()
            && segment.offset - (last.offset + last.len) < self.min_hole
        {
            last.len = segment.offset + segment.len - last.offset;
            return;
        }
        self.list.push(segment);
    }

    fn done(self) -> Vec<Segment> {
        self.list
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileExt;

    #[test]
    fn a_file_without_holes_is_dense() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[1; 10_000], 0).unwrap();
        assert_eq!(data_segments(file.as_fd(), 10_000), Ok(None));
    }

    #[test]
    fn holes_at_both_ends_and_between_are_found() {
        let file = sparse_file(&[1 << 20, 3 << 20], 5 << 20);
        let block = |offset| Segment { offset, len: 4096 };
        let found = data_segments(file.as_fd(), 5 << 20).unwrap();
        assert_eq!(
            found,
            Some(vec![block(1 << 20), block(3 << 20)]),
            "needs a file system with holes"
        );
    }

    #[test]
    fn a_file_that_is_one_hole_has_no_segments() {
        let file = sparse_file(&[], 1 << 30);
        assert_eq!(data_segments(file.as_fd(), 1 << 30), Ok(Some(Vec::new())));
    }

    #[test]
    fn beyond_the_limit_the_smallest_holes_are_filled() {
        let mut segments = Segments::new(4);
        for (offset, len) in [
            (0, 10),
            (20, 10),
            (1000, 10),
            (1020, 10),
            (5000, 1),
            (9000, 1),
        ] {
            segments.push(Segment { offset, len });
        }
        let found: Vec<_> = segments.done().iter().map(|s| (s.offset, s.len)).collect();
        assert_eq!(found, [(0, 30), (1000, 30), (5000, 1), (9000, 1)]);
    }

    fn sparse_file(blocks: &[u64], size: u64) -> File {
        let file = tempfile::tempfile().unwrap();
        file.set_len(size).unwrap();
        for &offset in blocks {
            file.write_all_at(&[1; 4096], offset).unwrap();
        }
        file
    }
}
