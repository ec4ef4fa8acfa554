//! Every setting, with its default: the keys of a job that have one value. [`super::layers`] fills
//! them in. Rules for what the user names stay in [`super::job_file`].

use std::fmt;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::dump_name::DEFAULT_PATTERN;
use super::job_file::rules::{ConfigRules, PauseRules, Services};
use super::scope::Scope;
use super::size::Size;
use super::span::Span;
use crate::codecs::Codec;
use crate::retention::Share;

/// Which reader volumes are read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReaderChoice {
    /// `direct` where it is proven to be possible, else `engine`.
    #[default]
    Auto,
    /// The volume's folder on this machine, or an error.
    Direct,
    /// The Engine's archive API.
    Engine,
}

/// What is written to local disk first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpoolMode {
    /// What has an unknown size, and what is read while services are held and bound for a slow place.
    #[default]
    Auto,
    /// Nothing; what cannot be done without is refused.
    Never,
    /// Everything that is read while services are held.
    Always,
}

/// A number of things that happen side by side: 1 to 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct AtOnce(NonZero<u8>);

impl AtOnce {
    /// One after the other.
    pub const ONE: Self = Self(NonZero::<u8>::MIN);
    const MAX: u8 = 16;

    /// The number.
    #[must_use]
    pub const fn number(self) -> NonZero<u8> {
        self.0
    }
}

impl TryFrom<u8> for AtOnce {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match NonZero::new(number) {
            Some(number) if number.get() <= Self::MAX => Ok(Self(number)),
            _ => Err(format!("{number} is not from 1 to {}", Self::MAX)),
        }
    }
}

impl From<AtOnce> for u8 {
    fn from(at_once: AtOnce) -> Self {
        at_once.0.get()
    }
}

/// Where and how much may be spooled.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpoolSettings {
    /// When.
    pub mode: SpoolMode,
    /// The folder of temporary files; default: `$TMPDIR`, else `/var/tmp`.
    pub dir: Option<PathBuf>,
    /// The most bytes that one target may spool at once.
    pub limit: Option<Size>,
}

/// How content is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CompressionSettings {
    /// The codec; `None` where no layer names one.
    pub codec: Option<Codec>,
    /// The codec's own level; default: the codec's.
    pub level: Option<i32>,
    /// Threads; 0 and default: one per core.
    pub threads: Option<u32>,
}

/// Every setting that does not belong to one target or source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The kinds of content that are dumped.
    pub scopes: Vec<Scope>,
    /// The services whose content is dumped.
    pub services: Services,
    /// How the Compose files and what they name are dumped.
    pub config: ConfigRules,
    /// Who is held still.
    pub pause: PauseRules,
    /// The host in names and ids; default: the kernel's host name.
    pub host: Option<String>,
    /// Reader of volumes.
    pub reader: ReaderChoice,
    /// How many volumes are read side by side.
    pub volumes_at_once: AtOnce,
    /// Compression of members in a dump folder, or of whole archives.
    pub compression: CompressionSettings,
    /// Temporary files.
    pub spool: SpoolSettings,
    /// The pattern of dump names.
    pub dump_name: String,
    /// Whether a dump with gaps is not published.
    pub strict: bool,
    /// How long to wait for another run of the project.
    pub lock_wait: Span,
    /// The share of the dump before it below which a dump is too small to remove others for it.
    pub shrink_guard: Share,
}

/// How long a run waits for another one where nothing says it.
pub const DEFAULT_LOCK_WAIT: Span = Span(Duration::from_secs(30 * 60));

impl Default for Settings {
    /// Those of an ad-hoc backup: all scopes, and no compression, as the predecessor had it.
    fn default() -> Self {
        Self {
            scopes: Scope::ALL.to_vec(),
            services: Services::default(),
            config: ConfigRules::default(),
            pause: PauseRules::default(),
            host: None,
            reader: ReaderChoice::default(),
            volumes_at_once: AtOnce::ONE,
            compression: CompressionSettings::default(),
            spool: SpoolSettings::default(),
            dump_name: DEFAULT_PATTERN.to_owned(),
            strict: false,
            lock_wait: DEFAULT_LOCK_WAIT,
            shrink_guard: Share::HALF,
        }
    }
}

/// What flags override, as far as given.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Overrides {
    /// `--config`, `--mounted`, `--volumes`, `--exports`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Scope>>,
    /// The arguments of `backup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Services>,
    /// `--resolve-symlinks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigOverride>,
    /// `--strict`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    /// `-x`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<CompressionOverride>,
    /// `--target-pattern`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dump_name: Option<String>,
    /// `--lock-timeout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_wait: Option<Span>,
}

/// The part of [`ConfigRules`] that a flag sets.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ConfigOverride {
    /// `--resolve-symlinks`.
    pub resolve_symlinks: bool,
}

/// The part of [`CompressionSettings`] that a flag sets.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CompressionOverride {
    /// `-x CODEC`.
    pub codec: Codec,
}

impl<'de> Deserialize<'de> for CompressionSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CompressionVisitor)
    }
}

struct CompressionVisitor;

impl<'de> Visitor<'de> for CompressionVisitor {
    type Value = CompressionSettings;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a codec (none, gz, bz2, xz, zst) or {codec, level, threads}")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        let codec = value.parse().map_err(E::custom)?;
        Ok(CompressionSettings {
            codec: Some(codec),
            ..CompressionSettings::default()
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut settings = CompressionSettings::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "codec" => settings.codec = map.next_value()?,
                "level" => settings.level = map.next_value()?,
                "threads" => settings.threads = map.next_value()?,
                _ => {
                    return Err(de::Error::unknown_field(
                        &key,
                        &["codec", "level", "threads"],
                    ));
                }
            }
        }
        Ok(settings)
    }
}
