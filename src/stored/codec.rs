//! How stored bytes are compressed: a member's by what the manifest says of it, an archive's by its name
//! or its first bytes.

use crate::archive::manifest::model::Member;
use crate::codecs::Codec;

/// How a stream member of a folder is compressed; `None` when its name does not tell.
pub(super) fn codec_of(member: &Member) -> Option<Codec> {
    // An export may be called `all.sql.gz` and be stored as it came.
    if member.bytes == member.raw_bytes && member.sha256 == member.raw_sha256 {
        return Some(Codec::None);
    }
    Codec::ALL
        .into_iter()
        .find(|codec| *codec != Codec::None && member.path.ends_with(codec.extension()))
}

/// How an archive is compressed, by its name where that tells, else by how it begins.
pub(super) fn codec_of_archive(name: &[u8], beginning: &[u8]) -> Codec {
    Codec::split_archive_name(name).map_or_else(|| by_magic(beginning), |(_, codec)| codec)
}

/// The first bytes of each format; a tar has none of its own there.
fn by_magic(beginning: &[u8]) -> Codec {
    const MAGIC: [(&[u8], Codec); 4] = [
        (&[0x1f, 0x8b], Codec::Gz),
        (b"BZh", Codec::Bz2),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], Codec::Xz),
        (&[0x28, 0xb5, 0x2f, 0xfd], Codec::Zst),
    ];
    let known = MAGIC.iter().find(|(magic, _)| beginning.starts_with(magic));
    known.map_or(Codec::None, |(_, codec)| *codec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codecs::{Compression, Encoder};

    #[test]
    fn what_every_encoder_writes_is_known_by_its_beginning() {
        for codec in Codec::ALL {
            let encoder = Encoder::new(Vec::new(), &Compression::new(codec));
            let written = encoder.and_then(Encoder::finish).unwrap_or_default();
            assert_eq!(codec_of_archive(b"", &written), codec);
            assert_eq!(codec_of_archive(b"x.tgz", &written), Codec::Gz);
        }
    }
}
