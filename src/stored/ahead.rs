//! Reading ahead: one thread reads and hashes what is stored, another one decompresses it, and what comes of it is
//! hashed, looked at and written on this one.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use super::hashing::{BUFFER_LEN, Wanted, each_piece};
use crate::codecs::{Codec, decoder};

/// Pieces that wait. With the one that is filled and the one that is taken, that is 1.5 MiB for each thread.
const QUEUE: usize = 4;

/// What is shorter as it is stored is read on this thread: there is nothing to overlap.
const WORTH_THREADS: u64 = 1 << 20;

/// A buffer, and how much of it is filled.
type Piece = (Vec<u8>, usize);

/// Hands what `stored` holds compressed to `take`, until that has enough. `stored_bytes` says how much there is to
/// read for it.
///
/// # Errors
/// When it cannot be read or decompressed before `take` has enough, or the system gives no thread.
///
/// # Panics
/// When the reading panics, which is a bug.
pub(super) fn each_decoded(
    codec: Codec,
    stored: &mut (dyn Read + Send),
    stored_bytes: u64,
    mut take: impl FnMut(&[u8]) -> Wanted,
) -> io::Result<()> {
    if stored_bytes < WORTH_THREADS {
        return each_piece(&mut *decoder(codec, stored)?, take);
    }
    std::thread::scope(|scope| {
        let (stored, reading) = ahead(scope, "reader", move || Ok(stored))?;
        let (mut raw, decoding) = match codec {
            Codec::None => (stored, None),
            _ => {
                let (raw, decoding) = ahead(scope, "decoder", move || decoder(codec, stored))?;
                (raw, Some(decoding))
            }
        };
        let has_enough = raw.each(&mut take);
        // Whoever still reads learns by this that nobody takes it.
        drop(raw);
        let decoded = decoding.map_or(Ok(()), joined);
        let read = joined(reading);
        // To the decoder, what cannot be read is an early end.
        if has_enough {
            Ok(())
        } else {
            read.and(decoded)
        }
    })
}

/// What a thread reads ahead.
struct Ahead {
    pieces: Receiver<Piece>,
    emptied: SyncSender<Vec<u8>>,
    /// The piece that is being taken, and how much of it was.
    open: Option<(Piece, usize)>,
}

/// Has a thread make a reader and read it to its end.
fn ahead<'scope, R: Read>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    make: impl FnOnce() -> io::Result<R> + Send + 'scope,
) -> io::Result<(Ahead, ScopedJoinHandle<'scope, io::Result<()>>)> {
    let (filled, pieces) = sync_channel(QUEUE);
    let (emptied, free) = sync_channel(QUEUE + 2);
    for _ in 0..QUEUE + 2 {
        // The queue has room for all of them.
        let _ = emptied.send(vec![0; BUFFER_LEN]);
    }
    let read = move || read_all(&mut make()?, &free, &filled);
    let thread = Builder::new()
        .name(name.to_owned())
        .spawn_scoped(scope, read)?;
    let ahead = Ahead {
        pieces,
        emptied,
        open: None,
    };
    Ok((ahead, thread))
}

fn joined(thread: ScopedJoinHandle<'_, io::Result<()>>) -> io::Result<()> {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Ahead {
    /// Hands on piece by piece. `true` if who takes them has enough.
    fn each(&mut self, take: &mut dyn FnMut(&[u8]) -> Wanted) -> bool {
        while let Ok((buffer, len)) = self.pieces.recv() {
            if take(&buffer[..len]) == Wanted::Nothing {
                return true;
            }
            let _ = self.emptied.send(buffer);
        }
        false
    }
}

impl Read for Ahead {
    /// Ends where the thread has ended, which says itself why.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.open.is_none() {
            self.open = self.pieces.recv().ok().map(|piece| (piece, 0));
        }
        let Some(((piece, len), at)) = &mut self.open else {
            return Ok(0);
        };
        let taken = buffer.len().min(*len - *at);
        buffer[..taken].copy_from_slice(&piece[*at..*at + taken]);
        *at += taken;
        if at == len
            && let Some(((piece, _), _)) = self.open.take()
        {
            let _ = self.emptied.send(piece);
        }
        Ok(taken)
    }
}

