//! MongoDB: every database of a server, as one archive of `mongodump`.

use super::Preset;

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

/// The row of the table.
pub(super) const PRESET: Preset = Preset {
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
};
