//! Every setting by its variable, what lies over what, and what is said of variables that are wrong.

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
        ("COMPOSE_DUMP_VOLUMES_AT_ONCE", "3"),
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
    assert_eq!(settings.volumes_at_once.number().get(), 3);
    assert_eq!(settings.shrink_guard.to_string(), "20%");
    assert_eq!(
        variables::known().len(),
        22,
        "twenty-one, and one short form"
    );
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
        ("COMPOSE_DUMP_VOLUMES_AT_ONCE", "17"),
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
        "VOLUMES_AT_ONCE",
    ] {
        assert!(named(name), "{name}: {findings:#?}");
    }
    assert_eq!(findings.len(), 8);
    assert_eq!(findings[7].code, "config::name_not_unique");
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
