//! The last line: `sha256: ` and the digest of every byte before that line.

use super::digest::Sha256Digest;

const KEY: &str = "sha256: ";

/// Appends the line that seals `text`.
pub(super) fn seal(mut text: Vec<u8>) -> Vec<u8> {
    let digest = Sha256Digest::of(&text);
    text.extend_from_slice(format!("{KEY}{digest}\n").as_bytes());
    text
}

/// Why a seal does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BrokenSeal {
    /// There is no such last line: the text was cut or was never sealed.
    Missing,
    /// The bytes before it are not those that were sealed.
    Differs,
}

/// Gives the sealed bytes when the seal holds.
pub(super) fn sealed(data: &[u8]) -> Result<&[u8], BrokenSeal> {
    // Fixed length from the end, so that exactly one text seals a manifest.
    let line_len = KEY.len() + 64 + 1;
    let start = data
        .len()
        .checked_sub(line_len)
        .ok_or(BrokenSeal::Missing)?;
    let (text, line) = data.split_at(start);
    let digest = std::str::from_utf8(line)
        .ok()
        .and_then(|line| line.strip_prefix(KEY)?.strip_suffix('\n'))
        .and_then(|digits| digits.parse::<Sha256Digest>().ok())
        .ok_or(BrokenSeal::Missing)?;
    if !text.is_empty() && !text.ends_with(b"\n") {
        return Err(BrokenSeal::Missing);
    }
    if digest == Sha256Digest::of(text) {
        Ok(text)
    } else {
        Err(BrokenSeal::Differs)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_breaks_the_seal() {
        let whole = seal(b"format: 1\nid: x\n".to_vec());
        assert_eq!(sealed(&whole), Ok(b"format: 1\nid: x\n".as_slice()));
        for position in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[position] ^= 1 << bit;
                assert!(sealed(&flipped).is_err(), "byte {position}, bit {bit}");
            }
        }
    }

    #[test]
    fn every_cut_breaks_the_seal() {
        let whole = seal(b"format: 1\n".to_vec());
        for len in 0..whole.len() {
            assert_eq!(sealed(&whole[..len]), Err(BrokenSeal::Missing), "{len}");
        }
    }
}
