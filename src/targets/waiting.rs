//! Where the compressed bytes of a tar go, and where those of a stream wait whose length nobody knows yet.
//!
//! Its head says the length and stands before it. In a file of ours room is left for the head, and what waits lies
//! where it belongs: once the head is there, all of it is read once more, for the sum of the file. A pipe or an upload
//! cannot go back: there it waits in a file of its own and is copied behind its head.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use super::TargetError;
use super::hashing::Hashing;
use super::site::{OrFailed, Site};
use super::spool::SpoolFile;
use super::step::Step;
use crate::archive::manifest::Sha256Digest;
use crate::codecs::Verbatim;

/// Length in bytes of the pieces in which what waited is read.
const PIECE_LEN: usize = 256 * 1024;

/// Where a stream of unknown length waits.
#[derive(Debug)]
pub(super) enum Waiting {
    /// There are no such streams.
    Never,
    /// In a file of its own.
    Aside(SpoolFile),
    /// Where it belongs, in the file that all is written to, of which this is a duplicate that shares its position;
    /// and how the codec holds the head.
    InPlace(File, Verbatim),
}

/// Takes compressed bytes.
#[derive(Debug)]
pub(super) struct Way<W: Write> {
    out: Hashing<W>,
    waiting: Waiting,
    /// Where the room of what waits begins, and what has come behind it, in bytes; `None` while nothing waits.
    waits: Option<(u64, u64)>,
}

impl<W: Write> Way<W> {
    pub(super) const fn new(out: Hashing<W>, waiting: Waiting) -> Self {
        Self {
            out,
            waiting,
            waits: None,
        }
    }

    /// What is written from now on waits for a head as long as `head`. `false`: there is no place for that.
    pub(super) fn wait(&mut self, head: &[u8]) -> io::Result<bool> {
        let room = match &self.waiting {
            Waiting::Never => return Ok(false),
            Waiting::Aside(_) => Vec::new(),
            Waiting::InPlace(_, verbatim) => verbatim.encode(head),
        };
        self.waits = Some((self.out.bytes(), 0));
        self.write_all(&room)?;
        Ok(true)
    }

    /// Ends the waiting, and puts the head into the room that was left for it. `false`: there is none, the head is
    /// to be written before [`Way::copy_back`].
    pub(super) fn put_head(&mut self, head: &[u8]) -> io::Result<bool> {
        let (Some((begin, len)), Waiting::InPlace(file, verbatim)) =
            (self.waits.take(), &self.waiting)
        else {
            return Ok(false);
        };
        file.write_all_at(&verbatim.encode(head), begin)?;
        note(file, begin..begin + len, &mut self.out)?;
        Ok(true)
    }

    /// Copies what has waited in a file of its own.
    pub(super) fn copy_back(&mut self, site: &Site) -> Result<(), TargetError> {
        match &mut self.waiting {
            Waiting::Aside(aside) => {
                copy(aside, &mut self.out, site)?;
                aside.cut(0)
            }
            Waiting::InPlace(..) | Waiting::Never => Ok(()),
        }
    }

    /// Removes what has waited.
    pub(super) fn forget(&mut self, site: &Site) -> Result<(), TargetError> {
        let Some((begin, _)) = self.waits.take() else {
            return Ok(());
        };
        match &mut self.waiting {
            Waiting::Never => Ok(()),
            Waiting::Aside(aside) => aside.cut(0),
            Waiting::InPlace(file, _) => {
                let cut = file.set_len(begin);
                let cut = cut.and_then(|()| file.seek(SeekFrom::Start(begin)));
                cut.map(drop).or_failed(site, Step::Write, b"")
            }
        }
    }

    /// What was written to, with the bytes and the digest of all that was.
    pub(super) fn into_parts(self) -> (W, u64, Option<Sha256Digest>) {
        self.out.into_parts()
    }
}

impl<W: Write> Write for Way<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let Some((_, waiting)) = &mut self.waits else {
            return self.out.write(data);
        };
        let len = match &mut self.waiting {
            Waiting::Aside(aside) => {
                aside.append(data).map_err(io::Error::other)?;
                data.len()
            }
            // What comes before its head is summed behind it.
            Waiting::InPlace(..) | Waiting::Never => self.out.get_mut().write(data)?,
        };
        *waiting += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Copies all of `aside`.
fn copy(aside: &mut SpoolFile, out: &mut impl Write, site: &Site) -> Result<(), TargetError> {
    let spool = aside.site().clone();
    let mut file = aside.rewound()?;
    let mut piece = vec![0; PIECE_LEN];
    loop {
        let len = file.read(&mut piece).or_failed(&spool, Step::Spool, b"")?;
        if len == 0 {
            return Ok(());
        }
        let put = out.write_all(&piece[..len]);
        put.or_failed(site, Step::Write, b"")?;
    }
}

/// Counts and hashes that part of `file`.
fn note<W: Write>(file: &File, part: std::ops::Range<u64>, out: &mut Hashing<W>) -> io::Result<()> {
    let mut piece = vec![0; PIECE_LEN];
    let mut offset = part.start;
    while offset < part.end {
        let rest = usize::try_from(part.end - offset).unwrap_or(usize::MAX);
        let wanted = piece.len().min(rest);
        let piece = &mut piece[..wanted];
        file.read_exact_at(piece, offset)?;
        out.note(piece);
        offset += wanted as u64;
    }
    Ok(())
}
