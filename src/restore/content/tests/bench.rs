//! What every test here needs: folders to fill, entries to fill them with, and a look at the result.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempDir;

use crate::archive::entry::{Entry, EntryKind, EntrySink, Mtime, SinkClosed};
use crate::archive::tar::TarVisitor;
use crate::restore::content::{ContentError, Place, Stage, StageOptions, Token, VolumeUpload};
use crate::sources::walk::{self, TakeAll, WalkOptions};

/// Two folders beside each other: `place` gets content, and nothing in `canary` may ever change.
pub(super) struct Bench {
    pub(super) root: TempDir,
    pub(super) token: Token,
}

impl Bench {
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("place/old", "old"),
            ("place/sub/old", "old in sub"),
            ("place/both", "old of both"),
            ("canary/file", "untouched"),
            ("canary/folder/file", "untouched"),
        ] {
            write(&root.path().join(path), text);
        }
        let token = Token::random();
        Self { root, token }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.root.path().join("place")
    }

    pub(super) fn place(&self) -> Place {
        Place::new(self.path())
    }

    pub(super) fn stage(&self) -> Stage {
        Stage::create(&self.place(), &self.token, StageOptions::default()).unwrap()
    }

    /// Everything that is there, hidden folders too.
    pub(super) fn look(&self) -> BTreeMap<PathBuf, String> {
        look(self.root.path())
    }

    pub(super) fn has_leftovers(&self) -> bool {
        !self.place().leftovers().unwrap().is_empty()
    }
}

pub(super) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Every file below a folder: what it is, with mode, time and content.
pub(super) fn look(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let stat = fs::symlink_metadata(&path).unwrap();
            let content = if stat.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else if stat.is_symlink() {
                format!("link to {}", fs::read_link(&path).unwrap().display())
            } else if stat.is_file() {
                String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
            } else {
                "special".to_owned()
            };
            let (mode, secs, nanos) = (stat.mode(), stat.mtime(), stat.mtime_nsec());
            let line = format!("{mode:o} {secs}.{nanos} {content}");
            found.insert(path.strip_prefix(root).unwrap().to_owned(), line);
        }
    }
    found
}

/// `a/` is a folder, `a > b` a link, `a = b` a further name, `a | ` a pipe, all else a file.
pub(super) fn entry(text: &str) -> Entry {
    let (path, kind) = if let Some((path, target)) = text.split_once(" > ") {
        let target = target.into();
        (path, EntryKind::Symlink { target })
    } else if let Some((path, target)) = text.split_once(" = ") {
        let target = target.into();
        (path, EntryKind::HardLink { target })
    } else if let Some(path) = text.strip_suffix(" | ") {
        (path, EntryKind::Fifo)
    } else if let Some(path) = text.strip_suffix('/') {
        (path, EntryKind::Directory)
    } else {
        (text, EntryKind::File)
    };
    let size = if kind == EntryKind::File { 3 } else { 0 };
    let mode = if kind == EntryKind::Directory {
        0o755
    } else {
        0o644
    };
    Entry {
        path: path.into(),
        kind,
        mode,
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        mtime: Mtime {
            secs: 1000,
            nanos: 5,
        },
        size,
        xattrs: Vec::new(),
        sparse: None,
    }
}

/// Gives entries to whoever takes them, each file with the content `new`.
pub(super) fn give(to: &mut dyn TarVisitor, entries: &[Entry]) -> Result<(), SinkClosed> {
    for entry in entries {
        to.begin(entry, 0)?;
        if entry.kind == EntryKind::File {
            to.data(&b"new"[..entry.size.min(3) as usize])?;
        }
        to.end()?;
    }
    Ok(())
}

pub(super) fn entries(texts: &[&str]) -> Vec<Entry> {
    texts.iter().map(|text| entry(text)).collect()
}

/// The tar that the engine would get for those entries; or why not.
pub(super) fn uploaded(
    feed: impl FnOnce(&mut VolumeUpload) -> Result<(), SinkClosed> + Send + 'static,
) -> Result<Vec<u8>, Option<ContentError>> {
    let (mut to, upload) = VolumeUpload::new(1 << 20, StageOptions::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let sending = std::thread::spawn(move || {
        let fed = feed(&mut to);
        let error = to.take_error();
        drop(to.finish(fed.is_ok() && error.is_none()));
        fed.map_err(|SinkClosed| error)
    });
    let pieces: Vec<std::io::Result<Bytes>> =
        runtime.block_on(futures_util::StreamExt::collect(upload));
    let sent = sending.join().unwrap();
    let is_whole = pieces.iter().all(Result::is_ok);
    assert_eq!(
        is_whole,
        sent.is_ok(),
        "the engine is told when it is not whole"
    );
    sent?;
    Ok(pieces.into_iter().flatten().flatten().collect())
}

/// Reads a folder into a visitor.
pub(super) fn read_into(folder: &Path, to: &mut dyn TarVisitor) {
    let scan = walk::scan(WalkOptions {
        root: folder,
        filter: &mut TakeAll,
        follow_symlinks: false,
        never: &[],
        one_file_system: true,
        list_dir: &std::env::temp_dir(),
        cancelled: &|| false,
        prefix: b"",
    });
    let report = walk::read(scan.unwrap(), &mut Sink(to)).unwrap();
    assert_eq!(report.troubles.count(), 0);
}

/// What readers call, as what takers are called by.
struct Sink<'a>(&'a mut dyn TarVisitor);

impl EntrySink for Sink<'_> {
    fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
        self.0.begin(entry, 0)
    }

    fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
        self.0.data(&chunk)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.0.end()
    }
}

/// The paths in a map, for those who do not care what is there.
pub(super) fn names(found: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let names = found.keys();
    names
        .map(|path| String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned())
        .collect()
}
