//! Where volumes stand in a dump: readable names that cannot leave their folder, each its own.

use std::collections::BTreeSet;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::model::{VolumeKind, VolumePlan};

/// Gives each taken volume a member of its own. Two get the same one where a container is being
/// replaced by its successor, or where labels hold what is no Compose key.
pub(super) fn set_apart(rows: &mut [VolumePlan]) {
    let mut members = BTreeSet::new();
    for row in rows {
        let Some(member) = &mut row.member else {
            continue;
        };
        if !members.insert(member.clone()) {
            let stem = member.strip_suffix(".tar").unwrap_or(member);
            let name = row.name.as_deref().unwrap_or_default();
            *member = format!("{stem}-{}.tar", short_hash(name));
            members.insert(member.clone());
        }
    }
}

/// Where a volume's tar stands in the dump.
pub(super) fn member_of(kind: &VolumeKind) -> String {
    match kind {
        VolumeKind::Project { key } => format!("volumes/project/{}.tar", file_name(key)),
        VolumeKind::Service {
            service,
            replica,
            path,
        } => {
            let hash = short_hash(path);
            let readable = file_name(path.trim_matches('/'));
            format!(
                "volumes/services/{}/{replica}-{readable}-{hash}.tar",
                file_name(service)
            )
        }
    }
}

fn short_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let bytes = digest.iter().take(4);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// A text as part of a file name: what is not a letter, a digit or one of `._-` becomes `_`, and a
/// long one is cut. Names that differ stay apart by the hash behind them, or are Compose keys, which
/// hold nothing else.
fn file_name(text: &str) -> String {
    let safe = |character: char| {
        if character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-') {
            character
        } else {
            '_'
        }
    };
    let name: String = text.chars().map(safe).take(100).collect();
    if Path::new(&name).file_name().is_some() {
        name
    } else {
        format!("_{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_readable_names_that_cannot_leave_their_folder() {
        let project = |key: &str| {
            member_of(&VolumeKind::Project {
                key: key.to_owned(),
            })
        };
        assert_eq!(project("db-data"), "volumes/project/db-data.tar");
        assert_eq!(project(".."), "volumes/project/_...tar");
        let service = VolumeKind::Service {
            service: "web".into(),
            replica: 2,
            path: "/var/lib/x y".into(),
        };
        // printf '/var/lib/x y' | sha256sum | cut -c1-8
        assert_eq!(
            member_of(&service),
            "volumes/services/web/2-var_lib_x_y-bf131320.tar"
        );
    }
}
