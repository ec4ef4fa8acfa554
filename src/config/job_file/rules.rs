//! The rules of a job as values: what is taken, and who is held still. Short and long forms become
//! the same value here.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::commands::{Exports, Hooks};
use crate::config::span::Span;

/// What a job says of the project's content by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// For bind mounts, by path in the project.
    pub mounted: BTreeMap<String, MountedRule>,
    /// For volumes, by model name, glob, or `service:/path`.
    pub volumes: BTreeMap<String, VolumeRule>,
    /// Commands of services whose output is stored.
    pub exports: Exports,
    /// Pairs of commands around a dump.
    pub hooks: Hooks,
}

/// Which services' content is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Services {
    /// Every service's.
    #[default]
    All,
    /// That of these.
    Named(Vec<String>),
}

/// `config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigRules {
    /// Whether files outside of the project folder are taken.
    pub outside: bool,
    /// Whether what symbolic links point to is stored in their place.
    pub resolve_symlinks: bool,
    /// Whether `.dockerignore` applies to build contexts.
    pub dockerignore: bool,
}

impl Default for ConfigRules {
    fn default() -> Self {
        Self {
            outside: false,
            resolve_symlinks: false,
            dockerignore: true,
        }
    }
}

/// A rule of `mounted`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountedRule {
    /// Left out.
    Skip,
    /// Taken.
    Take(TakeMounted),
}

/// How a bind mount is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TakeMounted {
    /// Patterns in gitignore syntax, rooted in the mount.
    pub exclude: Vec<String>,
}

/// A rule of `volumes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeRule {
    /// Left out.
    Skip,
    /// Taken.
    Take(TakeVolume),
}

/// How a volume is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TakeVolume {
    /// Patterns in gitignore syntax, rooted in the volume.
    pub exclude: Vec<String>,
    /// Whether a volume that the project does not own is taken.
    pub external: bool,
}

/// `pause`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PauseRules {
    /// For services that are not named.
    pub default: PauseMode,
    /// For single services.
    pub services: BTreeMap<String, PauseMode>,
    /// For how much at a time.
    pub window: Window,
    /// How long a window may last; `None` for as long as it takes.
    pub max_downtime: Option<Span>,
}

/// What happens to a running service while what it writes to is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PauseMode {
    /// It is paused.
    #[default]
    Pause,
    /// It is stopped, with its own grace period, and started again.
    Stop,
    /// It goes on.
    None,
}

/// For how much of a dump services are held at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// All that is held for all that is read: one moment of the whole project.
    #[default]
    Project,
    /// For each volume and mounted path those that can write to it: a moment for each.
    Volume,
}

impl Serialize for Services {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Named(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Services {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ServicesVisitor)
    }
}

struct ServicesVisitor;

impl<'de> Visitor<'de> for ServicesVisitor {
    type Value = Services;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`all`, or a list of services")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Services, E> {
        match value {
            "all" => Ok(Services::All),
            other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Services, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = access.next_element()? {
            names.push(name);
        }
        Ok(Services::Named(names))
    }
}

/// The word `skip`, or a mapping of the rules `T`.
struct SkipOr<T> {
    expected: &'static str,
    take: std::marker::PhantomData<T>,
}

impl<T> SkipOr<T> {
    fn new(expected: &'static str) -> Self {
        Self {
            expected,
            take: std::marker::PhantomData,
        }
    }
}

/// `None` stands for `skip`.
impl<'de, T: Deserialize<'de>> Visitor<'de> for SkipOr<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Option<T>, E> {
        match value {
            "skip" => Ok(None),
            other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(access)).map(Some)
    }
}

impl<'de> Deserialize<'de> for MountedRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = SkipOr::new("`skip`, or a mapping with `exclude`");
        let rule: Option<TakeMounted> = deserializer.deserialize_any(visitor)?;
        Ok(rule.map_or(Self::Skip, Self::Take))
    }
}

impl<'de> Deserialize<'de> for VolumeRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = SkipOr::new("`skip`, or a mapping with `exclude` and `external`");
        let rule: Option<TakeVolume> = deserializer.deserialize_any(visitor)?;
        Ok(rule.map_or(Self::Skip, Self::Take))
    }
}

impl Serialize for MountedRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Skip => serializer.serialize_str("skip"),
            Self::Take(take) => take.serialize(serializer),
        }
    }
}

impl Serialize for VolumeRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Skip => serializer.serialize_str("skip"),
            Self::Take(take) => take.serialize(serializer),
        }
    }
}
