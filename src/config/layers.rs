//! Settings in layers, later wins: defaults, `COMPOSE_DUMP_*` (`__` for nesting), flags.

use std::collections::BTreeMap;
use std::ffi::OsString;

use figment::Figment;
use figment::providers::Serialized;

use super::dump_name::DumpName;
use super::settings::{Overrides, Settings};
use crate::diagnostic::{Finding, did_you_mean};
use crate::text;

/// The environment variables that carry settings start so.
pub const ENV_PREFIX: &str = "COMPOSE_DUMP_";

/// A setting that may stand for the whole that it is part of: `COMPOSE_DUMP_COMPRESSION=zst`.
const SHORT: (&str, &str) = ("compression", "compression.codec");

/// Settings that are numbers. Everything else is taken as it is written: a host may be called `42`.
const NUMBERS: [&str; 2] = ["compression.level", "compression.threads"];

impl Settings {
    /// Puts the layers together; the environment is that of this process.
    ///
    /// # Errors
    /// As [`Settings::from_layers`].
    pub fn load(overrides: &Overrides) -> Result<Self, Vec<Finding>> {
        Self::from_layers(std::env::vars_os(), overrides)
    }

    /// Puts the layers together. Of `variables`, the process environment, those that begin with
    /// [`ENV_PREFIX`] count; an empty one counts as unset.
    ///
    /// # Errors
    /// A finding for every variable that is no setting, and for every value that does not fit, all
    /// at once.
    pub fn from_layers(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        overrides: &Overrides,
    ) -> Result<Self, Vec<Finding>> {
        let known = known_variables();
        let defaults = Figment::from(Serialized::defaults(Self::default()));
        let mut layers = defaults.clone();
        let mut findings = Vec::new();
        for (name, value) in ours(variables) {
            let checked = checked(&known, &name, value).and_then(|layer| {
                let alone = defaults.clone().merge(layer.clone()).extract::<Self>();
                alone.map(|_| layer).map_err(|error| misfit(&name, &error))
            });
            match checked {
                Ok(layer) => layers = layers.merge(layer),
                Err(finding) => findings.push(finding),
            }
        }
        let settings = layers
            .merge(Serialized::defaults(overrides))
            .extract::<Self>()
            .map_err(|error| vec![Finding::new("config::setting", error.to_string())])?;
        findings.extend(DumpName::parse(&settings.dump_name).err());
        if findings.is_empty() {
            Ok(settings)
        } else {
            Err(findings)
        }
    }
}

/// Our variables that are set, by name.
fn ours(variables: impl IntoIterator<Item = (OsString, OsString)>) -> BTreeMap<String, OsString> {
    variables
        .into_iter()
        .filter(|(name, _)| name.as_encoded_bytes().starts_with(ENV_PREFIX.as_bytes()))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (text::os(&name), value))
        .collect()
}

/// The value of a variable at the setting that it names.
fn checked(
    known: &BTreeMap<String, String>,
    name: &str,
    value: OsString,
) -> Result<Serialized<figment::value::Value>, Finding> {
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
    let number = value.parse::<i64>().ok();
    let number = number.filter(|_| NUMBERS.contains(&setting.as_str()));
    let value = number.map_or_else(|| value.into(), figment::value::Value::from);
    Ok(Serialized::default(setting, value))
}

