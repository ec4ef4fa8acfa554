//! Settings in layers, later wins: defaults, the job's file, `COMPOSE_DUMP_*` (`__` for nesting), flags.

#[cfg(test)]
mod tests;
mod variables;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use figment::Figment;
use figment::providers::Serialized;

use super::dump_name::DumpName;
use super::settings::{Overrides, Settings};
use crate::diagnostic::Finding;

pub use variables::ENV_PREFIX;
use variables::Variables;

const CODEC: &str = "compression.codec";
const LEVEL: &str = "compression.level";
const DUMP_NAME: &str = "dump_name";

/// Where the value of a setting comes from, above the defaults and the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layer {
    /// An environment variable of that name.
    Variable(String),
    /// The command line.
    Flags,
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(formatter, "the environment variable `{name}`"),
            Self::Flags => formatter.write_str("the command line"),
        }
    }
}

/// Settings, and the layers that they come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layered {
    /// The settings.
    pub settings: Settings,
    /// The settings that the environment or the command line says, by path: `spool.dir`.
    pub layers: BTreeMap<String, Layer>,
}

impl Layered {
    /// Puts the layers together: `base`, which are the defaults or a job's own settings, the
    /// environment of this process, flags.
    ///
    /// # Errors
    /// As [`Layered::new`].
    pub fn load(base: &Settings, overrides: &Overrides) -> Result<Self, Vec<Finding>> {
        Self::new(base, std::env::vars_os(), overrides)
    }

    /// Puts the layers together. Of `variables`, the process environment, those that begin with
    /// [`ENV_PREFIX`] count; an empty one counts as unset. A layer that names another codec than the
    /// ones below does not have their level.
    ///
    /// # Errors
    /// A finding for every variable that is no setting, and for every value that does not fit, all
    /// at once.
    pub fn new(
        base: &Settings,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        overrides: &Overrides,
    ) -> Result<Self, Vec<Finding>> {
        let base = Figment::from(Serialized::defaults(base));
        let Variables {
            values: environment,
            mut layers,
            mut findings,
        } = Variables::over(&base, variables);
        let flags = Figment::from(Serialized::defaults(overrides));
        for path in paths(&serde_json::to_value(overrides).unwrap_or_default()) {
            layers.insert(path, Layer::Flags);
        }
        let settings = over(over(base, environment), flags)
            .extract::<Settings>()
            .map_err(|error| vec![Finding::new("config::setting", error.to_string())])?;
        findings.extend(against_dump_name(&settings, &layers));
        if findings.is_empty() {
            Ok(Self { settings, layers })
        } else {
            Err(findings)
        }
    }
}

/// `upper` over `lower`; the level of another codec is left behind.
fn over(lower: Figment, upper: Figment) -> Figment {
    let codec = |figment: &Figment| figment.find_value(CODEC).ok();
    let another = codec(&upper).is_some_and(|upper| codec(&lower) != Some(upper));
    if another && upper.find_value(LEVEL).is_err() {
        let none = Serialized::default(LEVEL, None::<i32>);
        lower.merge(none).merge(upper)
    } else {
        lower.merge(upper)
    }
}

/// What speaks against the pattern of dumps' names. All of it is in one setting, so it is judged as a whole.
fn against_dump_name(settings: &Settings, layers: &BTreeMap<String, Layer>) -> Option<Finding> {
    let finding = DumpName::parse(&settings.dump_name).err()?;
    let layer = match layers.get(DUMP_NAME) {
        Some(layer @ Layer::Variable(_)) => layer.to_string(),
        Some(Layer::Flags) => "`--target-pattern`".to_owned(),
        None => return Some(finding),
    };
    Some(Finding {
        message: format!("{layer} does not fit: {}", finding.message),
        ..finding
    })
}

/// The paths of everything in a value that is no mapping.
fn paths(value: &serde_json::Value) -> Vec<String> {
    fn flatten(prefix: &str, value: &serde_json::Value, paths: &mut Vec<String>) {
        let Some(map) = value.as_object() else {
            paths.push(prefix.to_owned());
            return;
        };
        for (key, value) in map {
            let dot = if prefix.is_empty() { "" } else { "." };
            flatten(&format!("{prefix}{dot}{key}"), value, paths);
        }
    }
    let mut found = Vec::new();
    flatten("", value, &mut found);
    found
}
