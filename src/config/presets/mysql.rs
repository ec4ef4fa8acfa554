//! MariaDB and MySQL: every database of a server, or the one of its user.

use super::Preset;

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

/// The row of the table.
pub(super) const PRESET: Preset = Preset {
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
};
