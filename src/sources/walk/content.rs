//! The content of a file as its entry announces it: as many bytes, zeros in place of what cannot be read.

use bytes::Bytes;
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use super::trouble::TroubleKind;
use crate::archive::entry::{Entry, EntrySink, Segment, SinkClosed};

/// Bytes of content that are read and handed on at a time.
const CHUNK_BYTES: usize = 512 * 1024;
/// What is given up at a time where a read fails: a block of most file systems, at a multiple of its length.
const BLOCK_BYTES: u64 = 4096;
/// Reads of one file that may fail before the rest of it is given up: a disk that dies takes seconds for each.
const MAX_FAILURES: u32 = 256;

/// Hands on the file's data, and says what was wrong with it. `read` is [`read_chunk`] of the file.
pub(super) fn hand_on(
    sink: &mut dyn EntrySink,
    entry: &Entry,
    read: &mut dyn FnMut(u64, u64) -> Result<Vec<u8>, Errno>,
) -> Result<Option<TroubleKind>, SinkClosed> {
    let dense = [Segment {
        offset: 0,
        len: entry.size,
    }];
    let segments = entry.sparse.as_deref().unwrap_or(&dense);
    let mut shrunk = None;
    let mut lost = Lost::default();
    for segment in segments {
        let end = segment.offset + segment.len;
        let mut at = segment.offset;
        while at < end && shrunk.is_none() && lost.failures < MAX_FAILURES {
            match read(at, end - at) {
                Ok(chunk) if chunk.is_empty() => {
                    shrunk = Some(TroubleKind::Shrunk {
                        expected: entry.size,
                        found: at,
                    });
                }
                Ok(chunk) => {
                    at += chunk.len() as u64;
                    sink.data(Bytes::from(chunk))?;
                }
                Err(errno) => {
                    let next = end.min((at / BLOCK_BYTES + 1) * BLOCK_BYTES);
                    lost.add(errno, at, next - at);
                    zeros(sink, next - at)?;
                    at = next;
                }
            }
        }
        if lost.failures == MAX_FAILURES {
            lost.bytes += end - at;
        }
        zeros(sink, end - at)?;
    }
    Ok(shrunk.or_else(|| lost.trouble()))
}

/// What of a file cannot be read.
#[derive(Default)]
struct Lost {
    first: Option<(Errno, u64)>,
    failures: u32,
    bytes: u64,
}

impl Lost {
    fn add(&mut self, errno: Errno, at: u64, len: u64) {
        self.first.get_or_insert((errno, at));
        self.failures += 1;
        self.bytes += len;
    }

    fn trouble(&self) -> Option<TroubleKind> {
        let (errno, at) = self.first?;
        Some(TroubleKind::Broken {
            os_error: errno.raw_os_error(),
            at,
            bytes: self.bytes,
        })
    }
}

fn zeros(sink: &mut dyn EntrySink, mut len: u64) -> Result<(), SinkClosed> {
    static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
    while len > 0 {
        let part = len.min(ZEROS.len() as u64);
        sink.data(Bytes::from_static(&ZEROS[..part as usize]))?;
        len -= part;
    }
    Ok(())
}

/// Up to `len` bytes from `offset`: as many as fit in one chunk, fewer only at the end of the file, or before a
/// spot that cannot be read.
pub(super) fn read_chunk(file: &OwnedFd, offset: u64, len: u64) -> Result<Vec<u8>, Errno> {
    let wanted = len.min(CHUNK_BYTES as u64) as usize;
    let mut chunk = Vec::with_capacity(wanted);
    while chunk.len() < wanted {
        let at = offset + chunk.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut chunk), at) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            // What was read before the bad spot is good.
            Err(_) if !chunk.is_empty() => break,
            Err(errno) => return Err(errno),
        }
    }
    // The allocator may give more than was asked for; a file that grew must not fill that too.
    chunk.truncate(wanted);
    Ok(chunk)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::archive::entry::EntryKind;

    #[derive(Default)]
    struct Kept(Vec<u8>);

    impl EntrySink for Kept {
        fn begin(&mut self, _: &Entry) -> Result<(), SinkClosed> {
            Ok(())
        }

        fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
            self.0.extend_from_slice(&chunk);
            Ok(())
        }

        fn end(&mut self) -> Result<(), SinkClosed> {
            Ok(())
        }
    }

    /// A file of `size` sevens of which the bytes in `bad` cannot be read, as a kernel tells it: up to there, then
    /// an error.
    fn handed_on(
        size: u64,
        sparse: Option<Vec<Segment>>,
        bad: std::ops::Range<u64>,
    ) -> (Vec<u8>, Option<TroubleKind>) {
        let mut kept = Kept::default();
        let entry = Entry {
            size,
            sparse,
            ..Entry::plain(b"file", EntryKind::File, 0o600)
        };
        let mut read = |at: u64, len: u64| {
            let end = at + len.min(100_000);
            if bad.contains(&at) {
                return Err(Errno::IO);
            }
            let end = if at < bad.start {
                end.min(bad.start)
            } else {
                end
            };
            Ok(vec![7; (end - at) as usize])
        };
        let trouble = hand_on(&mut kept, &entry, &mut read).unwrap();
        (kept.0, trouble)
    }

    fn broken(at: u64, bytes: u64) -> Option<TroubleKind> {
        Some(TroubleKind::Broken {
            os_error: Errno::IO.raw_os_error(),
            at,
            bytes,
        })
    }

    #[test]
    fn behind_a_bad_block_the_file_goes_on() {
        let (content, trouble) = handed_on(1_000_000, None, 500_000..500_001);
        assert_eq!(content.len(), 1_000_000);
        let lost = 500_000..(500_000_u64 / 4096 + 1) * 4096;
        assert_eq!(trouble, broken(500_000, lost.end - lost.start));
        let is_lost = |at: usize| lost.contains(&(at as u64));
        let mut bytes = content.iter().enumerate();
        assert!(bytes.all(|(at, byte)| (*byte == 0) == is_lost(at)));
    }

    #[test]
    fn a_file_with_holes_goes_on_with_its_next_part() {
        let parts = [(0, 4096), (1 << 30, 8192)].map(|(offset, len)| Segment { offset, len });
        let (content, trouble) = handed_on(1 << 31, Some(parts.to_vec()), 0..4096);
        assert_eq!(trouble, broken(0, 4096));
        assert_eq!(content, [vec![0; 4096], vec![7; 8192]].concat());
    }

    #[test]
    fn a_disk_that_gives_nothing_is_not_asked_for_ever() {
        let (content, trouble) = handed_on(1 << 24, None, 4096..1 << 24);
        assert_eq!(trouble, broken(4096, (1 << 24) - 4096));
        assert_eq!(content.len(), 1 << 24);
        assert!(content[4096..].iter().all(|byte| *byte == 0));
    }
}
