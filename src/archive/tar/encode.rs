//! Entries to tar blocks. Deterministic: the same entry gives the same bytes on every machine and
//! at every time.

use tar::{EntryType, Header};

use super::{BLOCK, acl, padding, pax, sparse};
use crate::archive::entry::{Entry, EntryKind};

/// Largest number in a ustar field of 8 bytes: seven octal digits.
const MAX_OCTAL_7: u64 = 0o777_7777;
/// Largest number in a ustar field of 12 bytes: eleven octal digits.
const MAX_OCTAL_11: u64 = 0o777_7777_7777;
/// Bytes of the ustar fields `name` and `linkname`.
const NAME_LEN: usize = 100;
/// Bytes of the ustar field `prefix`.
const PREFIX_LEN: usize = 155;

/// Appends everything that precedes the entry's data: the extended header where one is needed, the
/// ustar header, and the map of a sparse file. Whole blocks only.
///
/// The entry's name in the tar is `prefix` and its path, with a slash behind a directory's; a
/// member's root under an empty prefix is `./`. Targets of hard links get the prefix too.
pub fn encode_head(entry: &Entry, prefix: &[u8], out: &mut Vec<u8>) {
    encode_head_with(entry, prefix, SizeRecord::IfLarge, out);
}

/// [`encode_head`] of a file without holes under its own path, in a form whose length does not depend on the file's.
pub fn encode_head_of_any_size(entry: &Entry, out: &mut Vec<u8>) {
    debug_assert!(
        entry.sparse.is_none(),
        "the map of holes has a length of its own"
    );
    encode_head_with(entry, b"", SizeRecord::Always, out);
}

/// When an extended record says a file's length.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SizeRecord {
    /// Where eleven octal digits cannot: from 8 GiB on.
    IfLarge,
    /// Always, and in as many digits as the largest length has.
    Always,
}

fn encode_head_with(entry: &Entry, prefix: &[u8], size_record: SizeRecord, out: &mut Vec<u8>) {
    let name = stored_name(entry, prefix);
    let link = stored_link(entry, prefix);
    let map = entry
        .sparse
        .as_deref()
        .map(|segments| sparse::encode_map(segments, entry.size));
    let stored_len = entry.data_len() + map.as_ref().map_or(0, |map| map.len() as u64);

    let records = extended_records(entry, &name, &link, stored_len, size_record);
    if !records.is_empty() {
        let mut header = new_header(EntryType::XHeader, 0o644, records.len() as u64);
        put_name(&mut header, &beside(&name, b"PaxHeaders"));
        push_header(&mut header, out);
        push_padded(&records, out);
    }

    push_header(&mut entry_header(entry, &name, &link, stored_len), out);
    out.extend_from_slice(&map.unwrap_or_default());
}

/// Length in bytes of the whole entry in a tar: what [`encode_head`] writes, the data and its padding.
#[must_use]
pub fn encoded_len(entry: &Entry, prefix: &[u8]) -> u64 {
    let data_len = entry.data_len();
    let name = stored_name(entry, prefix);
    let link = stored_link(entry, prefix);
    let map_len = entry.sparse.as_deref().map_or(0, |segments| {
        sparse::encode_map(segments, entry.size).len() as u64
    });
    let stored_len = data_len + map_len;
    let records = extended_records(entry, &name, &link, stored_len, SizeRecord::IfLarge);
    let records_len = records.len() as u64;
    let block = BLOCK as u64;
    let extended_len = if records_len > 0 {
        block + records_len.next_multiple_of(block)
    } else {
        0
    };
    extended_len + block + map_len + data_len.next_multiple_of(block)
}

fn stored_name(entry: &Entry, prefix: &[u8]) -> Vec<u8> {
    let mut name = [prefix, &entry.path].concat();
    if name.is_empty() {
        name.push(b'.');
    }
    if entry.kind == EntryKind::Directory && !name.ends_with(b"/") {
        name.push(b'/');
    }
    name
}

fn stored_link(entry: &Entry, prefix: &[u8]) -> Vec<u8> {
    match &entry.kind {
        EntryKind::HardLink { target } => [prefix, target].concat(),
        EntryKind::Symlink { target } => target.clone(),
        EntryKind::File
        | EntryKind::Directory
        | EntryKind::Fifo
        | EntryKind::CharDevice { .. }
        | EntryKind::BlockDevice { .. } => Vec::new(),
    }
}

