//! Which services look like databases, by the name of their image.

use crate::compose::{MountKind, Service};
use crate::config::presets::image_name;

/// A part of an image's name, what the service is then, and how its files recover.
const TABLE: [(&str, &str, &str); 10] = [
    ("postgres", "PostgreSQL", LOG),
    ("postgis", "PostgreSQL", LOG),
    ("timescaledb", "PostgreSQL", LOG),
    ("mariadb", "MariaDB", LOG),
    ("mysql", "MySQL", LOG),
    ("percona", "MySQL", LOG),
    ("mongo", "MongoDB", LOG),
    ("redis", "Redis", SNAPSHOT),
    ("valkey", "Valkey", SNAPSHOT),
    ("keydb", "KeyDB", SNAPSHOT),
];

const LOG: &str = "its files are what a power cut leaves, from which it recovers";
const SNAPSHOT: &str = "what it has not saved to its files yet is not in the dump";

/// What to know of the service if it looks like a database with files of its own.
pub(super) fn hint(service: &Service) -> Option<String> {
    let writes = |kind: MountKind| matches!(kind, MountKind::Volume | MountKind::Bind);
    let mut mounts = service.mounts.iter();
    if !mounts.any(|mount| writes(mount.kind) && !mount.read_only) {
        return None;
    }
    let name = image_name(service.image.as_deref()?).to_ascii_lowercase();
    let (_, database, advice) = TABLE.iter().find(|(part, _, _)| name.contains(part))?;
    Some(format!("{database}: {advice}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::compose::Mount;

    #[test]
    fn an_image_tells_by_the_last_part_of_its_name() {
        let hint_of = |image: &str, read_only| {
            let mount = Mount {
                kind: MountKind::Volume,
                source: None,
                target: "/data".to_owned(),
                read_only,
                subpath: None,
                named_by: String::new(),
            };
            hint(&Service {
                image: Some(image.to_owned()),
                mounts: vec![mount],
                ..Service::default()
            })
        };
        let of = |image: &str| {
            hint_of(image, false).map(|hint| hint.split(':').next().unwrap().to_owned())
        };
        assert_eq!(of("postgres").as_deref(), Some("PostgreSQL"));
        assert_eq!(
            of("hub:5000/a/Postgres:16@sha256:0").as_deref(),
            Some("PostgreSQL")
        );
        assert_eq!(of("bitnami/mariadb-galera:11").as_deref(), Some("MariaDB"));
        assert_eq!(of("redis:7-alpine").as_deref(), Some("Redis"));
        assert_eq!(of("mysql-team/web:1"), None);
        assert_eq!(of("nginx:mongo"), None);
        assert_eq!(hint_of("postgres", true), None);
    }
}
