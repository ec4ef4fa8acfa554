//! One kind of target with one codec, in a folder of its own, and what the ordinary programs find.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::archive::manifest::{Draft, Manifest, Place, Published};
use crate::codecs::{Codec, Compression};
use crate::targets::open::{
    Format, SpoolMode, SpoolSpec, TargetKind, TargetSpec, open, open_stdout,
};
use crate::targets::{DumpWriter, TargetError};

/// The kinds of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Tree,
    Archive,
    Exact,
    Stdout,
}

/// A kind and a codec.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) kind: Kind,
    pub(super) codec: Codec,
    pub(super) spool: SpoolMode,
}

pub(super) const NAME: &str = "blog___2026-11-23_014205";

impl Case {
    /// Every kind with every codec, and both ways to spool.
    pub(super) fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for kind in [Kind::Tree, Kind::Archive, Kind::Exact, Kind::Stdout] {
            for codec in Codec::ALL {
                // The spool does not know the codec: each with one is enough.
                let spool = if codec == Codec::Gz {
                    SpoolMode::All
                } else {
                    SpoolMode::UnknownSize
                };
                cases.push(Self { kind, codec, spool });
            }
        }
        cases
    }

    /// The kinds that have names, each with one codec.
    pub(super) fn named() -> [Self; 3] {
        [Kind::Tree, Kind::Archive, Kind::Exact].map(|kind| Self {
            kind,
            codec: Codec::Zst,
            spool: SpoolMode::UnknownSize,
        })
    }
}

/// A place for the dumps of one case.
pub(super) struct Bench {
    pub(super) case: Case,
    pub(super) folder: PathBuf,
    scratch: TempDir,
}

impl Bench {
    pub(super) fn new(case: Case) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("dumps");
        Self {
            case,
            folder,
            scratch,
        }
    }

    /// The same in a folder of dumps that somebody else made.
    pub(super) fn at(case: Case, folder: PathBuf) -> Self {
        Self {
            folder,
            ..Self::new(case)
        }
    }

    pub(super) fn spec(&self) -> TargetSpec {
        let extension = self.case.codec.tar_extension();
        let kind = match self.case.kind {
            Kind::Tree | Kind::Archive => TargetKind::Folder {
                dir: self.folder.clone(),
                format: match self.case.kind {
                    Kind::Tree => Format::Directory,
                    _ => Format::Archive,
                },
                dump_name: NAME.to_owned(),
            },
            Kind::Exact => TargetKind::ArchiveFile {
                path: self.folder.join(format!("{NAME}{extension}")),
            },
            Kind::Stdout => TargetKind::Stdout,
        };
        TargetSpec {
            name: "under-test".to_owned(),
            kind,
            compression: Compression::new(self.case.codec),
            spool: SpoolSpec {
                dir: self.scratch.path().join("spool"),
                mode: self.case.spool,
                limit: None,
            },
            invocation_time: "2026-11-23T01:42:05Z".parse().unwrap(),
        }
    }

    fn stdout_file(&self) -> PathBuf {
        self.scratch.path().join("stdout.tar")
    }

    pub(super) fn open(&self) -> Result<Box<dyn DumpWriter>, TargetError> {
        match self.case.kind {
            Kind::Stdout => open_stdout(&self.spec(), File::create(self.stdout_file()).unwrap()),
            _ => open(&self.spec()),
        }
    }

    /// Where the dump is; standard output went to a file.
    pub(super) fn place(&self, published: &Published) -> PathBuf {
        match &published.place {
            Place::Path(path) => path.clone(),
            Place::Stdout => self.stdout_file(),
        }
    }

    /// The dump as a folder: archives are unpacked by GNU tar.
    pub(super) fn unpack(&self, dump: &Path) -> PathBuf {
        if self.case.kind == Kind::Tree {
            return dump.to_owned();
        }
        let into = self.scratch.path().join("unpacked");
        fs::create_dir(&into).unwrap();
        let decompress = match self.case.codec {
            Codec::None => "--no-auto-compress",
            Codec::Gz => "--gzip",
            Codec::Bz2 => "--bzip2",
            Codec::Xz => "--xz",
            Codec::Zst => "--zstd",
        };
        let options = [
            decompress,
            "--xattrs",
            "--xattrs-include=*",
            "--numeric-owner",
            "-xpf",
        ];
        run(Command::new("tar")
            .args(options)
            .arg(dump)
            .arg("-C")
            .arg(&into));
        into
    }

    /// The names in the folder of dumps, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        names(&self.folder)
    }
}

/// The names in a folder, sorted.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Reads the manifest in an unpacked dump.
pub(super) fn manifest(root: &Path) -> Manifest {
    Manifest::parse(&fs::read(root.join("Manifest.yml")).unwrap()).unwrap()
}

/// Gives back the content of a member by the codec's own program.
pub(super) fn decompressed(path: &Path) -> Vec<u8> {
    let program = match path.extension().and_then(OsStr::to_str) {
        Some("gz") => "gzip",
        Some("bz2") => "bzip2",
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => return fs::read(path).unwrap(),
    };
    run(Command::new(program).arg("-dc").arg(path))
}

/// What `sha256sum` says.
pub(super) fn sha256sum(path: &Path) -> String {
    let output = run(Command::new("sha256sum").arg("-b").arg(path));
    String::from_utf8(output).unwrap().trim_start_matches('\\')[..64].to_owned()
}

/// Runs a program and gives its output; asks for it to be installed where it is missing.
pub(super) fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "install {:?} to run this test: {error}",
            command.get_program()
        )
    });
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    output.stdout
}

/// Finishes a dump of the whole sample.
pub(super) fn finish(writer: Box<dyn DumpWriter>, draft: &Draft) -> Published {
    writer.finish(draft).unwrap()
}