/// The records of what the ustar header cannot say exactly.
fn extended_records(
    entry: &Entry,
    name: &[u8],
    link: &[u8],
    stored_len: u64,
    size_record: SizeRecord,
) -> Vec<u8> {
    let mut records = Vec::new();
    let mut put = |keyword: &[u8], value: &[u8]| pax::push_record(&mut records, keyword, value);
    if entry.sparse.is_none() && split_name(name).is_none() {
        put(b"path", name);
    }
    if link.len() > NAME_LEN {
        put(b"linkpath", link);
    }
    // Python's tarfile takes this record for the logical length of a sparse file and loses its place:
    // the header of such a file says its stored length itself, in base 256.
    if size_record == SizeRecord::Always {
        put(b"size", format!("{stored_len:020}").as_bytes());
    } else if stored_len > MAX_OCTAL_11 && entry.sparse.is_none() {
        put(b"size", stored_len.to_string().as_bytes());
    }
    for (keyword, id) in [(b"uid", entry.uid), (b"gid", entry.gid)] {
        if u64::from(id) > MAX_OCTAL_7 {
            put(keyword, id.to_string().as_bytes());
        }
    }
    let secs = u64::try_from(entry.mtime.secs).ok();
    if entry.mtime.nanos != 0 || secs.is_none_or(|secs| secs > MAX_OCTAL_11) {
        put(b"mtime", pax::format_time(entry.mtime).as_bytes());
    }
    if entry.sparse.is_some() {
        put(b"GNU.sparse.major", b"1");
        put(b"GNU.sparse.minor", b"0");
        put(b"GNU.sparse.name", name);
        put(b"GNU.sparse.realsize", entry.size.to_string().as_bytes());
    }
    for xattr in &entry.xattrs {
        put(&pax::xattr_keyword(&xattr.name), &xattr.value);
        if let Some((keyword, text)) = acl::record(xattr) {
            put(keyword, text.as_bytes());
        }
    }
    records
}

fn entry_header(entry: &Entry, name: &[u8], link: &[u8], stored_len: u64) -> Header {
    let size = if entry.sparse.is_some() {
        stored_len
    } else {
        stored_len.min(MAX_OCTAL_11)
    };
    let mut header = new_header(entry_type(&entry.kind), entry.mode, size);
    header.set_uid(u64::from(entry.uid).min(MAX_OCTAL_7));
    header.set_gid(u64::from(entry.gid).min(MAX_OCTAL_7));
    header.set_mtime(
        u64::try_from(entry.mtime.secs)
            .unwrap_or(0)
            .min(MAX_OCTAL_11),
    );
    if entry.sparse.is_some() {
        put_name(&mut header, &beside(name, b"GNUSparseFile.0"));
    } else {
        put_name(&mut header, name);
    }
    let ustar = header.as_ustar_mut().expect("made by Header::new_ustar");
    let link = &link[..link.len().min(NAME_LEN)];
    ustar.linkname[..link.len()].copy_from_slice(link);
    let (major, minor) = match entry.kind {
        EntryKind::CharDevice { major, minor } | EntryKind::BlockDevice { major, minor } => {
            (major, minor)
        }
        _ => (0, 0),
    };
    // Linux has 12 bits of major and 20 of minor numbers: they always fit.
    ustar.set_device_major(major);
    ustar.set_device_minor(minor);
    header
}

fn entry_type(kind: &EntryKind) -> EntryType {
    match kind {
        EntryKind::File => EntryType::Regular,
        EntryKind::HardLink { .. } => EntryType::Link,
        EntryKind::Directory => EntryType::Directory,
        EntryKind::Symlink { .. } => EntryType::Symlink,
        EntryKind::Fifo => EntryType::Fifo,
        EntryKind::CharDevice { .. } => EntryType::Char,
        EntryKind::BlockDevice { .. } => EntryType::Block,
    }
}

fn new_header(entry_type: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(entry_type);
    header.set_mode(mode & 0o7777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header
}

/// Fills `name` and `prefix`. A name that does not fit is cut: an extended record has it whole.
fn put_name(header: &mut Header, name: &[u8]) {
    let (prefix, rest) = split_name(name).unwrap_or_else(|| {
        let cut = &name[..NAME_LEN];
        // A cut name that ends in a slash would make old readers take a file for a directory.
        (&[], cut.strip_suffix(b"/").unwrap_or(cut))
    });
    let ustar = header.as_ustar_mut().expect("made by Header::new_ustar");
    ustar.name[..rest.len()].copy_from_slice(rest);
    ustar.prefix[..prefix.len()].copy_from_slice(prefix);
}

/// The ustar fields `prefix` and `name` that say `name` exactly; `None` if there is no slash to
/// split it at so that both parts fit.
fn split_name(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= NAME_LEN {
        return Some((&[], name));
    }
    let first = name.len().checked_sub(NAME_LEN + 1)?;
    // Not at the last byte: the slash that ends a directory's name belongs to it.
    let last = (PREFIX_LEN + 1).min(name.len() - 1);
    let slash = first
        + name
            .get(first..last)?
            .iter()
            .position(|&byte| byte == b'/')?;
    (slash > 0).then(|| (&name[..slash], &name[slash + 1..]))
}

/// `dir/<folder>/base` for the name `dir/base`: where a reader that does not know extended headers
/// puts what it cannot understand, as GNU tar does it but without a process id.
fn beside(name: &[u8], folder: &[u8]) -> Vec<u8> {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let base_at = name
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |slash| slash + 1);
    let (dir, base) = name.split_at(base_at);
    [dir, folder, b"/", base].concat()
}

fn push_header(header: &mut Header, out: &mut Vec<u8>) {
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
}

fn push_padded(data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(data);
    out.resize(out.len() + padding(data.len() as u64), 0);
}
