//! Settings in layers, later wins: defaults, the job's file, `COMPOSE_DUMP_*` (`__` for nesting), flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use figment::Figment;
use figment::providers::Serialized;
use figment::value::Value;

use super::dump_name::DumpName;
use super::settings::{Overrides, Settings};
use crate::diagnostic::{Finding, did_you_mean};
use crate::text;

/// The environment variables that carry settings start so.
pub const ENV_PREFIX: &str = "COMPOSE_DUMP_";

/// A setting that may stand for the whole that it is part of: `COMPOSE_DUMP_COMPRESSION=zst`.
const SHORT: (&str, &str) = ("compression", CODEC);
const CODEC: &str = "compression.codec";
const LEVEL: &str = "compression.level";

const DUMP_NAME: &str = "dump_name";

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
const SHAPES: [(&str, Shape); 8] = [
    (LEVEL, Shape::Number),
    ("compression.threads", Shape::Number),
    ("config.dockerignore", Shape::Switch),
    ("config.outside", Shape::Switch),
    ("config.resolve_symlinks", Shape::Switch),
    ("scopes", Shape::List),
    ("services", Shape::AllOrList),
    ("strict", Shape::Switch),
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
        let known = known_variables();
        let base = Figment::from(Serialized::defaults(base));
        let mut environment = Figment::new();
        let mut layers = BTreeMap::new();
        let mut findings = Vec::new();
        for (name, value) in ours(variables) {
            let checked = checked(&known, &name, value).and_then(|(setting, value)| {
                let layer = Serialized::default(&setting, value);
                let alone = base.clone().merge(layer.clone()).extract::<Settings>();
                let fits = alone.map(|_| layer);
                fits.map(|layer| (setting, layer))
                    .map_err(|error| misfit(&name, &error))
            });
            match checked {
                Ok((setting, layer)) => {
                    environment = environment.merge(layer);
                    layers.insert(setting, Layer::Variable(name));
                }
                Err(finding) => findings.push(finding),
            }
        }
        let flags = Figment::from(Serialized::defaults(overrides));
        for path in paths(&serde_json::to_value(overrides).unwrap_or_default()) {
            layers.insert(path, Layer::Flags);
        }
        let settings = over(over(base, environment), flags)
            .extract::<Settings>()
            .map_err(|error| vec![Finding::new("config::setting", error.to_string())])?;
        if let Err(finding) = DumpName::parse(&settings.dump_name) {
            let layer = layers.get(DUMP_NAME).map(|layer| match layer {
                Layer::Variable(_) => layer.to_string(),
                Layer::Flags => "`--target-pattern`".to_owned(),
            });
            findings.push(match layer {
                Some(layer) => Finding {
                    message: format!("{layer} does not fit: {}", finding.message),
                    ..finding
                },
                None => finding,
            });
        }
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
fn known_variables() -> BTreeMap<String, String> {
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

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;
    use std::time::Duration;

    use super::*;
    use crate::codecs::Codec;
    use crate::config::job_file::rules::{PauseMode, Services, Window};
    use crate::config::scope::Scope;
    use crate::config::settings::{CompressionOverride, ReaderChoice, SpoolMode};
    use crate::config::size::Size;
    use crate::config::span::Span;

    fn load(variables: &[(&str, &str)], overrides: &Overrides) -> Result<Settings, Vec<Finding>> {
        over_base(&Settings::default(), variables, overrides).map(|layered| layered.settings)
    }

    fn over_base(
        base: &Settings,
        variables: &[(&str, &str)],
        overrides: &Overrides,
    ) -> Result<Layered, Vec<Finding>> {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Layered::new(base, variables, overrides)
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
            ("COMPOSE_DUMP_SCOPES", "config, volumes"),
            ("COMPOSE_DUMP_SERVICES", "web,db"),
            ("COMPOSE_DUMP_CONFIG__OUTSIDE", "true"),
            ("COMPOSE_DUMP_CONFIG__RESOLVE_SYMLINKS", "true"),
            ("COMPOSE_DUMP_CONFIG__DOCKERIGNORE", "false"),
            ("COMPOSE_DUMP_PAUSE__DEFAULT", "none"),
            ("COMPOSE_DUMP_PAUSE__WINDOW", "volume"),
            ("COMPOSE_DUMP_PAUSE__MAX_DOWNTIME", "30m"),
            ("COMPOSE_DUMP_LOCK_WAIT", "0s"),
            ("COMPOSE_DUMP_STRICT", "true"),
            ("COMPOSE_DUMP_STATE_DIR", "is no setting of a job"),
            ("COMPOSE_DUMP_SHRINK_GUARD", "20%"),
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
        assert_eq!(settings.scopes, [Scope::Config, Scope::Volumes]);
        let services = Services::Named(vec!["web".into(), "db".into()]);
        assert_eq!(settings.services, services);
        let config = settings.config;
        assert!(config.outside && config.resolve_symlinks && !config.dockerignore);
        let pause = settings.pause;
        assert_eq!(
            (pause.default, pause.window),
            (PauseMode::None, Window::Volume)
        );
        let half_an_hour = Span(Duration::from_secs(30 * 60));
        assert_eq!(pause.max_downtime, Some(half_an_hour));
        assert_eq!(settings.lock_wait, Span(Duration::ZERO));
        assert!(settings.strict);
        assert_eq!(settings.shrink_guard.to_string(), "20%");
        assert_eq!(known_variables().len(), 21, "twenty, and one short form");
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
            ..Overrides::default()
        };
        let variables = [
            ("COMPOSE_DUMP_COMPRESSION", "zst"),
            ("COMPOSE_DUMP_COMPRESSION__LEVEL", "3"),
            ("COMPOSE_DUMP_DUMP_NAME", "y-{id}"),
        ];
        let settings = load(&variables, &overrides).expect("settings");
        assert_eq!(settings.compression.codec, Some(Codec::Gz));
        assert_eq!(settings.compression.level, None, "3 is a level of zst");
        assert_eq!(settings.dump_name, "x-{id}");
    }

    #[test]
    fn variables_and_flags_lie_over_the_job_and_are_remembered() {
        let mut job = Settings::default();
        job.compression.codec = Some(Codec::Zst);
        job.compression.level = Some(19);
        job.reader = ReaderChoice::Direct;
        job.host = Some("web-1".into());
        let variables = [
            ("COMPOSE_DUMP_COMPRESSION", "zst"),
            ("COMPOSE_DUMP_READER", "engine"),
        ];
        let overrides = Overrides {
            scopes: Some(vec![Scope::Config]),
            ..Overrides::default()
        };
        let layered = over_base(&job, &variables, &overrides).expect("settings");
        let settings = layered.settings;
        assert_eq!(settings.compression.level, Some(19), "the same codec");
        assert_eq!(settings.reader, ReaderChoice::Engine);
        assert_eq!(settings.host.as_deref(), Some("web-1"));
        assert_eq!(settings.scopes, [Scope::Config]);
        assert_eq!(layered.layers["scopes"], Layer::Flags);
        let reader = &layered.layers["reader"];
        assert_eq!(
            reader.to_string(),
            "the environment variable `COMPOSE_DUMP_READER`"
        );
        assert!(!layered.layers.contains_key("host"));

        let variables = [("COMPOSE_DUMP_COMPRESSION", "gz")];
        let layered = over_base(&job, &variables, &Overrides::default()).expect("settings");
        assert_eq!(layered.settings.compression.level, None, "19 is none of gz");
    }

    #[test]
    fn switches_and_lists_are_checked() {
        for (name, value) in [
            ("COMPOSE_DUMP_STRICT", "yes"),
            ("COMPOSE_DUMP_CONFIG__OUTSIDE", "1"),
            ("COMPOSE_DUMP_SCOPES", "config,volume"),
            ("COMPOSE_DUMP_PAUSE__DEFAULT", "halt"),
            ("COMPOSE_DUMP_LOCK_WAIT", "soon"),
        ] {
            let findings = findings(&[(name, value)]);
            assert_eq!(findings.len(), 1, "{name}");
            assert!(findings[0].message.contains(name), "{findings:?}");
        }
        let settings = of(&[("COMPOSE_DUMP_SERVICES", "all")]);
        assert_eq!(settings.services, Services::All);
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
        let refused = Layered::new(&Settings::default(), variables, &Overrides::default());
        let findings = refused.expect_err("a finding");
        assert!(findings[0].message.contains("`COMPOSE_DUMP_SPOOL__DIR`"));
    }

    #[test]
    fn a_wrong_dump_name_names_its_layer() {
        let found = findings(&[("COMPOSE_DUMP_DUMP_NAME", "a/{id}")]);
        let message = "the environment variable `COMPOSE_DUMP_DUMP_NAME` does not fit: \
                       the dump name pattern `a/{id}` holds `/`";
        assert_eq!(found[0].message, message);
        assert_eq!(found[0].code, "config::name_character");
        let flags = Overrides {
            dump_name: Some("x".into()),
            ..Overrides::default()
        };
        let found = load(&[], &flags).expect_err("a finding");
        assert!(
            found[0]
                .message
                .starts_with("`--target-pattern` does not fit: ")
        );
    }

    #[test]
    fn what_stands_in_the_file_only_is_not_taken_for_a_slip() {
        let help = |name: &str| findings(&[(name, "x")])[0].help.clone();
        for (name, key) in [
            ("COMPOSE_DUMP_VOLUMES", "volumes"),
            ("COMPOSE_DUMP_TARGETS__NAS__PATH", "targets"),
            ("COMPOSE_DUMP_PAUSE__SERVICES__DB", "pause.services"),
        ] {
            let wanted = format!("unset it: `{key}` stands in the file only");
            assert_eq!(help(name), Some(wanted), "{name}");
        }
        let slip = help("COMPOSE_DUMP_SCOPE").expect("help");
        assert_eq!(slip, "did you mean `COMPOSE_DUMP_SCOPES`?");
    }
}
