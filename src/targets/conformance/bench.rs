//! One kind of target with one codec, in a folder of its own, and what the ordinary programs find.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::archive::manifest::{Draft, Manifest, Place, Published};
use crate::codecs::{Codec, Compression};
use crate::targets::open::{
    Format, SpoolMode, SpoolSpec, TargetKind, TargetSpec, open, open_in_store, open_stdout,
};
use crate::targets::{DumpWriter, Shared, TargetError};

use super::backing::{Backend, Backing};

/// The kinds of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Tree,
    Archive,
    Exact,
    Stdout,
    /// Objects in a store.
    StoreTree,
    /// An archive in a store.
    StoreArchive,
}

impl Kind {
    /// Whether the dump is a folder, or becomes one when it is fetched.
    pub(super) const fn is_tree(self) -> bool {
        matches!(self, Self::Tree | Self::StoreTree)
    }
}

/// A kind and a codec.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) kind: Kind,
    pub(super) codec: Codec,
    pub(super) spool: SpoolMode,
    /// Behind the kinds that are stores.
    pub(super) backend: Backend,
}

pub(super) const NAME: &str = "blog___2026-11-23_014205";

impl Case {
    /// Every kind with every codec, and both ways to spool.
    pub(super) fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for kind in [Kind::Tree, Kind::Archive, Kind::Exact, Kind::Stdout] {
            cases.extend(Codec::ALL.map(|codec| Self::of(kind, codec, Backend::Memory)));
        }
        cases.extend(Self::in_stores(Backend::Memory));
        cases.extend(Self::in_stores(Backend::InProcess));
        cases
    }

    /// The kinds that are stores. A store does not know the codec: one that compresses and one that does
    /// not.
    pub(super) fn in_stores(backend: Backend) -> Vec<Self> {
        let kinds = [Kind::StoreTree, Kind::StoreArchive].into_iter();
        let codecs = |kind| [Codec::None, Codec::Gz].map(|codec| Self::of(kind, codec, backend));
        kinds.flat_map(codecs).collect()
    }

    /// The spool does not know the codec: each with one is enough.
    pub(super) const fn of(kind: Kind, codec: Codec, backend: Backend) -> Self {
        let spool = match codec {
            Codec::Gz => SpoolMode::All,
            _ => SpoolMode::Beside,
        };
        Self {
            kind,
            codec,
            spool,
            backend,
        }
    }

    /// The kinds that have names, each with one codec.
    pub(super) fn named() -> [Self; 3] {
        [Kind::Tree, Kind::Archive, Kind::Exact]
            .map(|kind| Self::of(kind, Codec::Zst, Backend::Memory))
    }
}

/// A place for the dumps of one case.
pub(super) struct Bench {
    pub(super) case: Case,
    pub(super) folder: PathBuf,
    scratch: TempDir,
    backing: Backing,
    runtime: Runtime,
}

/// What the targets of a test share.
pub(super) fn shared() -> Shared {
    Shared::new(CancellationToken::new())
}

impl Bench {
    pub(super) fn new(case: Case) -> Self {
        Self::behind(case, Backing::new(case.backend))
    }

    /// One whose store is there already.
    pub(super) fn behind(case: Case, backing: Backing) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("dumps");
        Self {
            case,
            folder,
            scratch,
            backing,
            runtime: Runtime::new().unwrap(),
        }
    }

    pub(super) const fn backing(&self) -> &Backing {
        &self.backing
    }

    /// All objects below the prefix by their names there.
    pub(super) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.backing.objects(&self.runtime)
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
            Kind::Stdout | Kind::StoreTree | Kind::StoreArchive => TargetKind::Stdout,
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
            Kind::StoreTree => self.open_in_store(Format::Directory),
            Kind::StoreArchive => self.open_in_store(Format::Archive),
            Kind::Tree | Kind::Archive | Kind::Exact => open(&self.spec(), &shared()),
        }
    }

    fn open_in_store(&self, format: Format) -> Result<Box<dyn DumpWriter>, TargetError> {
        let _inside = self.runtime.enter();
        let shared = Shared {
            limits: self.backing.limits(),
            ..shared()
        };
        open_in_store(&self.spec(), self.backing.store(), (format, NAME), &shared)
    }

    /// Makes files of all objects, and folders of the tars that hold trees.
    fn fetch(&self, dump: &str) {
        for (name, content) in self.objects() {
            let path = self.folder.join(name);
            let mut folders = DirBuilder::new();
            folders.recursive(true).mode(0o700);
            folders.create(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let extension = self.case.codec.tar_extension();
        let marker = match self.case.kind {
            Kind::StoreTree => self.folder.join(dump).join("Manifest.yml"),
            _ => self.folder.join(format!("{dump}.manifest.yml")),
        };
        let dump = self.folder.join(dump);
        let manifest = Manifest::parse(&fs::read(&marker).unwrap()).unwrap();
        let beside = marker.parent().unwrap();
        for (whole, segments) in &manifest.segments {
            for segment in &segments[1..] {
                let more = fs::read(beside.join(&segment.path)).unwrap();
                let mut file = File::options().append(true).open(beside.join(whole));
                file.as_mut().unwrap().write_all(&more).unwrap();
                fs::remove_file(beside.join(&segment.path)).unwrap();
            }
        }
        for tree in &manifest.trees {
            let tar = dump.join(&tree.path);
            assert_eq!(sha256sum(&tar), tree.sha256.to_string());
            assert!(tree.path.ends_with(extension), "{}", tree.path);
            self.untar(&tar, &dump);
            fs::remove_file(&tar).unwrap();
        }
    }

    /// Whether the first dump may be called so: at a store without conditions, which one outside may be,
    /// it gets a name that nobody else has.
    pub(super) fn is_first_name(&self, name: &str) -> bool {
        match self.case.backend {
            Backend::Outside => name.starts_with(NAME),
            Backend::Memory | Backend::InProcess => name == NAME,
        }
    }

    /// Where the dump is; standard output went to a file.
    pub(super) fn place(&self, published: &Published) -> PathBuf {
        match &published.place {
            Place::Path(path) => path.clone(),
            Place::Url(url) => {
                self.fetch(published.name.as_ref().unwrap());
                let prefix = format!("{}/", self.backing.store().place(""));
                self.folder.join(url.strip_prefix(&prefix).unwrap())
            }
            Place::Stdout => self.stdout_file(),
        }
    }

    /// The dump as a folder: archives are unpacked by GNU tar.
    pub(super) fn unpack(&self, dump: &Path) -> PathBuf {
        if self.case.kind.is_tree() {
            return dump.to_owned();
        }
        let into = self.scratch.path().join("unpacked");
        fs::create_dir(&into).unwrap();
        self.untar(dump, &into);
        into
    }

    fn untar(&self, tar: &Path, into: &Path) {
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
            .arg(tar)
            .arg("-C")
            .arg(into));
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
