//! Bytes that a compressed file holds as they are: how long they will be there is known before they are.
//!
//! So room can be left for them in a file that grows, and they are put there once they are known. Every decoder
//! reads them like whatever else was compressed.

use flate2::Crc;

use super::Codec;

/// Content of one member or frame: no more than a stored block of deflate may have, 65,535 bytes (RFC 1951,
/// section 3.2.4).
const PIECE_LEN: usize = 32 * 1024;

/// How a codec holds bytes as they are.
#[derive(Debug, Clone, Copy)]
pub struct Verbatim(fn(&[u8], &mut Vec<u8>));

impl Verbatim {
    /// `None` for a codec that cannot.
    #[must_use]
    pub fn of(codec: Codec) -> Option<Self> {
        match codec {
            Codec::None => Some(Self(|piece, out| out.extend_from_slice(piece))),
            Codec::Gz => Some(Self(gz_member)),
            Codec::Zst => Some(Self(zst_frame)),
            // bzip2 has no such block. xz has, but beside the time that it takes nothing else counts.
            Codec::Bz2 | Codec::Xz => None,
        }
    }

    /// Members (gzip) or frames (zstd) of their own that hold `data`. Their length follows from that of `data` alone.
    #[must_use]
    pub fn encode(self, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(data.len() + 32);
        for piece in data.chunks(PIECE_LEN) {
            self.0(piece, &mut out);
        }
        out
    }
}

/// A member (RFC 1952, section 2.3) of one stored block, the last (RFC 1951, section 3.2.4).
fn gz_member(data: &[u8], out: &mut Vec<u8>) {
    let len = short(data);
    let mut crc = Crc::new();
    crc.update(data);
    out.extend([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    out.push(1);
    out.extend(len.to_le_bytes());
    out.extend((!len).to_le_bytes());
    out.extend_from_slice(data);
    out.extend(crc.sum().to_le_bytes());
    out.extend(crc.amount().to_le_bytes());
}

/// A frame (RFC 8878, section 3.1.1) of one raw block, the last, whose header says the content's length in two
/// bytes or, in one, a shorter one.
fn zst_frame(data: &[u8], out: &mut Vec<u8>) {
    const MAGIC: u32 = 0xFD2F_B528;
    /// Single segment: the window is the content.
    const SINGLE_SEGMENT: u8 = 1 << 5;
    /// The length has two bytes, and 256 less than it says.
    const TWO_BYTES: u8 = 1 << 6;
    out.extend(MAGIC.to_le_bytes());
    match u8::try_from(short(data)) {
        Ok(len) => out.extend([SINGLE_SEGMENT, len]),
        Err(_) => {
            out.push(SINGLE_SEGMENT | TWO_BYTES);
            out.extend((short(data) - 256).to_le_bytes());
        }
    }
    let last_raw_block = 1 | u32::from(short(data)) << 3;
    out.extend_from_slice(&last_raw_block.to_le_bytes()[..3]);
    out.extend_from_slice(data);
}

fn short(piece: &[u8]) -> u16 {
    u16::try_from(piece.len()).expect("pieces are shorter than 64 KiB")
}
