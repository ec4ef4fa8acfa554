//! Drafts that tests share: one that uses every field, one that uses as few as there can be.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::json;

use super::model::{
    ArchiveFile, Compose, ComposeFile, Fidelity, Held, Hold, IndexFile, LeftOut, MemberKind, Meta,
    Project, Reader, Segment, Series, Service, Source, TreeFile, Volume,
};
use super::{Draft, DraftMember, Sha256Digest, Stored, StoredDump};

fn map<V>(pairs: impl IntoIterator<Item = (&'static str, V)>) -> BTreeMap<String, V> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// A draft without members, of a project without anything.
pub(crate) fn minimal() -> Draft {
    Draft {
        id: "5f0c2a91d3e4b607".to_owned(),
        project: Project {
            name: "blog".to_owned(),
            id: "web-1/blog/0a1b2c3d".to_owned(),
            folder: "/srv/blog".to_owned(),
        },
        series: Series {
            project: "web-1/blog/0a1b2c3d".to_owned(),
            job: "default".to_owned(),
        },
        meta: Meta {
            invocation_time: "2026-11-23T01:42:05Z".parse().unwrap(),
            finish_time: "2026-11-23T01:43:10.5Z".parse().unwrap(),
            host: "web-1".to_owned(),
            uid: 0,
            gid: 0,
            version: "0.1.0".to_owned(),
            options: BTreeMap::new(),
        },
        compose: Compose::default(),
        members: Vec::new(),
        held: Vec::new(),
        left_out: Vec::new(),
        failed: Vec::new(),
        missing_volumes: Vec::new(),
        warnings: Vec::new(),
        complete: true,
    }
}

/// The marker of an archive `file` with this content.
pub(crate) fn marker(file: &str, content: &[u8]) -> Vec<u8> {
    let stored = StoredDump {
        archive: Some(ArchiveFile {
            file: file.to_owned(),
            bytes: content.len() as u64,
            sha256: Sha256Digest::of(content),
        }),
        ..StoredDump::default()
    };
    minimal().render(&stored).unwrap()
}

/// A member of `path` with the given content; everything optional is absent.
pub(crate) fn member(path: &str, kind: MemberKind, source: Source, content: &[u8]) -> DraftMember {
    DraftMember {
        path: path.to_owned(),
        kind,
        source,
        raw_bytes: content.len() as u64,
        raw_sha256: Sha256Digest::of(content),
        entries: None,
        reader: Reader::Direct,
        fidelity: Fidelity::Full,
        warnings: Vec::new(),
        index: None,
        volume: None,
    }
}

/// A draft in which every field has a value and every kind of source occurs, and a fitting store.
pub(crate) fn exhaustive() -> (Draft, StoredDump) {
    let members = members();
    let draft = Draft {
        meta: Meta {
            options: map([
                ("scopes", json!(["config", "mounted", "volumes", "exports"])),
                ("compression", json!("zst")),
                ("pause", json!(true)),
            ]),
            ..minimal().meta
        },
        compose: Compose {
            files: vec![ComposeFile {
                path: "compose.yaml".to_owned(),
                sha256: Sha256Digest::of(b"services: {}\n"),
            }],
            services: map([("web", service())]),
        },
        held: vec![Held {
            service: "web".to_owned(),
            container: "blog-web-1".to_owned(),
            how: Hold::Paused,
            members: vec!["volumes/project/db.tar".to_owned()],
            from: "2026-11-23T01:42:30Z".parse().unwrap(),
            to: Some("2026-11-23T01:42:34Z".parse().unwrap()),
        }],
        left_out: vec![left_out("volume `shared`", "external")],
        failed: vec![left_out("volume `tmp`", "the stream ended early")],
        warnings: vec!["a service of another project uses `db`".to_owned()],
        complete: false,
        ..minimal()
    };
    let draft = Draft { members, ..draft };
    let stored = store(&draft);
    (draft, stored)
}

fn left_out(what: &str, reason: &str) -> LeftOut {
    LeftOut {
        what: what.to_owned(),
        reason: reason.to_owned(),
    }
}

fn service() -> Service {
    Service {
        config_hash: Some("1f2e3d".to_owned()),
        image: Some("nginx:1.29".to_owned()),
        image_id: Some("sha256:aa11".to_owned()),
        digests: vec!["nginx@sha256:bb22".to_owned()],
    }
}

fn members() -> Vec<DraftMember> {
    let mut config = member(
        "config",
        MemberKind::Tree,
        Source::Config,
        b"f compose.yaml\n",
    );
    config.entries = Some(1);
    config.index = Some(IndexFile {
        path: "index/config.zst".to_owned(),
        bytes: 5,
        sha256: Sha256Digest::of(b"index"),
    });
    let mounted = Source::Mounted {
        path: "media".to_owned(),
    };
    vec![
        config,
        member("volumes/mounted/media", MemberKind::Tree, mounted, b""),
        project_volume(),
        service_volume(2),
        service_volume(1),
        export(),
        member(
            "config-outside",
            MemberKind::Tree,
            Source::ConfigOutside,
            b"",
        ),
    ]
}

fn project_volume() -> DraftMember {
    let source = Source::ProjectVolume {
        name: "db".to_owned(),
    };
    DraftMember {
        reader: Reader::Engine,
        fidelity: Fidelity::Engine,
        warnings: vec!["`log` grew while it was read".to_owned()],
        volume: Some(Volume {
            name: "blog_db".to_owned(),
            driver: "local".to_owned(),
            options: map([("type", "none".to_owned())]),
            labels: map([("com.docker.compose.volume", "db".to_owned())]),
        }),
        ..member(
            "volumes/project/db.tar",
            MemberKind::Tar,
            source,
            b"tar of db",
        )
    }
}

fn service_volume(replica: u32) -> DraftMember {
    let source = Source::ServiceVolume {
        service: "web".to_owned(),
        replica,
        path: "/var/cache".to_owned(),
    };
    let path = format!("volumes/services/web/{replica}-var-cache-0123abcd.tar");
    member(&path, MemberKind::Tar, source, b"cached")
}

fn export() -> DraftMember {
    let source = Source::Export {
        service: "db".to_owned(),
        name: "all.sql".to_owned(),
    };
    DraftMember {
        reader: Reader::Command,
        ..member(
            "exports/db/all.sql",
            MemberKind::Bytes,
            source,
            b"CREATE TABLE",
        )
    }
}

fn store(draft: &Draft) -> StoredDump {
    let mut dump = StoredDump {
        warnings: vec!["owners could not be set on 2 entries".to_owned()],
        archive: Some(ArchiveFile {
            file: "blog.tar.zst".to_owned(),
            bytes: 4096,
            sha256: Sha256Digest::of(b"archive"),
        }),
        trees: vec![TreeFile {
            root: "config".to_owned(),
            path: "config.tar.zst".to_owned(),
            bytes: 512,
            sha256: Sha256Digest::of(b"tree"),
        }],
        segments: [(
            "blog.tar.zst".to_owned(),
            vec![
                Segment {
                    path: "blog.tar.zst".to_owned(),
                    bytes: 4000,
                },
                Segment {
                    path: "blog.tar.zst.0001".to_owned(),
                    bytes: 96,
                },
            ],
        )]
        .into(),
        ..StoredDump::default()
    };
    for member in &draft.members {
        if let Some(index) = &member.index {
            let stored = Stored {
                path: index.path.clone(),
                bytes: index.bytes,
                sha256: None,
            };
            dump.streams.insert(index.path.clone(), stored);
        }
        if member.kind != MemberKind::Tree {
            let stored = Stored {
                path: format!("{}.zst", member.path),
                bytes: 3,
                sha256: Some(Sha256Digest::of(b"zst")),
            };
            dump.streams.insert(member.path.clone(), stored);
        }
    }
    dump
}
