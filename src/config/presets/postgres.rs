//! PostgreSQL: every database and role of a server, by `pg_dumpall`.

use super::Preset;

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

/// The row of the table.
pub(super) const PRESET: Preset = Preset {
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
};
