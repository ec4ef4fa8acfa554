//! Checks a dump of objects, in a single pass over each of them.
//!
//! The check of an archive sees trees and indexes as if they came by in one. Stream members, which are compressed
//! each by itself here, are checked as those of a folder are.

use std::collections::BTreeSet;

use futures_util::TryStreamExt;

use super::super::archive::{Outer, Pass, read_tar};
use super::super::error::ScratchError;
use super::super::fault::{Fault, Faults};
use super::super::hashing::HashingReader;
use super::super::stream::read_stream;
use super::super::verify::{Told, Verdicts};
use super::{Objects, read_fault};
use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::manifest::model::{Member, MemberKind, TreeFile};
use crate::archive::manifest::{FILE_NAME, Manifest, Sha256Digest};
use crate::archive::tar::{TarParser, TarVisitor};
use crate::codecs::Codec;
use crate::store::Action;
use crate::stored::archive::fault_of;

/// As many objects that nobody names are told; a dump with more is none.
const MAX_UNNAMED: usize = 1000;

/// Checks every object of a dump.
pub(in crate::stored) fn check(
    objects: &Objects,
    pass: &Pass<'_>,
    told: &mut Told<'_>,
) -> Result<Verdicts, ScratchError> {
    let failed = |source| ScratchError {
        dir: pass.scratch.to_owned(),
        source,
    };
    let manifest = pass.contract.manifest;
    let mut outer = Outer::of_objects(pass).map_err(failed)?;
    let mut rest = Faults::default();
    let mut is_whole = true;
    let read = read_all(objects, pass, &mut outer, &mut rest, &mut is_whole);
    if let Some(source) = outer.scratch_error.take() {
        return Err(failed(source));
    }
    if read.is_err() || pass.hand.is_closed() {
        return Ok(Verdicts::default());
    }
    let mut verdicts = outer.judge(is_whole, told).map_err(failed)?;
    verdicts.rest.join(rest);
    leftovers(objects, manifest, pass, &mut verdicts.rest);
    Ok(verdicts)
}

fn read_all(
    objects: &Objects,
    pass: &Pass<'_>,
    outer: &mut Outer<'_>,
    rest: &mut Faults,
    is_whole: &mut bool,
) -> Result<(), SinkClosed> {
    let manifest = pass.contract.manifest;
    for tree in &manifest.trees {
        if let Err(fault) = read_tree(objects, manifest, tree, outer, rest) {
            *is_whole = false;
            rest.add(tree.path.as_bytes(), fault);
        }
        outer.still_wanted()?;
    }
    for (number, member) in manifest.members.iter().enumerate() {
        if member.kind != MemberKind::Tree {
            let mut faults = Faults::default();
            let made = match stream(objects, pass, member, &mut faults) {
                Ok(made) => made,
                Err(fault) => {
                    faults.add(member.path.as_bytes(), fault);
                    None
                }
            };
            outer.stream_was_read(number, made, faults);
            outer.still_wanted()?;
        }
        if let Some(index) = &member.index {
            feed(objects, manifest, &index.path, index.bytes, outer, number)?;
        }
    }
    Ok(())
}

/// Shows a tree's tar to the check of archives.
fn read_tree(
    objects: &Objects,
    manifest: &Manifest,
    tree: &TreeFile,
    outer: &mut Outer<'_>,
    rest: &mut Faults,
) -> Result<(), Fault> {
    let codec = Codec::split_archive_name(tree.path.as_bytes()).map(|(_, codec)| codec);
    let codec = codec.ok_or(Fault::NoCodec)?;
    let (content, found) = objects.content(manifest, &tree.path)?;
    if found != tree.bytes {
        let expected = tree.bytes;
        return Err(Fault::Length { found, expected });
    }
    let mut stored = HashingReader::new(content);
    let mut parser = TarParser::strict(&mut *outer);
    let read = read_tar((&mut stored, found), codec, &mut parser);
    let ended = read.map_err(fault_of).and_then(|()| {
        let finished = parser.finish();
        finished.map(drop).map_err(Fault::Tar)
    });
    let (_, sha256) = stored.finish().map_err(Fault::Read)?;
    if sha256 != tree.sha256 {
        rest.add(tree.path.as_bytes(), Fault::Sha256);
    }
    ended
}

