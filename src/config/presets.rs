//! Databases whose commands are known: one table, and nothing about any of them elsewhere.
//!
//! The commands are scripts for the shell of the service's own container, and take credentials from its
//! own environment, as the images take them: `NAME`, or the file that `NAME_FILE` names. A password goes
//! to a program through its environment or a file that only its user can read, never as an argument.

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

macro_rules! postgres {
    () => {
        concat!(
            secret!(),
            r#"user=$(secret POSTGRES_USER POSTGRESQL_USERNAME); user=${user:-postgres}
PGPASSWORD=$(secret POSTGRES_POSTGRES_PASSWORD POSTGRESQL_POSTGRES_PASSWORD POSTGRES_PASSWORD POSTGRESQL_PASSWORD)
[ -z "$PGPASSWORD" ] || export PGPASSWORD
"#
        )
    };
}

/// As root, all databases; where root's password is not known, the one database of the user.
macro_rules! mysql {
    () => {
        concat!(
            secret!(),
            r#"find() { command -v "$1" || command -v "$2" || { echo "neither $1 nor $2 is here" >&2; return 1; }; }
user=root password=$(secret MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD) database=
if [ -z "$password" ] && [ -z "${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-}${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ]; then
    database=$(secret MARIADB_DATABASE MYSQL_DATABASE)
    if [ -n "$database" ]; then
        user=$(secret MARIADB_USER MYSQL_USER) password=$(secret MARIADB_PASSWORD MYSQL_PASSWORD)
    fi
fi
[ -z "$password" ] || export MYSQL_PWD="$password"
"#
        )
    };
}

/// The password is in a file that is gone when the command is.
macro_rules! mongo {
    () => {
        concat!(
            secret!(),
            r#"umask 077
config=$(mktemp); trap 'rm -f "$config"' EXIT
user=$(secret MONGO_INITDB_ROOT_USERNAME MONGODB_ROOT_USER)
if [ -n "$user" ]; then
    password=$(secret MONGO_INITDB_ROOT_PASSWORD MONGODB_ROOT_PASSWORD)
    printf '%s\n' "$password" | sed "s/'/''/g; 1s/^/password: '/; \$s/\$/'/" >"$config"
    set -- --config "$config" --authenticationDatabase admin --username "$user"
else
    set --
fi
"#
        )
    };
}

macro_rules! redis {
    () => {
        concat!(
            secret!(),
            r#"cli=$(command -v valkey-cli || command -v redis-cli)
password=$(secret REDISCLI_AUTH VALKEY_PASSWORD REDIS_PASSWORD)
[ -z "$password" ] || export REDISCLI_AUTH="$password"
"#
        )
    };
}

/// Every preset. The first whose images a service's image resembles is the one for it.
pub const PRESETS: [Preset; 5] = [
    Preset {
        names: &["postgres"],
        title: "PostgreSQL",
        images: &["postgres", "postgis", "timescaledb", "pgvector"],
        file: "all.sql",
        command: concat!(
            postgres!(),
            r#"exec pg_dumpall --no-password --username "$user" --clean --if-exists"#
        ),
        // The role that loads cannot drop and create itself; it is there, and its other attributes are
        // set. Only the part before the first database speaks of roles.
        load: concat!(
            postgres!(),
            r#"export LC_ALL=C
sed -e '1,/^\\connect /{' \
    -e "/^DROP ROLE IF EXISTS \"\{0,1\}$user\"\{0,1\};\$/d" \
    -e "/^CREATE ROLE \"\{0,1\}$user\"\{0,1\};\$/d" -e '}' |
    psql --no-password --no-psqlrc --quiet --output /dev/null --set ON_ERROR_STOP=1 --username "$user" --dbname postgres"#
        ),
        data: &[
            "/var/lib/postgresql/data",
            "/var/lib/postgresql",
            "/bitnami/postgresql",
        ],
        is_file: false,
    },
    Preset {
        names: &["mysql", "mariadb"],
        title: "MariaDB or MySQL",
        images: &["mariadb", "mysql", "percona"],
        file: "all.sql",
        command: concat!(
            mysql!(),
            r#"if [ -n "$database" ]; then
    set -- --no-tablespaces --databases "$database"
else
    set -- --all-databases --events --flush-privileges
fi
program=$(find mariadb-dump mysqldump)
exec "$program" --user "$user" --single-transaction --quick --routines --triggers --hex-blob \
    --default-character-set=utf8mb4 "$@""#
        ),
        load: concat!(
            mysql!(),
            r#"program=$(find mariadb mysql)
exec "$program" --user "$user" --default-character-set=utf8mb4"#
        ),
        data: &["/var/lib/mysql", "/bitnami/mariadb", "/bitnami/mysql"],
        is_file: false,
    },
    Preset {
        names: &["mongo"],
        title: "MongoDB",
        images: &["mongo"],
        file: "all.archive",
        command: concat!(mongo!(), r#"mongodump --archive "$@""#),
        load: concat!(
            mongo!(),
            r#"mongorestore --archive --drop --stopOnError "$@""#
        ),
        data: &["/data/db", "/bitnami/mongodb"],
        is_file: false,
    },
    Preset {
        names: &["redis", "valkey"],
        title: "Redis or Valkey",
        images: &["redis", "valkey"],
        file: "dump.rdb",
        // A program that is not told to be quiet tells its progress on standard output where that is
        // no file of its own, so it gets one.
        command: concat!(
            redis!(),
            r#"umask 077
file=$(mktemp); trap 'rm -f "$file"' EXIT
"$cli" --rdb "$file" >&2
cat "$file""#
        ),
        // Nothing but a replica takes such a file while it runs: a second server reads it and is
        // followed until both are the same.
        load: concat!(
            redis!(),
            r#"server=$(command -v valkey-server || command -v redis-server)
umask 077
folder=$(mktemp -d); port=16379
second() { env -u REDISCLI_AUTH "$cli" -p "$port" "$@"; }
trap 'second SHUTDOWN NOSAVE >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
cat >"$folder/dump.rdb"
[ "$(head -c 5 "$folder/dump.rdb")" = REDIS ] || { echo "this is no RDB file" >&2; exit 1; }
"$server" --port "$port" --bind 127.0.0.1 --dir "$folder" --dbfilename dump.rdb --save '' --appendonly no \
    --daemonize yes --logfile "$folder/log" >/dev/null
until [ "$(second PING 2>/dev/null)" = PONG ]; do
    sleep 0.2
    # A file that cannot be read ends the server.
    ! grep -q -i -e 'fatal' -e 'corrupt' -e 'short read' "$folder/log" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
done
auth=$("$cli" CONFIG GET masterauth | tail -n 1)
"$cli" CONFIG SET masterauth '' >/dev/null
"$cli" REPLICAOF 127.0.0.1 "$port" >/dev/null
until "$cli" INFO replication | grep -q '^master_link_status:up'; do sleep 0.2; done
"$cli" REPLICAOF NO ONE >/dev/null
[ -z "$auth" ] || "$cli" CONFIG SET masterauth "$auth" >/dev/null"#
        ),
        data: &["/data", "/bitnami/redis/data", "/bitnami/valkey/data"],
        is_file: false,
    },
    Preset {
        names: &["sqlite"],
        title: "SQLite",
        images: &[],
        file: "app.sqlite",
        command: concat!(
            secret!(),
            r#"umask 077
[ -s "$1" ] || { echo "there is no database $1" >&2; exit 1; }
file=$(mktemp); trap 'rm -f "$file"' EXIT
sqlite3 -bail -cmd '.timeout 60000' "$1" ".backup '$file'"
cat "$file""#
        ),
        load: concat!(
            secret!(),
            r#"umask 077
file=$(mktemp); trap 'rm -f "$file"' EXIT
cat >"$file"
[ "$(sqlite3 -bail "$file" 'PRAGMA integrity_check')" = ok ] || { echo "this is no whole database" >&2; exit 1; }
sqlite3 -bail -cmd '.timeout 60000' "$1" ".restore '$file'""#
        ),
        data: &[],
        is_file: true,
    },
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

#[cfg(test)]
mod tests {
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
}
