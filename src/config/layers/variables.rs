//! The environment as a layer of settings: which variables are ours, what their texts stand for, and
//! what is wrong with them.

use std::collections::BTreeMap;
use std::ffi::OsString;

use figment::Figment;
use figment::providers::Serialized;
use figment::value::Value;

use super::{CODEC, LEVEL, Layer, paths};
use crate::config::settings::Settings;
use crate::diagnostic::{Finding, did_you_mean};
use crate::text;

/// The environment variables that carry settings start so.
pub const ENV_PREFIX: &str = "COMPOSE_DUMP_";

/// A setting that may stand for the whole that it is part of: `COMPOSE_DUMP_COMPRESSION=zst`.
const SHORT: (&str, &str) = ("compression", CODEC);

/// Variables of ours that are no settings of a job.
const NO_SETTINGS: [&str; 1] = [crate::state::VARIABLE];

/// Keys of the file that hold names of the user's, and have no variable.
const FILE_ONLY: [&str; 6] = [
    "jobs",
    "mounted",
    "pause.services",
    "project",
    "targets",
    "volumes",
];

/// How the text of a variable becomes the value of its setting. What is not in the table is taken as
/// it is written: a host may be called `42`.
const SHAPES: [(&str, Shape); 9] = [
    (LEVEL, Shape::Number),
    ("compression.threads", Shape::Number),
    ("config.dockerignore", Shape::Switch),
    ("config.outside", Shape::Switch),
    ("config.resolve_symlinks", Shape::Switch),
    ("scopes", Shape::List),
    ("services", Shape::AllOrList),
    ("strict", Shape::Switch),
    ("volumes_at_once", Shape::Number),
];

#[derive(Clone, Copy)]
enum Shape {
    Number,
    /// `true` or `false`.
    Switch,
    /// Words with commas between them.
    List,
    /// The same, or the word `all`.
    AllOrList,
}

/// What the environment says.
pub(super) struct Variables {
    /// The settings that fit.
    pub(super) values: Figment,
    /// By path, the variable that each comes from.
    pub(super) layers: BTreeMap<String, Layer>,
    /// What is no setting, or does not fit.
    pub(super) findings: Vec<Finding>,
}

impl Variables {
    /// Reads our variables. Each is laid over `base` by itself, so that a finding names the one that
    /// does not fit.
    pub(super) fn over(
        base: &Figment,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let known = known();
        let mut read = Self {
            values: Figment::new(),
            layers: BTreeMap::new(),
            findings: Vec::new(),
        };
        for (name, value) in ours(variables) {
            match fitting(base, &known, &name, value) {
                Ok((setting, layer)) => {
                    read.values = read.values.merge(layer);
                    read.layers.insert(setting, Layer::Variable(name));
                }
                Err(finding) => read.findings.push(finding),
            }
        }
        read
    }
}

/// The setting that a variable names and a layer with its value alone, which fits.
fn fitting(
    base: &Figment,
    known: &BTreeMap<String, String>,
    name: &str,
    value: OsString,
) -> Result<(String, Serialized<Value>), Finding> {
    let (setting, value) = checked(known, name, value)?;
    let layer = Serialized::default(&setting, value);
    match base.clone().merge(layer.clone()).extract::<Settings>() {
        Ok(_) => Ok((setting, layer)),
        Err(error) => Err(misfit(name, &error)),
    }
}

/// Our variables that are set, by name.
fn ours(variables: impl IntoIterator<Item = (OsString, OsString)>) -> BTreeMap<String, OsString> {
    variables
        .into_iter()
        .filter(|(name, _)| name.as_encoded_bytes().starts_with(ENV_PREFIX.as_bytes()))
        .filter(|(name, _)| NO_SETTINGS.iter().all(|known| name != known))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (text::os(&name), value))
        .collect()
}

/// The setting that a variable names, and its value.
fn checked(
    known: &BTreeMap<String, String>,
    name: &str,
    value: OsString,
) -> Result<(String, Value), Finding> {
    let setting = known.get(name).ok_or_else(|| unknown(known, name))?;
    let value = value.into_string().map_err(|value| {
        Finding::new(
            "config::setting",
            format!(
                "the environment variable `{name}` holds `{}`, which is not UTF-8",
                text::os(&value)
            ),
        )
        .with_help("change or unset it")
    })?;
    let shape = SHAPES.iter().find(|(path, _)| path == setting);
    Ok((
        setting.clone(),
        shaped(shape.map(|(_, shape)| *shape), value),
    ))
}

/// The value that a text stands for; a text that stands for none stays one, and is refused as such.
fn shaped(shape: Option<Shape>, text: String) -> Value {
    let list = |text: &str| -> Value {
        let words = text.split(',').map(str::trim);
        words.map(str::to_owned).collect::<Vec<_>>().into()
    };
    match shape {
        Some(Shape::Number) => match text.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => text.into(),
        },
        Some(Shape::Switch) => match text.parse::<bool>() {
            Ok(on) => on.into(),
            Err(_) => text.into(),
        },
        Some(Shape::AllOrList) if text == "all" => text.into(),
        Some(Shape::List | Shape::AllOrList) => list(&text),
        None => text.into(),
    }
}

fn unknown(known: &BTreeMap<String, String>, name: &str) -> Finding {
    let names = known.keys().map(String::as_str);
    let finding = Finding::new(
        "config::unknown_setting",
        format!("the environment variable `{name}` is no setting"),
    );
    let path = name.trim_start_matches(ENV_PREFIX).to_lowercase();
    let path = path.replace("__", ".");
    let below = |key: &&&str| {
        let rest = path.strip_prefix(**key);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if let Some(key) = FILE_ONLY.iter().find(below) {
        return finding.with_help(format!("unset it: `{key}` stands in the file only"));
    }
    finding.with_help(match did_you_mean(name, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "unset it; the settings are {}",
            names.collect::<Vec<_>>().join(", ")
        ),
    })
}

fn misfit(name: &str, error: &figment::Error) -> Finding {
    Finding::new(
        "config::setting",
        format!(
            "the environment variable `{name}` does not fit: {}",
            said(&error.kind)
        ),
    )
    .with_help("change or unset it")
}

/// What the deserializer says, without its backquotes around `one of` several that are quoted already.
fn said(kind: &figment::error::Kind) -> String {
    let text = kind.to_string();
    match text.split_once(", expected `one of ") {
        Some((found, expected)) => {
            let expected = expected.strip_suffix('`').unwrap_or(expected);
            format!("{found}, expected one of {expected}")
        }
        None => text,
    }
}

/// The settings by the variables that carry them: `COMPOSE_DUMP_SPOOL__DIR` to `spool.dir`.
pub(super) fn known() -> BTreeMap<String, String> {
    let defaults = serde_json::to_value(Settings::default())
        .expect("settings are made of texts, numbers, switches, lists and nothing");
    let named = paths(&defaults)
        .into_iter()
        .map(|path| (path.clone(), path));
    let short = std::iter::once((SHORT.0.to_owned(), SHORT.1.to_owned()));
    named
        .chain(short)
        .map(|(name, path)| {
            let name = name.replace('.', "__").to_uppercase();
            (format!("{ENV_PREFIX}{name}"), path)
        })
        .collect()
}
