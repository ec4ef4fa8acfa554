//! Reading ahead: a thread of its own reads, hashes and decompresses what is stored, while what comes of it is
//! hashed, looked at and written on this one.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::hashing::{BUFFER_LEN, Wanted, each_piece};

/// Pieces that wait. With the one that is filled and the one that is taken, that is 1.5 MiB.
const QUEUE: usize = 4;

/// What is shorter as it is stored is read on this thread: there is nothing to overlap.
const WORTH_A_THREAD: u64 = 1 << 20;

/// A buffer, and how much of it is filled.
type Piece = (Vec<u8>, usize);

/// Does what [`each_piece`] does. `stored_bytes` says how much there is to read for it.
///
/// # Errors
/// When `reader` fails before `take` has enough, or the system gives no thread.
///
/// # Panics
/// When the reading panics, which is a bug.
pub(super) fn each_piece_ahead(
    reader: &mut (dyn Read + Send),
    stored_bytes: u64,
    mut take: impl FnMut(&[u8]) -> Wanted,
) -> io::Result<()> {
    if stored_bytes < WORTH_A_THREAD {
        return each_piece(reader, take);
    }
    let (filled, pieces) = sync_channel::<Piece>(QUEUE);
    let (emptied, free) = sync_channel(QUEUE + 2);
    std::thread::scope(|scope| {
        let reading = std::thread::Builder::new()
            .name("decoder".to_owned())
            .spawn_scoped(scope, move || read_all(reader, &free, &filled))?;
        for _ in 0..QUEUE + 2 {
            // The queue has room for all of them.
            let _ = emptied.send(vec![0; BUFFER_LEN]);
        }
        let mut has_enough = false;
        for (buffer, len) in &pieces {
            if take(&buffer[..len]) == Wanted::Nothing {
                has_enough = true;
                break;
            }
            let _ = emptied.send(buffer);
        }
        // Whoever still reads learns by this that nobody takes it.
        drop((pieces, emptied));
        match reading.join() {
            Ok(_) if has_enough => Ok(()),
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
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
    use super::*;
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
        let read = each_piece_ahead(source, u64::MAX, |piece| {
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
    #[should_panic(expected = "a bug")]
    fn a_panic_on_the_other_thread_is_one_here() {
        struct Bug;
        impl Read for Bug {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("a bug")
            }
        }
        let _ = each_piece_ahead(&mut Bug, u64::MAX, |_| Wanted::More);
    }
}