fn stream<'m>(
    objects: &Objects,
    pass: &Pass<'m>,
    member: &'m Member,
    faults: &mut Faults,
) -> Result<Option<Sha256Digest>, Fault> {
    let (content, found) = objects.content(pass.contract.manifest, &member.path)?;
    if found != member.bytes {
        let expected = member.bytes;
        return Err(Fault::Length { found, expected });
    }
    read_stream(content, member, pass.hand, faults)
}

/// Shows an index to the check of archives, which holds it against the manifest later.
fn feed(
    objects: &Objects,
    manifest: &Manifest,
    path: &str,
    bytes: u64,
    outer: &mut Outer<'_>,
    number: usize,
) -> Result<(), SinkClosed> {
    let content = objects.content(manifest, path);
    let (mut content, found) = match content {
        Ok(content) => content,
        // What is not there is missed when members are judged.
        Err(Fault::Missing) => return Ok(()),
        Err(fault) => {
            outer.index_is_bad(number, path, fault);
            return Ok(());
        }
    };
    if found != bytes {
        let expected = bytes;
        outer.index_is_bad(number, path, Fault::Length { found, expected });
        return Ok(());
    }
    let entry = Entry {
        mtime: outer.own_mtime(),
        size: bytes,
        ..Entry::plain(path.as_bytes(), EntryKind::File, 0o600)
    };
    outer.begin(&entry, 0)?;
    let mut buffer = vec![0; super::super::hashing::BUFFER_LEN];
    loop {
        match std::io::Read::read(&mut content, &mut buffer) {
            Ok(0) => break,
            Ok(len) => outer.data(&buffer[..len])?,
            Err(error) => {
                outer.end()?;
                outer.index_is_bad(number, path, Fault::Read(error));
                return Ok(());
            }
        }
    }
    outer.end()
}

/// Adds the objects below the dump's name that the manifest does not name.
fn leftovers(objects: &Objects, manifest: &Manifest, pass: &Pass<'_>, rest: &mut Faults) {
    let streams = manifest
        .members
        .iter()
        .filter(|member| member.kind != MemberKind::Tree);
    let indexes = manifest
        .members
        .iter()
        .filter_map(|member| member.index.as_ref());
    let paths = streams
        .map(|member| &member.path)
        .chain(indexes.map(|index| &index.path))
        .chain(manifest.trees.iter().map(|tree| &tree.path));
    let mut known: BTreeSet<String> = BTreeSet::from([FILE_NAME.to_owned()]);
    for path in paths {
        match manifest.segments.get(path) {
            None => {
                known.insert(path.clone());
            }
            Some(segments) => known.extend(segments.iter().map(|segment| segment.path.clone())),
        }
    }
    let (store, dump) = (objects.store.clone(), objects.dump.clone());
    let listed = objects.waiter.wait(async move {
        let prefix = store.path(&dump)?;
        let below = format!("{dump}/");
        let unnamed = store
            .objects()
            .list(Some(&prefix))
            .try_filter_map(|object| {
                let name = store.below(&object.location);
                let path = name.strip_prefix(&below).unwrap_or(&name).to_owned();
                let is_known = known.contains(&path);
                async move { Ok((!is_known).then_some(path)) }
            });
        let unnamed: Vec<String> = futures_util::StreamExt::take(unnamed, MAX_UNNAMED)
            .try_collect()
            .await
            .map_err(|error| store.failed(Action::List, &dump, &error))?;
        Ok(unnamed)
    });
    match listed {
        Err(error) => rest.add(b"".as_slice(), read_fault(error)),
        Ok(unnamed) => {
            for path in unnamed {
                if !pass.contract.is_of_failed(path.as_bytes()) {
                    rest.add(path.into_bytes(), Fault::Unnamed);
                }
            }
        }
    }
}
