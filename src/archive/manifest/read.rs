//! Reading a manifest, from bytes that nobody vouches for.

use serde::Deserialize;

use super::seal::{BrokenSeal, sealed};
use super::{FORMAT, Manifest};
use crate::yaml::{self, YamlError};

/// Length in bytes beyond which a manifest is refused unread.
pub(crate) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Characters that begin or end a value, of which the parser makes some 170 bytes each before it hands
/// anything out: this keeps it below 64 MiB. 5000 members have less.
const MAX_INDICATORS: usize = 400_000;

/// Whether a value may stand for another one. No manifest has such values; a forged one may use them to
/// repeat a long text until the memory is full.
fn may_have_aliases(text: &[u8]) -> bool {
    let begins_value = |at: usize| {
        let before = at.checked_sub(1).map_or(b' ', |before| text[before]);
        before.is_ascii_whitespace() || b"[{,".contains(&before)
    };
    let has = |sign| {
        let mut places = text.iter().enumerate().filter(|(_, byte)| **byte == sign);
        places.any(|(at, _)| begins_value(at))
    };
    has(b'&') && has(b'*')
}

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
    /// Made to take more memory than any manifest needs: too many values, or aliases that multiply them.
    #[error("the manifest has more values than any that is written")]
    TooManyValues,
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
        if yaml::indicators(text) > MAX_INDICATORS
            || may_have_aliases(text)
                && matches!(yaml::parse(text, 0), Err(YamlError::TooManyNodes))
        {
            return Err(ManifestError::TooManyValues);
        }
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
    use proptest::prelude::*;

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
        assert!(matches!(parse(&bomb), Err(ManifestError::TooManyValues)));
    }

    #[test]
    fn a_long_text_is_not_repeated_and_values_are_counted() {
        let long = "x".repeat(1_000_000);
        let copies = vec!["*l"; 50_000].join(", ");
        let bomb = format!("format: 1\nwarnings: [&l {long}, {copies}]\n");
        assert!(matches!(parse(&bomb), Err(ManifestError::TooManyValues)));
        let many = format!("format: 1\nwarnings: [{}]\n", "a,".repeat(MAX_INDICATORS));
        assert!(matches!(parse(&many), Err(ManifestError::TooManyValues)));
        let deep = format!("format: 1\nwarnings: {}\n", "[".repeat(10_000));
        assert!(matches!(parse(&deep), Err(ManifestError::Content(_))));
    }

    #[test]
    fn signs_of_aliases_in_texts_are_texts() {
        let mut draft = samples::minimal();
        draft.warnings = vec!["cannot read *all of R &D".to_owned(), "*a &b".to_owned()];
        let whole = draft.render(&Default::default()).unwrap();
        assert_eq!(Manifest::parse(&whole).unwrap().warnings, draft.warnings);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(text: Vec<u8>, tail in "[-a-z0-9:{}\\[\\]&*!|>\"', \n]{0,200}") {
            let _ = Manifest::parse(&text);
            let _ = parse(&tail);
            let _ = parse(&format!("format: 1\n{tail}"));
        }
    }
}
