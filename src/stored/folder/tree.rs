//! Checks one entry of a tree against the file that lies there.
//!
//! Content counts: kind, length, bytes, where a link leads. Permissions, owner and time differ as soon as
//! a dump was copied by hand; the index has the true ones, so that such a difference loses nothing.

use std::fs::File;
use std::io::{self, Read};

use rustix::fs::{FileType, Stat, major, minor};

use super::super::beneath::{Beneath, demand};
use super::super::contract::{Owner, in_dump};
use super::super::fault::Faults;
use super::super::hashing::{HashingReader, Wanted, each_piece};
use super::super::lines::is_safe;
use super::{Fault, FolderCheck, demand_length};
use crate::archive::entry::{Entry, EntryKind};
use crate::archive::index::DataAt;
use crate::archive::manifest::Sha256Digest;

impl FolderCheck<'_> {
    /// Checks one line of a tree's index.
    pub(super) fn entry(
        &mut self,
        number: usize,
        base: &[u8],
        entry: &Entry,
        at: DataAt,
        faults: &mut Faults,
    ) {
        let path = in_dump(base, &entry.path);
        if !is_safe(entry) {
            return faults.add(path, Fault::UnsafePath);
        }
        let is_above = match self.contract.owner(&path) {
            Owner::Tree(owner) if owner == number => false,
            Owner::Above if entry.kind == EntryKind::Directory => true,
            _ => {
                let what = "its index names what belongs to another member".to_owned();
                return faults.add(path, Fault::Contract { what });
            }
        };
        let checked = check(&mut self.beneath, base, &path, entry, at);
        if !is_above && !matches!(checked, Err(Fault::Missing | Fault::NoFolder)) {
            self.names.name(&path);
        }
        match checked {
            Err(Fault::Missing) if is_device(&entry.kind) => faults.add(path, Fault::NoDevice),
            Err(fault) => faults.add(path, fault),
            Ok(stat) => altered(&stat, entry, &path, faults),
        }
    }
}

fn is_device(kind: &EntryKind) -> bool {
    matches!(
        kind,
        EntryKind::CharDevice { .. } | EntryKind::BlockDevice { .. }
    )
}

/// Checks what counts as content.
fn check(
    beneath: &mut Beneath,
    base: &[u8],
    path: &[u8],
    entry: &Entry,
    at: DataAt,
) -> Result<Stat, Fault> {
    let stat = match &entry.kind {
        EntryKind::File => return check_file(beneath, path, entry, at),
        EntryKind::HardLink { target } => {
            return check_link(beneath, path, &in_dump(base, target));
        }
        _ => beneath.stat(path)?,
    };
    match &entry.kind {
        EntryKind::Directory => demand(&stat, FileType::Directory)?,
        EntryKind::Fifo => demand(&stat, FileType::Fifo)?,
        EntryKind::CharDevice { major, minor } => {
            demand(&stat, FileType::CharacterDevice)?;
            demand_numbers(&stat, *major, *minor)?;
        }
        EntryKind::BlockDevice { major, minor } => {
            demand(&stat, FileType::BlockDevice)?;
            demand_numbers(&stat, *major, *minor)?;
        }
        EntryKind::Symlink { target: expected } => {
            demand(&stat, FileType::Symlink)?;
            let found = beneath.link(path)?;
            if found != *expected {
                let expected = expected.clone();
                return Err(Fault::Target { found, expected });
            }
        }
        EntryKind::File | EntryKind::HardLink { .. } => {}
    }
    Ok(stat)
}

fn demand_numbers(stat: &Stat, wanted_major: u32, wanted_minor: u32) -> Result<(), Fault> {
    if (major(stat.st_rdev), minor(stat.st_rdev)) == (wanted_major, wanted_minor) {
        return Ok(());
    }
    Err(Fault::Device)
}

fn check_file(
    beneath: &mut Beneath,
    path: &[u8],
    entry: &Entry,
    at: DataAt,
) -> Result<Stat, Fault> {
    let DataAt::Sha256(expected) = at else {
        let what = "its index has no sha256 of it".to_owned();
        return Err(Fault::Contract { what });
    };
    let (file, stat) = beneath.file(path)?;
    demand_length(stat.st_size, entry.size)?;
    let content = HashingReader::new(file.take(entry.size));
    let (found, sha256) = content.finish().map_err(Fault::Read)?;
    if found != entry.size {
        let expected = entry.size;
        return Err(Fault::Length { found, expected });
    }
    if sha256 == Sha256Digest(expected) {
        Ok(stat)
    } else {
        Err(Fault::FileSha256)
    }
}

/// Checks a further name of a file; a copy of a dump may have made a file of it.
fn check_link(beneath: &mut Beneath, path: &[u8], target: &[u8]) -> Result<Stat, Fault> {
    let (file, stat) = beneath.file(path)?;
    let (first, first_stat) = beneath.file(target)?;
    let id = |stat: &Stat| (stat.st_dev, stat.st_ino);
    if id(&stat) == id(&first_stat) {
        return Ok(stat);
    }
    let target = target.to_vec();
    let is_same =
        stat.st_size == first_stat.st_size && same_content(file, first).map_err(Fault::Read)?;
    Err(if is_same {
        Fault::LinkCopied { target }
    } else {
        Fault::HardLink { target }
    })
}

fn same_content(mut one: File, mut other: File) -> io::Result<bool> {
    let mut beside = Vec::new();
    let mut is_same = Ok(true);
    each_piece(&mut one, |piece| {
        beside.resize(piece.len(), 0);
        is_same = other.read_exact(&mut beside).map(|()| beside == piece);
        match is_same {
            Ok(true) => Wanted::More,
            _ => Wanted::Nothing,
        }
    })?;
    is_same
}

/// Notes what differs and loses nothing.
fn altered(stat: &Stat, entry: &Entry, path: &[u8], faults: &mut Faults) {
    let is_link = matches!(entry.kind, EntryKind::Symlink { .. });
    let mtime = (entry.mtime.secs, i64::from(entry.mtime.nanos));
    let differs = [
        ("mode", !is_link && stat.st_mode & 0o7777 != entry.mode),
        (
            "owner",
            (stat.st_uid, stat.st_gid) != (entry.uid, entry.gid),
        ),
        (
            "modification time",
            (stat.st_mtime, stat.st_mtime_nsec as i64) != mtime,
        ),
    ];
    for (what, differs) in differs {
        if differs {
            faults.add(path, Fault::Altered { what });
        }
    }
}
