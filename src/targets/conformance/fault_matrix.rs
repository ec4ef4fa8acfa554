//! Each fault of a store in each step of a dump: either the dump is there and whole, or nothing of it
//! is listed. Printed as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::backing::{Backend, Backing};
use super::bench::{Bench, Case, Kind};
use super::faulty::FAULTS;
use super::sample::{SampleStream, entries, write_stream};
use crate::archive::manifest::model::{MemberKind, Source};
use crate::archive::manifest::{Draft, Manifest, Sha256Digest, samples};
use crate::codecs::Codec;
use crate::store::Patience;
use crate::store::tests::script::{Fault, Script, Step};
use crate::store::tests::server::PATIENCE;
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
    let ends = |kind, step, fault: Fault| {
        // How a store treats conditions is no matter of the step.
        let once = fault.is_trait_of_store() && step != Step::Claim;
        let times = [1, 2].into_iter().filter(move |_| !once);
        times.map(move |nth| end(Backend::Memory, kind, (step, fault, nth), PATIENCE))
    };
    check(&FAULTS, ends);
}

/// What the library makes of an answer, a connection that is cut or one that stands still is known only
/// where there is HTTP. A request costs more there: once each, in the steps that write.
#[test]
fn every_fault_of_the_network_ends_whole_or_with_nothing_listed() {
    let faults = [
        Fault::Busy,
        Fault::Reset,
        Fault::Stall,
        Fault::LostAnswer,
        Fault::ErrorInside,
        Fault::Expired,
        Fault::Skewed,
        Fault::NoConditions,
        Fault::NotImplemented,
    ];
    let steps = [Step::Claim, Step::Part, Step::Complete, Step::Marker];
    let ends = |kind, step, fault: Fault| {
        let has_cell = match fault {
            Fault::ErrorInside => step == Step::Complete,
            fault if fault.is_trait_of_store() => step == Step::Claim,
            _ => steps.contains(&step),
        };
        let mut patience = PATIENCE;
        if fault == Fault::Stall {
            let limit = Duration::from_secs(2);
            patience.silence.transfer = limit;
            patience.silence.command = limit;
        }
        let cell = [()].into_iter().filter(move |()| has_cell);
        cell.map(move |()| end(Backend::InProcess, kind, (step, fault, 1), patience))
    };
    check(&faults, ends);
}

/// Prints how dumps end, and fails where one must not end so.
fn check<R>(faults: &[Fault], ends: impl Fn(Kind, Step, Fault) -> R)
where
    R: Iterator<Item = Result<End, String>>,
{
    let mut wrong = Vec::new();
    for kind in [Kind::StoreTree, Kind::StoreArchive] {
        let mut table = format!("{kind:?}\n{:<16}", "");
        for step in Step::ALL {
            write!(table, "{:>12}", format!("{step:?}")).unwrap();
        }
        for fault in faults {
            write!(table, "\n{:<16}", format!("{fault:?}")).unwrap();
            for step in Step::ALL {
                let mut seen = Vec::new();
                for end in ends(kind, step, *fault) {
                    match end {
                        Ok(end) => seen.push(end),
                        Err(why) => wrong.push(format!("{kind:?} {step:?} {fault:?}: {why}")),
                    }
                }
                write!(table, "{:>12}", word(&seen)).unwrap();
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
fn volume(bytes: u64) -> SampleStream {
    let data: Vec<u8> = (0..bytes).map(|at| (at / 7) as u8).collect();
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
fn write(writer: &mut dyn DumpWriter, volume: &SampleStream) -> Result<(), TargetError> {
    for sample in &entries()[..2] {
        writer.entry(&sample.entry)?;
        writer.end()?;
    }
    write_stream(writer, volume)?;
    writer.released()
}

fn draft(volume: &SampleStream) -> Draft {
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
fn end(
    backend: Backend,
    kind: Kind,
    (step, fault, nth): (Step, Fault, u32),
    patience: Patience,
) -> Result<End, String> {
    let case = Case::of(kind, Codec::None, backend);
    let script = Script::new(step, fault, nth);
    let bench = Bench::behind(case, Backing::scripted(backend, script, patience));
    let written = long_dump(&bench);
    let markers = markers(&bench)?;
    let uploads = bench.backing().open_uploads().unwrap_or(0);
    let struck = bench.backing().has_struck() || fault.is_trait_of_store();
    match written {
        Ok(()) if markers != 1 => Err(format!("published, and {markers} markers are there")),
        // A key that may not remove anything is one to write with.
        Ok(()) if uploads > 0 && step != Step::Create => {
            Err("an upload is left beside the dump".to_owned())
        }
        Ok(()) if !struck => Ok(End::NoSuchStep),
        Ok(()) => Ok(End::Whole),
        Err(error) if fault.passes() => Err(format!("failed: {}", chain(&error))),
        Err(_) if markers > 0 => Err("failed, and there is a marker".to_owned()),
        Err(_) => {
            let can_remove = step != Step::Remove && !fault.is_about_all();
            let objects = bench.objects();
            if can_remove && (uploads > 0 || !objects.is_empty()) {
                let names: Vec<&String> = objects.keys().collect();
                return Err(format!("failed, and {names:?} are left"));
            }
            Ok(End::Nothing)
        }
    }
}

/// Writes a dump of several parts and two objects.
fn long_dump(bench: &Bench) -> Result<(), TargetError> {
    let volume = volume(bench.backing().limits().segment_bytes + 40_000);
    let mut writer = bench.open()?;
    match write(&mut *writer, &volume) {
        Ok(()) => writer.finish(&draft(&volume)).map(drop),
        Err(error) => {
            writer.abort();
            Err(error)
        }
    }
}

/// The same, which has to succeed and be whole.
pub(super) fn whole_long_dump(bench: &Bench) -> Result<(), String> {
    long_dump(bench).map_err(|error| chain(&error))?;
    match markers(bench)? {
        1 => Ok(()),
        count => Err(format!("{count} markers are there")),
    }
}

/// How many markers are there, all of them of whole dumps.
fn markers(bench: &Bench) -> Result<usize, String> {
    let objects = bench.objects();
    let is_marker = |name: &&String| name.to_lowercase().ends_with("manifest.yml");
    let markers: Vec<&String> = objects.keys().filter(is_marker).collect();
    for marker in &markers {
        whole(marker, &objects)?;
    }
    Ok(markers.len())
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

/// Whether everything that a marker names is there with its digest.
fn whole(marker: &str, objects: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let manifest = Manifest::parse(&objects[marker]).map_err(|error| error.to_string())?;
    let below = marker.rfind('/').map_or("", |slash| &marker[..=slash]);
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
