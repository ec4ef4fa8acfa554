//! The one table of codecs: names, extensions and levels. What a codec does is in its own file.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::CodecError;

/// A way to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// Bytes as they are.
    None,
    /// gzip (RFC 1952).
    Gz,
    /// bzip2.
    Bz2,
    /// The .xz container with LZMA2.
    Xz,
    /// Zstandard (RFC 8878).
    Zst,
}

struct Row {
    codec: Codec,
    /// What a user may type, the name that we print first.
    names: &'static [&'static str],
    /// Appended to the name of a compressed file.
    extension: &'static str,
    /// Ends of the names of tars compressed as a whole, the one that we write first.
    tar_extensions: &'static [&'static str],
    levels: Option<(i32, i32)>,
    default_level: i32,
    /// The lowest level at which one core compresses slower than a disk writes.
    slow_from: Option<i32>,
}

const TABLE: [Row; 5] = [
    Row {
        codec: Codec::None,
        names: &["none", "tar"],
        extension: "",
        tar_extensions: &[".tar"],
        levels: None,
        default_level: 0,
        slow_from: None,
    },
    Row {
        codec: Codec::Gz,
        names: &["gz", "gzip", "tgz"],
        extension: ".gz",
        tar_extensions: &[".tar.gz", ".tgz"],
        levels: Some((1, 9)),
        default_level: 6,
        slow_from: Some(1),
    },
    Row {
        codec: Codec::Bz2,
        names: &["bz2", "bzip2"],
        extension: ".bz2",
        tar_extensions: &[".tar.bz2"],
        levels: Some((1, 9)),
        default_level: 9,
        slow_from: Some(1),
    },
    Row {
        codec: Codec::Xz,
        names: &["xz"],
        extension: ".xz",
        tar_extensions: &[".tar.xz"],
        levels: Some((0, 9)),
        default_level: 6,
        slow_from: Some(0),
    },
    Row {
        codec: Codec::Zst,
        names: &["zst", "zstd"],
        extension: ".zst",
        tar_extensions: &[".tar.zst"],
        // Above 19 zstd wants gigabytes of memory and calls it `--ultra`.
        levels: Some((1, 19)),
        default_level: 3,
        slow_from: Some(10),
    },
];

impl Codec {
    /// Every codec, in the order of the table.
    pub const ALL: [Self; 5] = [Self::None, Self::Gz, Self::Bz2, Self::Xz, Self::Zst];

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The name of the codec: `none`, `gz`, `bz2`, `xz`, `zst`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().names[0]
    }

    /// The names of all codecs, as [`Codec::name`] gives them.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        TABLE.iter().map(|row| row.names[0]).collect()
    }

    /// What is appended to the name of a compressed file: `.zst`, or nothing.
    #[must_use]
    pub fn extension(self) -> &'static str {
        self.row().extension
    }

    /// What an archive's name ends in: `.tar.zst`.
    #[must_use]
    pub fn tar_extension(self) -> &'static str {
        self.row().tar_extensions[0]
    }

    /// Ends of archive names of every codec, `.tgz` included.
    pub fn tar_extensions() -> impl Iterator<Item = &'static str> {
        TABLE.iter().flat_map(|row| row.tar_extensions).copied()
    }

    /// Splits an archive's file name into the dump's name and its codec; `None` when it does not end
    /// like an archive or there is nothing before the end.
    #[must_use]
    pub fn split_archive_name(name: &[u8]) -> Option<(&[u8], Self)> {
        TABLE.iter().find_map(|row| {
            let stem = |extension: &&str| name.strip_suffix(extension.as_bytes());
            let stem = row.tar_extensions.iter().find_map(stem)?;
            (!stem.is_empty()).then_some((stem, row.codec))
        })
    }

    /// The levels of the codec; `None` where there are none.
    #[must_use]
    pub fn levels(self) -> Option<RangeInclusive<i32>> {
        self.row().levels.map(|(low, high)| low..=high)
    }

    /// The lowest level at which one core compresses slower than a disk writes; `None` where there is
    /// no such level.
    pub(super) fn slow_from(self) -> Option<i32> {
        self.row().slow_from
    }

    /// The level that is used when none is given.
    #[must_use]
    pub fn default_level(self) -> i32 {
        self.row().default_level
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Codec {
    type Err = CodecError;

    fn from_str(name: &str) -> Result<Self, CodecError> {
        TABLE
            .iter()
            .find(|row| row.names.contains(&name))
            .map(|row| row.codec)
            .ok_or_else(|| CodecError::Unknown {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_codecs_place() {
        for (codec, row) in Codec::ALL.into_iter().zip(&TABLE) {
            assert_eq!(codec, row.codec);
            assert_eq!(
                codec as usize,
                TABLE.iter().position(|r| r.codec == codec).unwrap()
            );
        }
    }

    #[test]
    fn every_name_parses_to_its_codec() {
        for row in &TABLE {
            for name in row.names {
                assert_eq!(name.parse::<Codec>().unwrap(), row.codec);
            }
        }
        let error = "lz4".parse::<Codec>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "no codec is called `lz4`, there are none, gz, bz2, xz, zst"
        );
    }

    #[test]
    fn archive_names_split_at_the_whole_extension() {
        let split = |name: &'static str| Codec::split_archive_name(name.as_bytes());
        for row in &TABLE {
            for extension in row.tar_extensions {
                let name = format!("a.b{extension}");
                let (stem, codec) = Codec::split_archive_name(name.as_bytes()).unwrap();
                assert_eq!((stem, codec), (b"a.b".as_slice(), row.codec));
            }
        }
        assert_eq!(split("x.zst"), None);
        assert_eq!(split(".tar"), None);
        assert_eq!(split("folder"), None);
    }
}
