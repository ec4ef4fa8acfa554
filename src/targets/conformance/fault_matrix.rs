//! Each fault of a store in each step of a dump: either the dump is there and whole, or nothing of it
//! is listed. Printed as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};

use super::bench::{Bench, Case, Kind};
use super::faulty::{Fault, Faulty, Step};
use super::sample::{SampleStream, entries, write_stream};
use crate::archive::manifest::model::{MemberKind, Source};
use crate::archive::manifest::{Draft, Manifest, Sha256Digest, samples};
use crate::codecs::Codec;
use crate::targets::open::SpoolMode;
use crate::targets::{DumpWriter, StreamHead, TargetError};

/// How a dump has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Nothing,
    /// The fault never came: the dump makes fewer such requests.
    NoSuchStep,
}

#[test]
fn every_fault_in_every_step_ends_whole_or_with_nothing_listed() {
    let mut wrong = Vec::new();
    for kind in [Kind::StoreTree, Kind::StoreArchive] {
        let mut table = format!("{kind:?}\n{:<16}", "");
        for step in Step::ALL {
            write!(table, "{:>12}", format!("{step:?}")).unwrap();
        }
        for fault in Fault::ALL {
            write!(table, "\n{:<16}", format!("{fault:?}")).unwrap();
            for step in Step::ALL {
                let mut ends = Vec::new();
                // How a store treats conditions is no matter of the step.
                let once = fault.is_trait_of_store() && step != Step::Claim;
                for nth in [1, 2].into_iter().filter(|_| !once) {
                    match end(kind, step, fault, nth) {
                        Ok(end) => ends.push(end),
                        Err(why) => wrong.push(format!("{kind:?} {step:?} {fault:?} {nth}: {why}")),
                    }
                }
                write!(table, "{:>12}", word(&ends)).unwrap();
            }
        }
        // For whoever runs it with `--nocapture`.
        #[allow(clippy::print_stdout)]
        {
            println!("{table}\n");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn word(ends: &[End]) -> &'static str {
    let (whole, nothing) = (ends.contains(&End::Whole), ends.contains(&End::Nothing));
    match (whole, nothing) {
        (true, false) => "whole",
        (false, true) => "nothing",
        (true, true) => "either",
        (false, false) => "-",
    }
}

/// A volume of several parts and two objects.
fn volume() -> SampleStream {
    let data: Vec<u8> = (0..300_000_u32).map(|at| (at / 7) as u8).collect();
    SampleStream {
        head: StreamHead {
            path: "volumes/project/db.tar".to_owned(),
            raw_bytes: Some(data.len() as u64),
            compress: true,
        },
        data,
    }
}

/// A tree of two entries, and the volume.
fn write(writer: &mut dyn DumpWriter) -> Result<(), TargetError> {
    for sample in &entries()[..2] {
        writer.entry(&sample.entry)?;
        writer.end()?;
    }
    write_stream(writer, &volume())?;
    writer.released()
}

fn draft() -> Draft {
    let volume = volume();
    let source = Source::ProjectVolume {
        name: "db".to_owned(),
    };
    Draft {
        members: vec![samples::member(
            &volume.head.path,
            MemberKind::Tar,
            source,
            &volume.data,
        )],
        ..samples::minimal()
    }
}

/// Writes the dump, and looks what is there.
fn end(kind: Kind, step: Step, fault: Fault, nth: u32) -> Result<End, String> {
    let case = Case {
        kind,
        codec: Codec::None,
        spool: SpoolMode::UnknownSize,
    };
    let bench = Bench::in_store(case, Faulty::new(step, fault, nth));
    let written = bench
        .open()
        .and_then(|mut writer| match write(&mut *writer) {
            Ok(()) => writer.finish(&draft()),
            Err(error) => {
                writer.abort();
                Err(error)
            }
        });
    let store = bench.store();
    let objects = bench.block_on(objects(&store));
    let markers: Vec<&String> = objects
        .keys()
        .filter(|name| name.to_lowercase().ends_with("manifest.yml"))
        .collect();
    for marker in &markers {
        whole(marker, &objects)?;
    }
    let struck = store.has_struck() || fault.is_trait_of_store();
    match written {
        Ok(_) if markers.len() != 1 => Err(format!("published, and {markers:?} are there")),
        // A key that may not remove anything is one to write with.
        Ok(_) if store.open_uploads() > 0 && step != Step::Create => {
            Err("an upload is left beside the dump".to_owned())
        }
        Ok(_) if !struck => Ok(End::NoSuchStep),
        Ok(_) => Ok(End::Whole),
        Err(error) if fault.passes() => Err(format!("failed: {}", chain(&error))),
        Err(_) if !markers.is_empty() => Err("failed, and there is a marker".to_owned()),
        Err(_) => {
            let can_remove = step != Step::Remove && fault != Fault::Expired;
            if can_remove && (store.open_uploads() > 0 || !objects.is_empty()) {
                let names: Vec<&String> = objects.keys().collect();
                return Err(format!("failed, and {names:?} are left"));
            }
            Ok(End::Nothing)
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// All objects by their names.
pub(super) async fn objects(store: &Arc<Faulty>) -> BTreeMap<String, Vec<u8>> {
    let metas: Vec<_> = store.inner.list(None).try_collect().await.unwrap();
    let mut objects = BTreeMap::new();
    for meta in metas {
        let content = store.inner.get(&meta.location).await.unwrap();
        let content = content.bytes().await.unwrap().to_vec();
        objects.insert(meta.location.to_string(), content);
    }
    objects
}

/// Whether everything that a marker names is there with its digest.
fn whole(marker: &str, objects: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let manifest = Manifest::parse(&objects[marker]).map_err(|error| error.to_string())?;
    let below = &marker[..=marker.rfind('/').unwrap()];
    let check = |path: &str, bytes: u64, sha256: Sha256Digest| {
        let mut content = Vec::new();
        match manifest.segments.get(path) {
            Some(segments) => {
                for segment in segments {
                    let found = objects.get(&format!("{below}{}", segment.path));
                    let found = found.ok_or_else(|| format!("`{}` is missing", segment.path))?;
                    content.extend_from_slice(found);
                }
            }
            None => {
                let found = objects.get(&format!("{below}{path}"));
                content.extend_from_slice(found.ok_or_else(|| format!("`{path}` is missing"))?);
            }
        }
        let found = Sha256Digest::from(Sha256::new_with_prefix(&content));
        if (content.len() as u64, found) != (bytes, sha256) {
            return Err(format!("`{path}` is not what its manifest says"));
        }
        Ok(())
    };
    if let Some(archive) = &manifest.archive {
        return check(&archive.file, archive.bytes, archive.sha256);
    }
    for tree in &manifest.trees {
        check(&tree.path, tree.bytes, tree.sha256)?;
    }
    for member in &manifest.members {
        if let Some(index) = &member.index {
            check(&index.path, index.bytes, index.sha256)?;
        } else {
            check(&member.path, member.bytes, member.sha256)?;
        }
    }
    Ok(())
}
