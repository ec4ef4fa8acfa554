//! A header and what was said before it, made into one entry.

use std::collections::BTreeMap;

use tar::EntryType;

use super::header::Block;
use super::{TarError, pax, sparse};
use crate::archive::entry::{Entry, EntryKind, Mtime, Segment, Xattr};

/// What extended headers say about the entry that follows, or a global one about all that follow.
#[derive(Debug, Clone, Default)]
pub(super) struct Extended {
    path: Option<Vec<u8>>,
    link_path: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u32>,
    gid: Option<u32>,
    mtime: Option<Mtime>,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    sparse: SparseRecords,
}

/// `GNU.sparse.*` of all three formats.
#[derive(Debug, Clone, Default)]
struct SparseRecords {
    major: Option<u64>,
    minor: Option<u64>,
    name: Option<Vec<u8>>,
    real_size: Option<u64>,
    map: Option<Vec<Segment>>,
    /// The offset of format 0.0 whose length has not come yet.
    offset: Option<u64>,
}

/// An entry, and how its data lies in the tar.
pub(super) struct Assembled {
    pub(super) entry: Entry,
    /// Bytes that follow the header, a map of holes included.
    pub(super) stored_len: u64,
    /// Whether they begin with a map of format 1.0.
    pub(super) map_in_data: bool,
}

impl Extended {
    /// Applies the records of an extended header on top; the error is the keyword's field name.
    pub(super) fn apply(&mut self, header: &[u8]) -> Result<(), &'static str> {
        for record in pax::records(header) {
            let (keyword, value) = record.map_err(|pax::BadRecord| "extended header record")?;
            self.apply_record(keyword, value)?;
        }
        Ok(())
    }

    /// As [`Extended::apply`] for a global header, which may not name a single file's path, length,
    /// attributes or holes: readers differ in what they make of that.
    pub(super) fn apply_global(&mut self, header: &[u8]) -> Result<(), &'static str> {
        self.apply(header)?;
        let single = self.path.is_some() || self.link_path.is_some() || self.size.is_some();
        if single || !self.xattrs.is_empty() || self.sparse.is_some() {
            return Err("global extended header");
        }
        Ok(())
    }

    pub(super) fn set_long_name(&mut self, name: &[u8]) -> Result<(), &'static str> {
        replace(&mut self.path, name, "long name")
    }

    pub(super) fn set_long_link(&mut self, link: &[u8]) -> Result<(), &'static str> {
        replace(&mut self.link_path, link, "long link name")
    }

    fn apply_record(&mut self, keyword: &[u8], value: &[u8]) -> Result<(), &'static str> {
        match keyword {
            b"path" => set(&mut self.path, value, bytes, "path"),
            b"linkpath" => set(&mut self.link_path, value, bytes, "linkpath"),
            b"size" => set(&mut self.size, value, length, "size"),
            b"uid" => set(&mut self.uid, value, id, "uid"),
            b"gid" => set(&mut self.gid, value, id, "gid"),
            b"mtime" => set(&mut self.mtime, value, pax::parse_time, "mtime"),
            _ => {
                if let Some(name) = keyword.strip_prefix(pax::XATTR) {
                    self.xattrs.insert(pax::xattr_name(name), value.to_vec());
                }
                match keyword.strip_prefix(b"GNU.sparse.") {
                    Some(keyword) => self.sparse.apply(keyword, value),
                    None => Ok(()),
                }
            }
        }
    }
}

impl SparseRecords {
    fn is_some(&self) -> bool {
        self.major.is_some()
            || self.name.is_some()
            || self.real_size.is_some()
            || self.map.is_some()
    }

    fn apply(&mut self, keyword: &[u8], value: &[u8]) -> Result<(), &'static str> {
        match keyword {
            b"major" => set(&mut self.major, value, pax::parse_u64, "GNU.sparse.major"),
            b"minor" => set(&mut self.minor, value, pax::parse_u64, "GNU.sparse.minor"),
            b"name" => set(&mut self.name, value, bytes, "GNU.sparse.name"),
            b"size" | b"realsize" => set(&mut self.real_size, value, length, "GNU.sparse.realsize"),
            b"map" => set(&mut self.map, value, map, "GNU.sparse.map"),
            b"offset" if self.offset.is_none() => {
                set(&mut self.offset, value, length, "GNU.sparse.offset")
            }
            b"numbytes" => {
                let segment = self.offset.take().zip(length(value));
                let (offset, len) = segment.ok_or("GNU.sparse.numbytes")?;
                self.map
                    .get_or_insert_default()
                    .push(Segment { offset, len });
                Ok(())
            }
            b"numblocks" => {
                self.map.get_or_insert_default();
                Ok(())
            }
            _ => Err("GNU.sparse record"),
        }
    }

    /// Makes a file of the stored length one with holes.
    fn apply_to(self, assembled: &mut Assembled, at: u64) -> Result<(), TarError> {
        let bad = |field| TarError::BadField { at, field };
        assembled.entry.size = self.real_size.ok_or(bad("GNU.sparse.realsize"))?;
        match (self.major, self.minor, self.map, self.offset) {
            (Some(1), Some(0), None, None) => assembled.map_in_data = true,
            (None | Some(0), None | Some(0 | 1), Some(map), None) => {
                set_map(&mut assembled.entry, map, assembled.stored_len)?;
            }
            _ => return Err(bad("GNU.sparse record")),
        }
        Ok(())
    }
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
        extended.sparse.apply_to(&mut assembled, at)?;
    }
    Ok(assembled)
}

/// Gives a sparse entry its map, if it goes with the file's length and with the data stored for it.
pub(super) fn set_map(entry: &mut Entry, map: Vec<Segment>, data_len: u64) -> Result<(), TarError> {
    let segments = sparse::checked(map, entry.size);
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

/// Sets a field from a record; an empty value takes back what was set (POSIX pax).
fn set<T>(
    field: &mut Option<T>,
    value: &[u8],
    parse: impl Fn(&[u8]) -> Option<T>,
    name: &'static str,
) -> Result<(), &'static str> {
    *field = match value {
        [] => None,
        value => Some(parse(value).ok_or(name)?),
    };
    Ok(())
}

fn replace(
    field: &mut Option<Vec<u8>>,
    value: &[u8],
    name: &'static str,
) -> Result<(), &'static str> {
    let value = value.split(|&byte| byte == 0).next().unwrap_or_default();
    if value.is_empty() || field.is_some() {
        return Err(name);
    }
    *field = Some(value.to_vec());
    Ok(())
}

fn bytes(value: &[u8]) -> Option<Vec<u8>> {
    Some(value.to_vec())
}

fn length(value: &[u8]) -> Option<u64> {
    pax::parse_u64(value).filter(|&length| length <= i64::MAX as u64)
}

fn id(value: &[u8]) -> Option<u32> {
    pax::parse_u64(value).and_then(|id| id.try_into().ok())
}

/// `offset,length,offset,length...` of format 0.1.
fn map(value: &[u8]) -> Option<Vec<Segment>> {
    let numbers: Option<Vec<u64>> = value.split(|&byte| byte == b',').map(length).collect();
    let pairs = numbers?;
    let (pairs, []) = pairs.as_chunks::<2>() else {
        return None;
    };
    Some(
        pairs
            .iter()
            .map(|&[offset, len]| Segment { offset, len })
            .collect(),
    )
}
