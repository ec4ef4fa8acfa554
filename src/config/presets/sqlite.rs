//! SQLite: one database file, read and replaced by way of its own backup interface.

use super::Preset;

/// The row of the table.
pub(super) const PRESET: Preset = Preset {
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
};
