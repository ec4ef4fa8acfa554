//! What every test here needs: a sink that keeps everything, and trees to read.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use compose_dump::archive::entry::{Entry, EntrySink, SinkClosed};
use compose_dump::archive::tar::{END, encoded_len};
use compose_dump::sources::walk::{
    Filter, ReadReport, Scan, TakeAll, Trouble, TroubleKind, WalkOptions, read, scan,
};

/// Keeps everything, and checks the order of the calls.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) entries: Vec<(Entry, Vec<u8>)>,
    pub(crate) open: bool,
}

impl EntrySink for Collected {
    fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
        assert!(!std::mem::replace(&mut self.open, true));
        self.entries.push((entry.clone(), Vec::new()));
        Ok(())
    }

    fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
        assert!(self.open && !chunk.is_empty());
        self.entries.last_mut().unwrap().1.extend_from_slice(&chunk);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        assert!(std::mem::replace(&mut self.open, false));
        let (entry, data) = self.entries.last().unwrap();
        assert_eq!(entry.data_len(), data.len() as u64, "{entry:?}");
        Ok(())
    }
}

impl Collected {
    pub(crate) fn paths(&self) -> Vec<String> {
        self.entries
            .iter()
            .map(|(entry, _)| String::from_utf8_lossy(&entry.path).into_owned())
            .collect()
    }

    pub(crate) fn get(&self, path: &str) -> &(Entry, Vec<u8>) {
        self.entries
            .iter()
            .find(|(entry, _)| entry.path == path.as_bytes())
            .unwrap()
    }

    pub(crate) fn tar_bytes(&self) -> u64 {
        let entries = self
            .entries
            .iter()
            .map(|(entry, _)| encoded_len(entry, b"./"));
        entries.sum::<u64>() + END.len() as u64
    }
}

pub(crate) fn options<'a>(root: &'a Path, filter: &'a mut dyn Filter) -> WalkOptions<'a> {
    let list_dir = root.parent().unwrap();
    WalkOptions {
        root,
        filter,
        follow_symlinks: false,
        never: &[],
        one_file_system: true,
        list_dir,
        cancelled: &|| false,
        prefix: b"./",
    }
}

pub(crate) fn scan_all(root: &Path) -> Scan {
    scan(options(root, &mut TakeAll)).unwrap()
}

pub(crate) fn read_all(scan: Scan) -> (Collected, ReadReport) {
    let mut collected = Collected::default();
    let (announced, entry_count) = (scan.tar_bytes(), scan.entry_count());
    let report = read(scan, &mut collected).unwrap();
    assert_eq!(collected.tar_bytes() + report.missing_tar_bytes, announced);
    assert_eq!(report.entry_count, collected.entries.len() as u64);
    assert!(report.entry_count <= entry_count);
    (collected, report)
}

pub(crate) fn trouble(path: &str, kind: TroubleKind) -> Trouble {
    Trouble {
        path: path.as_bytes().to_vec(),
        kind,
    }
}

pub(crate) fn write(root: &Path, files: &[&str]) {
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
}