/// Fills buffers until the end, an error, or until nobody takes them. What came before an error is handed on.
fn read_all(
    reader: &mut dyn Read,
    free: &Receiver<Vec<u8>>,
    filled: &SyncSender<Piece>,
) -> io::Result<()> {
    while let Ok(mut buffer) = free.recv() {
        let (len, read) = fill(reader, &mut buffer);
        let is_taken = len > 0 && filled.send((buffer, len)).is_ok();
        read?;
        if !is_taken {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads until the buffer is full, at the end or broken: a decoder gives little at a time, and each piece wakes a
/// thread.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> (usize, io::Result<()>) {
    let mut len = 0;
    while len < buffer.len() {
        match reader.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (len, Err(error)),
        }
    }
    (len, Ok(()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::codecs::{Compression, Encoder};
    use proptest::prelude::*;

    /// Gives its bytes in pieces of some length, and then what an error says.
    struct Source {
        bytes: Vec<u8>,
        at: usize,
        step: usize,
        fails: bool,
    }

    impl Read for Source {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let rest = &self.bytes[self.at..];
            if rest.is_empty() && self.fails {
                return Err(io::Error::other("broken"));
            }
            let len = rest.len().min(self.step).min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            self.at += len;
            Ok(len)
        }
    }

    fn read(source: &mut Source, at_most: usize) -> (Vec<u8>, io::Result<()>) {
        let mut taken = Vec::new();
        let read = each_decoded(Codec::None, source, u64::MAX, |piece| {
            taken.extend_from_slice(piece);
            match taken.len() < at_most {
                true => Wanted::More,
                false => Wanted::Nothing,
            }
        });
        (taken, read)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn everything_comes_in_its_order(len in 0_usize..3_000_000, step in 1_usize..400_000, fails: bool) {
            let step = step.max(len / 64 + 1);
            let bytes: Vec<u8> = (0..len).map(|number| (number % 251) as u8).collect();
            let mut source = Source { bytes: bytes.clone(), at: 0, step, fails };
            let (taken, read) = read(&mut source, usize::MAX);
            prop_assert!(taken == bytes, "also what came before an error");
            prop_assert_eq!(read.is_err(), fails);
        }
    }

    #[test]
    fn who_has_enough_ends_it_and_hears_of_no_error_behind() {
        let mut source = Source {
            bytes: vec![7; 64 * BUFFER_LEN],
            at: 0,
            step: BUFFER_LEN,
            fails: true,
        };
        let (taken, read) = read(&mut source, 1);
        assert_eq!(taken.len(), BUFFER_LEN);
        assert!(read.is_ok());
        assert!(source.at < source.bytes.len(), "it is not read to its end");
    }

    #[test]
    fn what_every_codec_has_written_comes_back_and_damage_is_told() {
        let bytes: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        for codec in Codec::ALL {
            let mut encoder = Encoder::new(Vec::new(), &Compression::new(codec)).unwrap();
            encoder.write_all(&bytes).unwrap();
            let mut stored = encoder.finish().unwrap();
            let mut taken = Vec::new();
            let mut take = |piece: &[u8]| {
                taken.extend_from_slice(piece);
                Wanted::More
            };
            each_decoded(codec, &mut &stored[..], u64::MAX, &mut take).unwrap();
            assert!(taken == bytes, "{codec}");
            if codec == Codec::None {
                continue;
            }
            let read =
                |stored: &[u8]| each_decoded(codec, &mut &stored[..], u64::MAX, |_| Wanted::More);
            let half = stored.len() / 2;
            assert!(read(&stored[..half]).is_err(), "{codec}: it ends early");
            stored[half] ^= 0x55;
            assert!(read(&stored).is_err(), "{codec}: a byte is another one");
        }
    }

    #[test]
    fn that_it_cannot_be_read_is_what_is_told_of_it() {
        let mut source = Source {
            bytes: vec![0x28, 0xb5, 0x2f, 0xfd],
            at: 0,
            step: 4,
            fails: true,
        };
        let read = each_decoded(Codec::Zst, &mut source, u64::MAX, |_| Wanted::More);
        assert_eq!(read.unwrap_err().to_string(), "broken");
    }

    #[test]
    #[should_panic(expected = "a bug")]
    fn a_panic_on_the_other_thread_is_one_here() {
        struct Bug;
        impl Read for Bug {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("a bug")
            }
        }
        let _ = each_decoded(Codec::None, &mut Bug, u64::MAX, |_| Wanted::More);
    }
}
