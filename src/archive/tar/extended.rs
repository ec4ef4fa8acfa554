//! The records of extended headers, as values.

use std::collections::BTreeMap;

use super::pax;
use crate::archive::entry::{Mtime, Segment};

/// What extended headers say about the entry that follows, or a global one about all that follow.
#[derive(Debug, Clone, Default)]
pub(super) struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link_path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) mtime: Option<Mtime>,
    pub(super) xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) sparse: SparseRecords,
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

/// `GNU.sparse.*` of all three formats.
#[derive(Debug, Clone, Default)]
pub(super) struct SparseRecords {
    pub(super) major: Option<u64>,
    pub(super) minor: Option<u64>,
    pub(super) name: Option<Vec<u8>>,
    pub(super) real_size: Option<u64>,
    pub(super) map: Option<Vec<Segment>>,
    /// The offset of format 0.0 whose length has not come yet.
    pub(super) offset: Option<u64>,
}

impl SparseRecords {
    /// Whether the entry is said to be sparse.
    pub(super) fn is_some(&self) -> bool {
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

/// Sets a name that may be followed by NULs. One with a NUL inside ends there for some readers, and not for others.
fn replace(
    field: &mut Option<Vec<u8>>,
    value: &[u8],
    name: &'static str,
) -> Result<(), &'static str> {
    let end = value.iter().rposition(|byte| *byte != 0);
    let value = &value[..end.map_or(0, |last| last + 1)];
    if value.is_empty() || value.contains(&0) || field.is_some() {
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
