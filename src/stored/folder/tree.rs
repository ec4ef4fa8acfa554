//! Checks one entry of a tree against the file that lies there.
//!
//! Content counts: kind, length, bytes, where a link leads. Permissions, owner and time differ as soon as
//! a dump was copied by hand; the index has the true ones, so that such a difference loses nothing.

use rustix::fs::{FileType, Stat, major, minor};

use super::super::contract::{Owner, in_dump};
use super::super::fault::Faults;
use super::super::lines::is_safe;
use super::super::takers::Hand;
use super::{Fault, FolderCheck, content};
use crate::archive::entry::{Entry, EntryKind};
use crate::archive::index::DataAt;
use crate::files::{Beneath, demand, same_content};

impl FolderCheck<'_> {
    /// Checks one line of a tree's index, and hands the entry and its content on.
    pub(super) fn entry(
        &mut self,
        (number, base): (usize, &[u8]),
        (entry, at): (&Entry, DataAt),
        hand: Option<&Hand<'_>>,
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
        let found = Found { base, path: &path };
        let checked = check(self.beneath, &found, (entry, at), hand);
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

/// Where an entry lies in the dump.
struct Found<'a> {
    base: &'a [u8],
    path: &'a [u8],
}

/// Checks what counts as content, and hands it on.
fn check(
    beneath: &mut Beneath,
    &Found { base, path }: &Found<'_>,
    (entry, at): (&Entry, DataAt),
    hand: Option<&Hand<'_>>,
) -> Result<Stat, Fault> {
    if entry.kind == EntryKind::File {
        return content::check_file(beneath, path, (entry, at), hand);
    }
    let checked = match &entry.kind {
        EntryKind::HardLink { target } => check_link(beneath, path, &in_dump(base, target)),
        _ => check_kind(beneath, path, entry),
    };
    let is_there = match &checked {
        Ok(_) => true,
        Err(fault) => {
            fault.is_harmless() || matches!(fault, Fault::Missing) && is_device(&entry.kind)
        }
    };
    if let (Some(hand), true) = (hand, is_there) {
        content::hand_on(beneath, path, entry, hand)?;
    }
    checked
}

/// Checks an entry without data.
fn check_kind(beneath: &mut Beneath, path: &[u8], entry: &Entry) -> Result<Stat, Fault> {
    let stat = beneath.stat(path)?;
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

/// Checks a further name of a file; a copy of a dump may have made a file of it.
fn check_link(beneath: &mut Beneath, path: &[u8], target: &[u8]) -> Result<Stat, Fault> {
    let (stat, first) = (beneath.stat(path)?, beneath.stat(target)?);
    let kind = FileType::from_raw_mode(first.st_mode);
    demand(&stat, kind)?;
    let id = |stat: &Stat| (stat.st_dev, stat.st_ino);
    if id(&stat) == id(&first) && kind != FileType::Directory {
        return Ok(stat);
    }
    let is_same = match kind {
        FileType::RegularFile => {
            let ((file, stat), (first, first_stat)) = (beneath.file(path)?, beneath.file(target)?);
            stat.st_size == first_stat.st_size && same_content(file, first).map_err(Fault::Read)?
        }
        FileType::Directory => false,
        FileType::Symlink => beneath.link(path)? == beneath.link(target)?,
        _ => stat.st_rdev == first.st_rdev,
    };
    let target = target.to_vec();
    Err(if is_same {
        Fault::LinkCopied { target }
    } else {
        Fault::HardLink { target }
    })
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
