//! One dump in a folder of its own, damaged and mended again.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::archive::manifest::Sha256Digest;
use crate::codecs::Codec;
use crate::executor::samples::whole::{Shape, dump_everything};
use crate::stored::{Dump, OpenError, Verdicts};

/// A dump of everything.
pub(super) struct Bench {
    pub(super) dump: PathBuf,
    pub(super) folder: TempDir,
}

/// Every form that a dump can have.
pub(super) fn forms() -> impl Iterator<Item = (Shape, Codec)> {
    let with = |shape| Codec::ALL.into_iter().map(move |codec| (shape, codec));
    with(Shape::Directory).chain(with(Shape::Archive))
}

impl Bench {
    pub(super) fn new(shape: Shape, codec: Codec) -> Self {
        Self::made(|dumps| dump_everything(dumps, shape, codec))
    }

    pub(super) fn made(make: impl FnOnce(&Path) -> PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dump = make(&folder.path().join("dumps"));
        Self { dump, folder }
    }

    /// The folder in which the dump and nothing else is.
    pub(super) fn dumps(&self) -> &Path {
        self.dump.parent().unwrap()
    }

    /// The marker of an archive.
    pub(super) fn marker(&self) -> PathBuf {
        let name = self.dump.file_name().unwrap().as_encoded_bytes();
        let (stem, _) = Codec::split_archive_name(name).unwrap();
        let stem = std::str::from_utf8(stem).unwrap();
        self.dumps().join(format!("{stem}.manifest.yml"))
    }

    pub(super) fn verify(&self) -> Result<Verdicts, OpenError> {
        verify(&self.dump, self.folder.path())
    }

    /// The archive without its marker, as from a pipe.
    pub(super) fn verify_stream(&self) -> Result<Verdicts, OpenError> {
        let mut stream = File::open(&self.dump).unwrap();
        let mut dump = Dump::open_stream(&mut stream, self.folder.path())?;
        Ok(dump.verify(&mut |_| {})?)
    }

    /// Every file of which the dump consists, with its length.
    pub(super) fn files(&self) -> Vec<(PathBuf, u64)> {
        let mut files = Vec::new();
        collect(self.dumps(), &mut files);
        files.sort();
        files
    }

    /// What is wrong, in words; with `sound` if nothing is.
    pub(super) fn said(&self) -> String {
        said(self.verify())
    }
}

fn verify(dump: &Path, scratch: &Path) -> Result<Verdicts, OpenError> {
    Ok(Dump::open(dump, scratch)?.verify(&mut |_| {})?)
}

pub(super) fn said(verdicts: Result<Verdicts, OpenError>) -> String {
    let verdicts = match verdicts {
        Ok(verdicts) if verdicts.is_sound() => return "sound".to_owned(),
        Ok(verdicts) => verdicts,
        Err(error) => return chain(&error),
    };
    let faults = verdicts.faults().map(|found| {
        let path = crate::archive::escape::escape(&found.path);
        format!("{path} {}", chain(&found.fault))
    });
    faults.collect::<Vec<_>>().join("; ")
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, u64)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let found = entry.metadata().unwrap();
        if found.is_dir() {
            collect(&entry.path(), files);
        } else if found.is_file() && found.len() > 0 {
            files.push((entry.path(), found.len()));
        }
    }
}

/// Flips one bit of a file, and again.
pub(super) fn flip(path: &Path, bit: u64) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, bit / 8).unwrap();
    byte[0] ^= 1 << (bit % 8);
    file.write_all_at(&byte, bit / 8).unwrap();
}

/// Numbers that are the same in each run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// A copy of everything in a folder, metadata included where it can be.
pub(super) fn copy(from: &Path, to: &Path, options: &str) {
    let arguments = [OsString::from(options), from.into(), to.into()];
    let copied = std::process::Command::new("cp").args(arguments).status();
    assert!(copied.unwrap().success());
}

/// Changes the text of a manifest and seals it again, as somebody could who wants to deceive.
pub(super) fn reseal(path: &Path, change: impl FnOnce(String) -> String) {
    let sealed = fs::read_to_string(path).unwrap();
    let text = sealed[..sealed.len() - 73].to_owned();
    let changed = change(text);
    let digest = Sha256Digest::of(changed.as_bytes());
    fs::write(path, format!("{changed}sha256: {digest}\n")).unwrap();
}
