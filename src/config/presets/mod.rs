//! Databases whose commands are known: one table, a file for each, and nothing about any of them
//! elsewhere.
//!
//! The commands are scripts for the shell of the service's own container, and take credentials from its
//! own environment, as the images take them: `NAME`, or the file that `NAME_FILE` names. A password goes
//! to a program through its environment or a file that only its user can read, never as an argument.

/// `secret NAME [NAME]...`: the first that has a value, or whose file has one.
macro_rules! secret {
    () => {
        r#"set -eu
secret() {
    for name; do
        eval "file=\${${name}_FILE:-} value=\${$name:-}"
        if [ -n "$file" ]; then cat "$file"; return; fi
        if [ -n "$value" ]; then printf %s "$value"; return; fi
    done
}
"#
    };
}

// Below `secret!`, which their scripts begin with.
mod mongo;
mod mysql;
mod postgres;
mod redis;
mod sqlite;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// A database.
#[derive(PartialEq, Eq)]
pub struct Preset {
    /// How a job file may call it; the first is what messages and manifests say.
    pub names: &'static [&'static str],
    /// What people call it.
    pub title: &'static str,
    /// Parts of the names of its images.
    pub images: &'static [&'static str],
    /// The name that an export of it usually gets.
    pub file: &'static str,
    /// Writes the content to standard output. `$1` is the file of a database that is one.
    pub command: &'static str,
    /// Reads the content from standard input, and ends well only if all of it was taken.
    pub load: &'static str,
    /// Where its own files lie in its containers, which an export makes superfluous.
    pub data: &'static [&'static str],
    /// Whether it is a file that a job file has to name.
    pub is_file: bool,
}

/// Every preset. The first whose images a service's image resembles is the one for it.
pub const PRESETS: [Preset; 5] = [
    postgres::PRESET,
    mysql::PRESET,
    mongo::PRESET,
    redis::PRESET,
    sqlite::PRESET,
];

impl Preset {
    /// The first of its names.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// The preset of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.names.contains(&name))
    }

    /// The preset for a service of that image.
    #[must_use]
    pub fn of_image(image: &str) -> Option<&'static Self> {
        let name = image_name(image).to_ascii_lowercase();
        let is_of = |preset: &&Self| preset.images.iter().any(|part| name.contains(part));
        PRESETS.iter().find(is_of)
    }

    /// A script as the words of a command.
    #[must_use]
    pub fn words(&self, script: &str, database: Option<&str>) -> Vec<String> {
        let shell = ["sh", "-c", script, self.name()].into_iter();
        shell.chain(database).map(str::to_owned).collect()
    }
}

/// `postgres` of `registry:5000/team/postgres:16@sha256:...`.
#[must_use]
pub fn image_name(image: &str) -> &str {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split([':', '@']).next().unwrap_or(last)
}

impl fmt::Debug for Preset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for Preset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for &'static Preset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(PresetVisitor)
    }
}

struct PresetVisitor;

impl Visitor<'_> for PresetVisitor {
    type Value = &'static Preset;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a preset")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        Preset::of_name(value).ok_or_else(|| E::invalid_value(de::Unexpected::Str(value), &self))
    }
}
