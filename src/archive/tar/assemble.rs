//! A header and what was said before it, made into one entry.

use tar::EntryType;

use super::TarError;
use super::extended::{Extended, SparseRecords};
use super::header::Block;
use super::sparse::checked;
use crate::archive::entry::{Entry, EntryKind, Mtime, Segment, Xattr};

/// An entry, and how its data lies in the tar.
pub(super) struct Assembled {
    pub(super) entry: Entry,
    /// Bytes that follow the header, a map of holes included.
    pub(super) stored_len: u64,
    /// Whether they begin with a map of format 1.0.
    pub(super) map_in_data: bool,
}

/// The entry of a header. `at` is where the header is, for the errors.
pub(super) fn assemble(
    block: &Block<'_>,
    extended: Extended,
    at: u64,
) -> Result<Assembled, TarError> {
    let bad = |field| TarError::BadField { at, field };
    let raw_path = extended
        .sparse
        .name
        .clone()
        .or(extended.path.clone())
        .unwrap_or_else(|| block.name());
    let path = relative(&raw_path)?;
    let kind = kind_of(block, &extended, &raw_path, at)?;
    if path.is_empty() && kind != EntryKind::Directory {
        return Err(TarError::UnsafePath { path: raw_path });
    }
    let stored_len = extended.size.or_else(|| block.size()).ok_or(bad("size"))?;
    if kind != EntryKind::File && (stored_len > 0 || extended.sparse.is_some()) {
        return Err(TarError::UnexpectedData { path: raw_path });
    }
    let whole_secs = || {
        Some(Mtime {
            secs: block.mtime()?,
            nanos: 0,
        })
    };
    let xattrs = extended
        .xattrs
        .into_iter()
        .map(|(name, value)| Xattr { name, value });
    let entry = Entry {
        path,
        kind,
        mode: block.mode().ok_or(bad("mode"))?,
        uid: extended.uid.or_else(|| block.uid()).ok_or(bad("uid"))?,
        gid: extended.gid.or_else(|| block.gid()).ok_or(bad("gid"))?,
        mtime: extended.mtime.or_else(whole_secs).ok_or(bad("mtime"))?,
        size: stored_len,
        xattrs: xattrs.collect(),
        sparse: None,
    };
    let mut assembled = Assembled {
        entry,
        stored_len,
        map_in_data: false,
    };
    if extended.sparse.is_some() {
        apply_sparse(extended.sparse, &mut assembled, at)?;
    }
    Ok(assembled)
}

/// Makes a file one with holes, or says that the map is still to come.
fn apply_sparse(sparse: SparseRecords, assembled: &mut Assembled, at: u64) -> Result<(), TarError> {
    let bad = |field| TarError::BadField { at, field };
    assembled.entry.size = sparse.real_size.ok_or(bad("GNU.sparse.realsize"))?;
    match (sparse.major, sparse.minor, sparse.map, sparse.offset) {
        (Some(1), Some(0), None, None) => assembled.map_in_data = true,
        (None | Some(0), None | Some(0 | 1), Some(map), None) => {
            set_map(&mut assembled.entry, map, assembled.stored_len)?;
        }
        _ => return Err(bad("GNU.sparse record")),
    }
    Ok(())
}

/// Gives a sparse entry its map, if it goes with the file's length and with the data stored for it.
pub(super) fn set_map(entry: &mut Entry, map: Vec<Segment>, data_len: u64) -> Result<(), TarError> {
    let segments = checked(map, entry.size);
    let stored: Option<u64> = segments
        .as_ref()
        .ok()
        .map(|list| list.iter().map(|segment| segment.len).sum());
    if stored != Some(data_len) {
        return Err(TarError::BadSparseMap {
            path: entry.path.clone(),
        });
    }
    entry.sparse = segments.ok();
    Ok(())
}

fn kind_of(
    block: &Block<'_>,
    extended: &Extended,
    raw_path: &[u8],
    at: u64,
) -> Result<EntryKind, TarError> {
    let link = || {
        extended
            .link_path
            .clone()
            .unwrap_or_else(|| block.link_name())
    };
    let device = || {
        block.device().ok_or(TarError::BadField {
            at,
            field: "device number",
        })
    };
    Ok(match block.entry_type() {
        // Tars from before POSIX have no type for directories, only a slash at the end.
        EntryType::Regular if block.typeflag() == 0 && raw_path.ends_with(b"/") => {
            EntryKind::Directory
        }
        EntryType::Regular | EntryType::Continuous => {
            if raw_path.ends_with(b"/") {
                return Err(TarError::UnsafePath {
                    path: raw_path.to_vec(),
                });
            }
            EntryKind::File
        }
        EntryType::Link => match relative(&link())? {
            target if target.is_empty() => return Err(TarError::UnsafePath { path: link() }),
            target => EntryKind::HardLink { target },
        },
        EntryType::Symlink => match link() {
            target if target.is_empty() || target.contains(&0) => {
                return Err(TarError::BadField {
                    at,
                    field: "link name",
                });
            }
            target => EntryKind::Symlink { target },
        },
        EntryType::Directory => EntryKind::Directory,
        EntryType::Fifo => EntryKind::Fifo,
        EntryType::Char => {
            let (major, minor) = device()?;
            EntryKind::CharDevice { major, minor }
        }
        EntryType::Block => {
            let (major, minor) = device()?;
            EntryKind::BlockDevice { major, minor }
        }
        _ => {
            return Err(TarError::UnknownType {
                path: raw_path.to_vec(),
                typeflag: block.typeflag(),
            });
        }
    })
}

/// The path as [`Entry::path`] has it: without `./` before and slashes behind.
fn relative(raw: &[u8]) -> Result<Vec<u8>, TarError> {
    let mut path = raw;
    while let Some(rest) = path.strip_prefix(b"./") {
        path = rest;
    }
    while let Some(rest) = path.strip_suffix(b"/") {
        path = rest;
    }
    let bad_part = |part: &[u8]| matches!(part, b"" | b"." | b"..") || part.contains(&0);
    if raw.starts_with(b"/") || raw.is_empty() {
        return Err(TarError::UnsafePath { path: raw.to_vec() });
    }
    if path.is_empty() || path == b"." {
        return Ok(Vec::new());
    }
    if path.split(|&byte| byte == b'/').any(bad_part) {
        return Err(TarError::UnsafePath { path: raw.to_vec() });
    }
    Ok(path.to_vec())
}