fn unknown(known: &BTreeMap<String, String>, name: &str) -> Finding {
    let names = known.keys().map(String::as_str);
    let finding = Finding::new(
        "config::unknown_setting",
        format!("the environment variable `{name}` is no setting"),
    );
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
fn known_variables() -> BTreeMap<String, String> {
    let defaults = serde_json::to_value(Settings::default())
        .expect("settings are made of texts, numbers and nothing");
    let mut paths = vec![(SHORT.0.to_owned(), SHORT.1.to_owned())];
    flatten("", &defaults, &mut paths);
    paths
        .into_iter()
        .map(|(name, path)| {
            let name = name.replace('.', "__").to_uppercase();
            (format!("{ENV_PREFIX}{name}"), path)
        })
        .collect()
}

fn flatten(prefix: &str, value: &serde_json::Value, paths: &mut Vec<(String, String)>) {
    let Some(map) = value.as_object() else {
        paths.push((prefix.to_owned(), prefix.to_owned()));
        return;
    };
    for (key, value) in map {
        let dot = if prefix.is_empty() { "" } else { "." };
        flatten(&format!("{prefix}{dot}{key}"), value, paths);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;
    use crate::codecs::Codec;
    use crate::config::settings::{CompressionOverride, ReaderChoice, SpoolMode};
    use crate::config::size::Size;

    fn load(variables: &[(&str, &str)], overrides: &Overrides) -> Result<Settings, Vec<Finding>> {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Settings::from_layers(variables, overrides)
    }

    fn of(variables: &[(&str, &str)]) -> Settings {
        load(variables, &Overrides::default()).expect("settings")
    }

    fn findings(variables: &[(&str, &str)]) -> Vec<Finding> {
        load(variables, &Overrides::default()).expect_err("findings")
    }

    #[test]
    fn every_setting_has_its_variable() {
        let settings = of(&[
            ("COMPOSE_DUMP_HOST", "42"),
            ("COMPOSE_DUMP_READER", "engine"),
            ("COMPOSE_DUMP_COMPRESSION__CODEC", "xz"),
            ("COMPOSE_DUMP_COMPRESSION__LEVEL", "-1"),
            ("COMPOSE_DUMP_COMPRESSION__THREADS", "2"),
            ("COMPOSE_DUMP_SPOOL__MODE", "always"),
            ("COMPOSE_DUMP_SPOOL__DIR", "/disk"),
            ("COMPOSE_DUMP_SPOOL__LIMIT", "10GiB"),
            ("COMPOSE_DUMP_DUMP_NAME", "{id}"),
            ("COMPOSE_PROJECT_NAME", "not ours"),
            ("PATH", "/bin"),
        ]);
        assert_eq!(settings.host.as_deref(), Some("42"));
        assert_eq!(settings.reader, ReaderChoice::Engine);
        let compression = settings.compression;
        assert_eq!(compression.codec, Some(Codec::Xz));
        assert_eq!(
            (compression.level, compression.threads),
            (Some(-1), Some(2))
        );
        assert_eq!(settings.spool.mode, SpoolMode::Always);
        assert_eq!(settings.spool.dir.as_deref(), Some("/disk".as_ref()));
        assert_eq!(settings.spool.limit, Some(Size(10 << 30)));
        assert_eq!(settings.dump_name, "{id}");
        assert_eq!(known_variables().len(), 10, "nine, and one short form");
    }

    #[test]
    fn without_variables_and_flags_the_defaults_count() {
        assert_eq!(of(&[]), Settings::default());
        assert_eq!(of(&[("COMPOSE_DUMP_HOST", "")]), Settings::default());
    }

    #[test]
    fn the_short_form_of_compression_goes_with_the_long_one() {
        let settings = of(&[
            ("COMPOSE_DUMP_COMPRESSION", "zst"),
            ("COMPOSE_DUMP_COMPRESSION__LEVEL", "19"),
        ]);
        assert_eq!(settings.compression.codec, Some(Codec::Zst));
        assert_eq!(settings.compression.level, Some(19));
        let settings = of(&[("COMPOSE_DUMP_COMPRESSION__LEVEL", "19")]);
        assert_eq!(
            (settings.compression.codec, settings.compression.level),
            (None, Some(19))
        );
    }

    #[test]
    fn flags_win_over_variables() {
        let overrides = Overrides {
            compression: Some(CompressionOverride { codec: Codec::Gz }),
            dump_name: Some("x-{id}".into()),
        };
        let variables = [
            ("COMPOSE_DUMP_COMPRESSION", "zst"),
            ("COMPOSE_DUMP_COMPRESSION__LEVEL", "3"),
            ("COMPOSE_DUMP_DUMP_NAME", "y-{id}"),
        ];
        let settings = load(&variables, &overrides).expect("settings");
        assert_eq!(settings.compression.codec, Some(Codec::Gz));
        assert_eq!(settings.compression.level, Some(3));
        assert_eq!(settings.dump_name, "x-{id}");
    }

    #[test]
    fn unknown_variables_are_named_with_the_one_that_was_meant() {
        let cases = [
            ("COMPOSE_DUMP_RAEDER", "did you mean `COMPOSE_DUMP_READER`?"),
            (
                "COMPOSE_DUMP_SPOOL__DRI",
                "did you mean `COMPOSE_DUMP_SPOOL__DIR`?",
            ),
            (
                "COMPOSE_DUMP_SPOOL_DIR",
                "did you mean `COMPOSE_DUMP_SPOOL__DIR`?",
            ),
            (
                "COMPOSE_DUMP_COMPRESSION__LEVLE",
                "did you mean `COMPOSE_DUMP_COMPRESSION__LEVEL`?",
            ),
        ];
        for (name, help) in cases {
            let findings = findings(&[(name, "x")]);
            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].code, "config::unknown_setting");
            assert!(findings[0].message.contains(&format!("`{name}`")));
            assert_eq!(findings[0].help.as_deref(), Some(help));
        }
        let far = findings(&[("COMPOSE_DUMP_SOMETHING_ELSE_ENTIRELY", "x")]);
        let help = far[0].help.as_deref().unwrap_or_default();
        assert!(help.contains("COMPOSE_DUMP_SPOOL__LIMIT"), "{help}");
    }

    #[test]
    fn all_values_that_do_not_fit_are_named_with_their_variables() {
        let findings = findings(&[
            ("COMPOSE_DUMP_COMPRESSION", "rar"),
            ("COMPOSE_DUMP_COMPRESSION__LEVEL", "high"),
            ("COMPOSE_DUMP_COMPRESSION__THREADS", "-1"),
            ("COMPOSE_DUMP_DUMP_NAME", "{host}"),
            ("COMPOSE_DUMP_READER", "fast"),
            ("COMPOSE_DUMP_SPOOL__LIMIT", "much"),
            ("COMPOSE_DUMP_TYPO", "x"),
        ]);
        let named = |name: &str| {
            let name = format!("`COMPOSE_DUMP_{name}`");
            let mut findings = findings.iter();
            findings.any(|finding| finding.message.contains(&name))
        };
        for name in [
            "COMPRESSION",
            "COMPRESSION__LEVEL",
            "COMPRESSION__THREADS",
            "READER",
            "SPOOL__LIMIT",
            "TYPO",
        ] {
            assert!(named(name), "{name}: {findings:#?}");
        }
        assert_eq!(findings.len(), 7);
        assert_eq!(findings[6].code, "config::name_not_unique");
        assert!(findings.iter().all(|finding| finding.help.is_some()));
        let reader = &findings[3].message;
        assert!(
            reader.ends_with("`fast`, expected one of `auto`, `direct`, `engine`"),
            "{reader}"
        );
    }

    #[test]
    fn a_value_that_is_not_utf8_is_refused_not_changed() {
        let value = OsString::from_vec(b"/disk/\xff".to_vec());
        let variables = [("COMPOSE_DUMP_SPOOL__DIR".into(), value)];
        let refused = Settings::from_layers(variables, &Overrides::default());
        let findings = refused.expect_err("a finding");
        assert!(findings[0].message.contains("`COMPOSE_DUMP_SPOOL__DIR`"));
    }
}
