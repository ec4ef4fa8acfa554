//! The scripts, run by a shell with stubs in place of the programs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::*;

/// What each program of a database would do: tell what it was called with and what it knows.
const STUB: &str = r#"#!/bin/sh
echo "$(basename "$0") $*"
echo "env ${PGPASSWORD:-} ${MYSQL_PWD:-} ${REDISCLI_AUTH:-}"
while [ $# -gt 0 ]; do
    [ "$1" != --config ] || cat "$2"
    [ "$1" != --rdb ] || echo stored >"$2"
    shift
done
"#;

/// Runs a preset's script where its programs are stubs, with these variables alone.
fn run(folder: &Path, preset: &Preset, script: &str, variables: &[(&str, &str)]) -> String {
    for program in [
        "pg_dumpall",
        "mariadb-dump",
        "mariadb",
        "mongodump",
        "redis-cli",
    ] {
        let path = folder.join(program);
        fs::write(&path, STUB).expect("a stub");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let words = preset.words(script, None);
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let output = Command::new(&words[0])
        .args(&words[1..])
        .env_clear()
        .env("PATH", path)
        .envs(variables.iter().copied())
        .output()
        .expect("there is a shell");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn credentials_come_from_variables_or_files_and_are_no_arguments() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    fs::write(&file, "it's secret\n").expect("a file");
    let file = file.to_str().expect("ASCII");
    let cases = [
        ("postgres", "POSTGRES_PASSWORD", "POSTGRES_USER", "me"),
        ("mysql", "MARIADB_ROOT_PASSWORD", "MARIADB_DATABASE", "root"),
        ("mysql", "MYSQL_ROOT_PASSWORD", "MYSQL_DATABASE", "root"),
        (
            "mongo",
            "MONGO_INITDB_ROOT_PASSWORD",
            "MONGO_INITDB_ROOT_USERNAME",
            "me",
        ),
        ("redis", "REDIS_PASSWORD", "X", ""),
        ("valkey", "VALKEY_PASSWORD", "X", ""),
    ];
    for (name, password, user, as_user) in cases {
        let preset = Preset::of_name(name).expect("a preset");
        let by_file = format!("{password}_FILE");
        for (variable, value) in [(password, "it's secret"), (&*by_file, file)] {
            let said = run(
                folder.path(),
                preset,
                preset.command,
                &[(variable, value), (user, "me")],
            );
            let (called, knows) = said.split_once('\n').unwrap_or_default();
            assert!(called.contains(as_user), "{name} {variable}: {said}");
            assert!(!called.contains("secret"), "{name} {variable}: {said}");
            let quoted = if name == "mongo" {
                "password: 'it''s secret'"
            } else {
                "it's secret"
            };
            assert!(knows.contains(quoted), "{name} {variable}: {said}");
        }
        let said = run(
            folder.path(),
            preset,
            preset.command,
            &[(&by_file, "/no/such"), (user, "me")],
        );
        assert!(said.contains("/no/such"), "{name}: {said}");
        assert!(
            !said.contains("env"),
            "{name} goes on without its password: {said}"
        );
    }
}

#[test]
fn without_a_root_password_the_database_of_the_user_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let mysql = Preset::of_name("mariadb").expect("a preset");
    let user = [
        ("MYSQL_DATABASE", "shop"),
        ("MYSQL_USER", "clerk"),
        ("MYSQL_PASSWORD", "x"),
    ];
    let said = run(folder.path(), mysql, mysql.command, &user);
    assert!(
        said.contains("--user clerk") && said.contains("--databases shop"),
        "{said}"
    );
    let none = [
        ("MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "1"),
        ("MARIADB_DATABASE", "shop"),
    ];
    let said = run(folder.path(), mysql, mysql.command, &none);
    assert!(
        said.contains("--user root") && said.contains("--all-databases"),
        "{said}"
    );
}

#[test]
fn the_table_is_one_that_shells_and_people_can_read() {
    let mut names = BTreeSet::new();
    for preset in &PRESETS {
        for script in [preset.command, preset.load] {
            let checked = Command::new("sh").args(["-n", "-c", script]).status();
            assert!(checked.expect("there is a shell").success(), "{preset:?}");
        }
        assert!(preset.names.iter().all(|name| names.insert(*name)));
    }
    let of = |image: &str| Preset::of_image(image).map(Preset::name);
    assert_eq!(of("hub:5000/a/Postgres:16@sha256:0"), Some("postgres"));
    assert_eq!(of("bitnami/mariadb-galera:11"), Some("mysql"));
    assert_eq!(of("valkey/valkey:8"), Some("redis"));
    assert_eq!((of("mysql-team/web:1"), of("nginx:mongo")), (None, None));
}
