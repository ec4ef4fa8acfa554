//! The way back: a reader of the bytes that were compressed.

use std::io::{self, BufRead, BufReader, Read};

use super::{Codec, bz2, gz, xz, zst};

/// Length in bytes of the input buffer.
const BUFFER_LEN: usize = 128 * 1024;

/// Reads what `reader` holds compressed.
///
/// All members of a file of several are read, as the ordinary programs do. Anything else behind the
/// last one, a missing end, an empty input and a wrong checksum are errors of the returned reader.
/// Memory is bounded whatever the input says: a zstd window is at most 128 MiB, an xz decoder takes
/// at most 128 MiB.
///
/// # Errors
/// When reading the first bytes fails, or the decoder gets no memory.
pub fn decoder<'r, R: Read + Send + 'r>(
    codec: Codec,
    reader: R,
) -> io::Result<Box<dyn Read + Send + 'r>> {
    let mut reader = BufReader::with_capacity(BUFFER_LEN, reader);
    if codec != Codec::None && reader.fill_buf()?.is_empty() {
        // Some decoders take nothing for zero members; no encoder of ours writes nothing.
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "a compressed stream cannot be empty",
        ));
    }
    Ok(match codec {
        Codec::None => Box::new(reader),
        Codec::Gz => Box::new(gz::decoder(reader)),
        Codec::Bz2 => Box::new(bz2::decoder(reader)),
        Codec::Xz => Box::new(xz::decoder(reader)?),
        Codec::Zst => Box::new(zst::decoder(reader)?),
    })
}
