//! Reading a manifest, from bytes that nobody vouches for.

use serde::Deserialize;

use super::seal::{BrokenSeal, sealed};
use super::{FORMAT, Manifest};

/// Length in bytes beyond which a manifest is refused unread.
pub(crate) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is longer than 16 MiB.
    #[error("the manifest has {bytes} bytes, more than any that is written")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// The last line is not a seal: the manifest was cut or edited.
    #[error("the manifest does not end in a `sha256` line, it was cut or edited")]
    NoSeal,
    /// The last line does not fit to what is before it.
    #[error("the manifest was changed after it was written, its `sha256` line does not fit")]
    SealDiffers,
    /// Made by a version that writes another format.
    #[error("the dump has format {format}, this version reads format {FORMAT}")]
    Format {
        /// The format it names.
        format: u64,
    },
    /// Not the YAML of a manifest.
    #[error("the manifest cannot be understood")]
    Content(#[source] serde_yaml::Error),
}

/// What has to be known before the rest can be judged.
#[derive(Deserialize)]
struct Head {
    format: u64,
}

impl Manifest {
    /// Reads the bytes of `Manifest.yml` or of `<name>.manifest.yml`. Length and seal are checked before
    /// anything is parsed, the format before anything else is looked at.
    ///
    /// # Errors
    /// [`ManifestError`], by what is wrong.
    pub fn parse(data: &[u8]) -> Result<Self, ManifestError> {
        if data.len() > MAX_BYTES {
            return Err(ManifestError::TooLarge { bytes: data.len() });
        }
        let text = sealed(data).map_err(|broken| match broken {
            BrokenSeal::Missing => ManifestError::NoSeal,
            BrokenSeal::Differs => ManifestError::SealDiffers,
        })?;
        let head: Head = serde_yaml::from_slice(text).map_err(ManifestError::Content)?;
        if head.format != u64::from(FORMAT) {
            return Err(ManifestError::Format {
                format: head.format,
            });
        }
        serde_yaml::from_slice(text).map_err(ManifestError::Content)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::samples;
    use super::super::seal::seal;
    use super::*;

    fn parse(text: &str) -> Result<Manifest, ManifestError> {
        Manifest::parse(&seal(text.as_bytes().to_vec()))
    }

    #[test]
    fn a_newer_format_is_named_even_when_nothing_else_fits() {
        let error = parse("format: 2\nmembers: {}\n").unwrap_err();
        assert!(matches!(error, ManifestError::Format { format: 2 }));
    }

    #[test]
    fn unknown_keys_of_the_same_format_are_tolerated() {
        let whole = samples::minimal().render(&Default::default()).unwrap();
        let text = std::str::from_utf8(sealed(&whole).unwrap()).unwrap();
        let added = format!("{text}from_the_future: {{a: 1}}\n");
        assert_eq!(parse(&added).unwrap(), Manifest::parse(&whole).unwrap());
    }

    #[test]
    fn what_is_no_manifest_is_refused_by_kind() {
        assert!(matches!(Manifest::parse(b""), Err(ManifestError::NoSeal)));
        assert!(matches!(
            parse("format: one\n"),
            Err(ManifestError::Content(_))
        ));
        assert!(matches!(
            parse("- a\n- b\n"),
            Err(ManifestError::Content(_))
        ));
        assert!(matches!(
            parse("format: 1\n"),
            Err(ManifestError::Content(_))
        ));
        let long = vec![b' '; MAX_BYTES + 1];
        assert!(matches!(
            Manifest::parse(&long),
            Err(ManifestError::TooLarge { .. })
        ));
    }

    #[test]
    fn nested_aliases_do_not_eat_the_memory() {
        let mut bomb = String::from("format: 1\nl0: &l0 [a, a, a, a, a, a, a, a, a, a]\n");
        for level in 1..12 {
            let last = level - 1;
            bomb += &format!(
                "l{level}: &l{level} [{}]\n",
                vec![format!("*l{last}"); 10].join(", ")
            );
        }
        assert!(matches!(parse(&bomb), Err(ManifestError::Content(_))));
    }
}
