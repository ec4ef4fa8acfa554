//! One 512-byte header block, taken apart.

use tar::{EntryType, Header};

use super::BLOCK;

/// A header block whose checksum is right.
pub(super) struct Block<'a> {
    header: &'a Header,
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Before POSIX.1-1988: no device numbers, no prefix.
    V7,
    Ustar,
    /// GNU tar before PAX: other fields where ustar has its prefix.
    Gnu,
}

impl<'a> Block<'a> {
    /// `None` if the checksum is wrong. Some old tars summed up signed bytes: both are right.
    pub(super) fn new(block: &'a [u8; BLOCK]) -> Option<Self> {
        let header = Header::from_byte_slice(block);
        let format = match (header.as_ustar().is_some(), header.as_gnu().is_some()) {
            (true, _) => Format::Ustar,
            (_, true) => Format::Gnu,
            // GNU tar looks at no version: neither do we.
            _ if block[257..263] == *b"ustar\0" => Format::Ustar,
            _ => Format::V7,
        };
        let stated = &header.as_old().cksum;
        // One that states nothing is right to some readers where the signed bytes cancel each other out.
        let stated = octal(stated).filter(|_| stated.iter().any(u8::is_ascii_digit))?;
        let blank = (148..156).map(|_| b' ');
        let summed = || {
            block[..148]
                .iter()
                .chain(&block[156..])
                .copied()
                .chain(blank.clone())
        };
        let unsigned: i128 = summed().map(i128::from).sum();
        let signed: i128 = summed().map(|byte| i128::from(byte as i8)).sum();
        (stated == unsigned || stated == signed).then_some(Self { header, format })
    }

    /// Whether it says by magic and version what it is; headers before POSIX.1-1988 do not.
    pub(super) fn has_magic(&self) -> bool {
        self.header.as_ustar().is_some() || self.header.as_gnu().is_some()
    }

    pub(super) fn typeflag(&self) -> u8 {
        self.header.as_old().linkflag[0]
    }

    pub(super) fn entry_type(&self) -> EntryType {
        self.header.entry_type()
    }

    pub(super) fn name(&self) -> Vec<u8> {
        let fields = self.header.as_old();
        let name = until_nul(&fields.name);
        match self.header.as_ustar() {
            Some(ustar) if ustar.prefix[0] != 0 => [until_nul(&ustar.prefix), b"/", name].concat(),
            _ => name.to_vec(),
        }
    }

    pub(super) fn link_name(&self) -> Vec<u8> {
        until_nul(&self.header.as_old().linkname).to_vec()
    }

    pub(super) fn mode(&self) -> Option<u32> {
        let mode = unsigned(&self.header.as_old().mode)?;
        // Old tars of Go put the kind of file into the upper bits.
        Some((mode & 0o7777) as u32)
    }

    pub(super) fn uid(&self) -> Option<u32> {
        unsigned(&self.header.as_old().uid).and_then(|uid| uid.try_into().ok())
    }

    pub(super) fn gid(&self) -> Option<u32> {
        unsigned(&self.header.as_old().gid).and_then(|gid| gid.try_into().ok())
    }

    pub(super) fn size(&self) -> Option<u64> {
        unsigned(&self.header.as_old().size).filter(|&size| size <= i64::MAX as u64)
    }

    /// Whole seconds; before the epoch only in base 256.
    pub(super) fn mtime(&self) -> Option<i64> {
        number(&self.header.as_old().mtime).and_then(|mtime| mtime.try_into().ok())
    }

    pub(super) fn device(&self) -> Option<(u32, u32)> {
        if self.format == Format::V7 {
            return Some((0, 0));
        }
        // The same place in both formats.
        let bytes = self.header.as_bytes();
        let part = |range: std::ops::Range<usize>| unsigned(&bytes[range])?.try_into().ok();
        Some((part(329..337)?, part(337..345)?))
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

fn unsigned(field: &[u8]) -> Option<u64> {
    number(field).and_then(|number| number.try_into().ok())
}

/// A numeric field: octal digits between blanks that end at the first NUL or fill the field, or a big-endian
/// number in base 256 behind a byte 0x80, or 0xff if it is negative (GNU tar manual, "Extensions").
/// A field of blanks or NULs is zero. One with digits behind a NUL is a number to some readers, and zero to others.
fn number(field: &[u8]) -> Option<i128> {
    match field.split_first()? {
        (0x80, rest) => base_256(0, rest),
        (0xff, rest) => base_256(-1, rest),
        _ => octal(field),
    }
}

fn base_256(sign: i128, digits: &[u8]) -> Option<i128> {
    digits.iter().try_fold(sign, |number, &digit| {
        number.checked_mul(256)?.checked_add(i128::from(digit))
    })
}

fn octal(field: &[u8]) -> Option<i128> {
    let digits = until_nul(field).trim_ascii();
    if digits.is_empty() && field.iter().any(u8::is_ascii_digit) {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| {
        let is_octal = (b'0'..=b'7').contains(digit);
        is_octal.then(|| number * 8 + i128::from(digit - b'0'))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_every_form() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"777777777777"), Some(0o7777_7777_7777));
        assert_eq!(number(&[0; 8]), Some(0));
        assert_eq!(number(b"        "), Some(0));
        assert_eq!(
            number(&[0x80, 0, 0, 0, 0xee, 0x6b, 0x28, 0]),
            Some(4_000_000_000)
        );
        assert_eq!(number(&[0xff; 12]), Some(-1));
        assert_eq!(number(b"0000648\0"), None);
        assert_eq!(number(b"-0000644"), None);
        assert_eq!(number(b"644 \x007\0\0"), Some(0o644));
        assert_eq!(number(b"644 7\0\0\0"), None);
        assert_eq!(number(b"\x00000644"), None);
    }

    #[test]
    fn both_sums_are_right_and_others_are_not() {
        let mut header = Header::new_ustar();
        header.as_ustar_mut().unwrap().name[0] = 0xff;
        header.set_cksum();
        let mut block = *header.as_bytes();
        assert!(Block::new(&block).is_some());
        let signed: u32 =
            u32::from_str_radix(std::str::from_utf8(&block[148..155]).unwrap(), 8).unwrap() - 256;
        block[148..155].copy_from_slice(format!("{signed:07o}").as_bytes());
        assert!(Block::new(&block).is_some());
        block[0] = 0xfe;
        assert!(Block::new(&block).is_none());
        let mut unstated = [0; BLOCK];
        (unstated[0], unstated[1]) = (0x80, 0x80);
        assert!(Block::new(&unstated).is_none());
    }
}
