//! `compose-dump.yml` as types. Every key is here with its default; what each means to a person is
//! said in the schema.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use super::target::{TargetFormat, TargetRules};

use super::commands::{Exports, Hooks};
use super::rules::{ConfigRules, MountedRule, PauseRules, Services, VolumeRule};
use crate::codecs::Codec;
use crate::config::dump_name::DEFAULT_PATTERN;
use crate::config::scope::Scope;
use crate::config::settings::{
    AtOnce, CompressionSettings, DEFAULT_LOCK_WAIT, ReaderChoice, SpoolSettings,
};
use crate::config::span::Span;
use crate::retention::Share;

/// The file. Its top level is the job `default`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobFile {
    /// The version of the format: 1.
    pub version: u32,
    /// The host in names and ids; `None`: the kernel's host name.
    pub host: Option<String>,
    /// Where the project is.
    pub project: ProjectRules,
    /// The kinds of content that are dumped.
    pub scopes: Vec<Scope>,
    /// The services whose content is dumped.
    pub services: Services,
    /// How the Compose files and what they name are dumped.
    pub config: ConfigRules,
    /// Rules for bind mounts, by path in the project.
    pub mounted: BTreeMap<String, MountedRule>,
    /// Rules for volumes, by model name, glob, or `service:/path`.
    pub volumes: BTreeMap<String, VolumeRule>,
    /// Commands of services whose output is stored.
    pub exports: Exports,
    /// Pairs of commands around a dump.
    pub hooks: Hooks,
    /// Who is held still.
    pub pause: PauseRules,
    /// Reader of volumes.
    pub reader: ReaderChoice,
    /// How many volumes are read side by side.
    pub volumes_at_once: AtOnce,
    /// Compression of members or archives.
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
    /// Where dumps go, by name.
    pub targets: BTreeMap<String, TargetRules>,
    /// Further jobs, by name.
    pub jobs: BTreeMap<String, JobRules>,
}

impl Default for JobFile {
    fn default() -> Self {
        Self {
            version: 1,
            host: None,
            project: ProjectRules::default(),
            scopes: Scope::ALL.to_vec(),
            services: Services::default(),
            config: ConfigRules::default(),
            mounted: BTreeMap::new(),
            volumes: BTreeMap::new(),
            exports: Exports::new(),
            hooks: Hooks::new(),
            pause: PauseRules::default(),
            reader: ReaderChoice::default(),
            volumes_at_once: AtOnce::ONE,
            compression: CompressionSettings {
                codec: Some(Codec::Zst),
                ..CompressionSettings::default()
            },
            spool: SpoolSettings::default(),
            dump_name: DEFAULT_PATTERN.to_owned(),
            strict: false,
            lock_wait: DEFAULT_LOCK_WAIT,
            shrink_guard: Share::HALF,
            targets: BTreeMap::new(),
            jobs: BTreeMap::new(),
        }
    }
}

/// `project`: what Compose's own rules would not find.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectRules {
    /// The project's name.
    pub name: Option<String>,
    /// Compose files, relative to the folder of the job file.
    pub files: Vec<PathBuf>,
    /// Files with variables, in place of `.env`.
    pub env_files: Vec<PathBuf>,
    /// Profiles to enable; empty for all.
    pub profiles: Vec<String>,
}

/// A job: `None` takes what stands at the top level.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobRules {
    /// As [`JobFile::scopes`].
    pub scopes: Option<Vec<Scope>>,
    /// As [`JobFile::services`].
    pub services: Option<Services>,
    /// As [`JobFile::config`].
    pub config: Option<ConfigRules>,
    /// As [`JobFile::mounted`].
    pub mounted: Option<BTreeMap<String, MountedRule>>,
    /// As [`JobFile::volumes`].
    pub volumes: Option<BTreeMap<String, VolumeRule>>,
    /// As [`JobFile::exports`].
    pub exports: Option<Exports>,
    /// As [`JobFile::hooks`].
    pub hooks: Option<Hooks>,
    /// As [`JobFile::pause`].
    pub pause: Option<PauseRules>,
    /// As [`JobFile::reader`].
    pub reader: Option<ReaderChoice>,
    /// As [`JobFile::volumes_at_once`].
    pub volumes_at_once: Option<AtOnce>,
    /// As [`JobFile::compression`].
    pub compression: Option<CompressionSettings>,
    /// As [`JobFile::spool`].
    pub spool: Option<SpoolSettings>,
    /// As [`JobFile::dump_name`].
    pub dump_name: Option<String>,
    /// As [`JobFile::strict`].
    pub strict: Option<bool>,
    /// As [`JobFile::lock_wait`].
    pub lock_wait: Option<Span>,
    /// As [`JobFile::shrink_guard`].
    pub shrink_guard: Option<Share>,
    /// The targets, by name; `None` for all.
    pub to: Option<Vec<String>>,
}
