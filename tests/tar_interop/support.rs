//! What every test here needs: the tar of a folder, other tars' tools, and an independent look at a tree.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use bytes::Bytes;
use compose_dump::archive::entry::SinkClosed;
use compose_dump::archive::index::IndexWriter;
use compose_dump::sources::volume_tar::VolumeTar;
use compose_dump::sources::walk::{ReadReport, TakeAll, Troubles, WalkOptions, read, scan};

/// A folder as a tar, with everything that was said on the way.
pub(crate) struct Dumped {
    pub(crate) tar: Vec<u8>,
    pub(crate) index: String,
    pub(crate) scan_troubles: Troubles,
    pub(crate) report: ReadReport,
}

/// Scans and reads `root` and makes a tar of it, `between` being called after the scan.
pub(crate) fn dump_with(root: &Path, between: impl FnOnce()) -> Dumped {
    let scan = scan(WalkOptions {
        root,
        filter: &mut TakeAll,
        follow_symlinks: false,
        never: &[],
        one_file_system: true,
        list_dir: &std::env::temp_dir(),
        cancelled: &|| false,
        prefix: b"./",
    })
    .expect("the root can be scanned");
    let announced = scan.tar_bytes();
    let scan_troubles = scan.troubles().clone();
    between();

    let mut bytes = Vec::new();
    let take = |chunk: Bytes| -> Result<(), SinkClosed> {
        assert!(!chunk.is_empty());
        bytes.extend_from_slice(&chunk);
        Ok(())
    };
    let index = IndexWriter::create(Vec::new()).expect("memory takes everything");
    let mut tar = VolumeTar::new(take, index, b"./");
    let report = read(scan, &mut tar).expect("the list can be read");
    let end = tar
        .finish(Some(announced))
        .expect("what was announced was written");
    assert_eq!(end.entry_count, report.entry_count);
    let index = String::from_utf8(end.index).expect("an index is text");
    assert_eq!(
        bytes.len() as u64,
        announced,
        "a tar is as long as its scan has announced"
    );
    Dumped {
        tar: bytes,
        index,
        scan_troubles,
        report,
    }
}

/// As [`dump_with`], of a folder that holds still: nothing may go wrong.
pub(crate) fn dump(root: &Path) -> Dumped {
    let dumped = dump_with(root, || {});
    assert_eq!(
        dumped.scan_troubles.count(),
        0,
        "{:?}",
        dumped.scan_troubles
    );
    assert_eq!(
        dumped.report.troubles.count(),
        0,
        "{:?}",
        dumped.report.troubles
    );
    assert_eq!(dumped.report.missing_tar_bytes, 0);
    dumped
}

/// Runs a program with `input`; it has to succeed and say nothing on stderr.
pub(crate) fn run(program: &str, arguments: &[&OsStr], input: &[u8]) -> Vec<u8> {
    let output = run_any(program, arguments, input);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stderr.is_empty(),
        "{program} {arguments:?}: {stderr}"
    );
    output.stdout
}

/// Runs a program with `input`.
pub(crate) fn run_any(program: &str, arguments: &[&OsStr], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; on Debian: {}", package_of(program)));
    let mut stdin = child.stdin.take().expect("piped");
    std::thread::scope(|scope| {
        // It may well stop reading early.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("it was started")
    })
}

fn package_of(program: &str) -> &'static str {
    match program {
        "bsdtar" => "apt-get install libarchive-tools",
        "setfacl" => "apt-get install acl",
        "python3" => "apt-get install python3",
        _ => "apt-get install tar coreutils",
    }
}

/// Runs a Python program, with `input` on its standard input.
pub(crate) fn python(program: &str, arguments: &[&OsStr], input: &[u8]) -> String {
    let mut all = vec![OsStr::new("-c"), OsStr::new(program)];
    all.extend_from_slice(arguments);
    String::from_utf8(run("python3", &all, input)).expect("the program prints text")
}

/// Everything about the tree that a tar can hold, one line per file, as Python sees it.
pub(crate) fn describe(root: &Path) -> String {
    python(DESCRIBE, &[root.as_os_str()], b"")
}

/// As [`describe`], without what Python's tarfile and bsdtar do not restore.
pub(crate) fn describe_without(root: &Path, fields: &str) -> String {
    python(DESCRIBE, &[root.as_os_str(), OsStr::new(fields)], b"")
}

const DESCRIBE: &str = r#"
import hashlib, os, stat, sys
root = os.fsencode(sys.argv[1])
without = sys.argv[2].split(",") if len(sys.argv) > 2 else []
first_names = {}
def show(path):
    s = os.lstat(os.path.join(root, path))
    full = os.path.join(root, path)
    f = {"path": path, "type": stat.S_IFMT(s.st_mode), "mode": oct(stat.S_IMODE(s.st_mode)),
         "owner": (s.st_uid, s.st_gid), "mtime": s.st_mtime_ns}
    f["xattrs"] = sorted((n, os.getxattr(full, n, follow_symlinks=False)) for n in os.listxattr(full, follow_symlinks=False))
    if stat.S_ISREG(s.st_mode):
        f["size"] = s.st_size
        f["holes"] = s.st_blocks * 512 < s.st_size
        f["link"] = first_names.setdefault((s.st_dev, s.st_ino), path)
        digest = hashlib.sha256()
        if s.st_size < 1 << 30:
            digest.update(open(full, "rb").read())
        else:
            # Only what is data: the file may be far larger than memory.
            fd = os.open(full, os.O_RDONLY); at = 0
            while True:
                try: at = os.lseek(fd, at, os.SEEK_DATA)
                except OSError: break
                end = os.lseek(fd, at, os.SEEK_HOLE)
                digest.update(b"%d " % at + os.pread(fd, end - at, at)); at = end
            os.close(fd)
        f["sha256"] = digest.hexdigest()
    if stat.S_ISLNK(s.st_mode):
        f["target"] = os.readlink(full)
        f.pop("mode")
    if stat.S_ISCHR(s.st_mode) or stat.S_ISBLK(s.st_mode):
        f["device"] = (os.major(s.st_rdev), os.minor(s.st_rdev))
    for name in without: f.pop(name, None)
    if "early" in without and f["mtime"] < 10**9: del f["mtime"]
    print(ascii(f))
    if stat.S_ISDIR(s.st_mode):
        for name in sorted(os.listdir(full)): show(os.path.join(path, name) if path != b"." else name)
sys.setrecursionlimit(5000)
show(b".")
"#;

/// A path in `root` of any bytes.
pub(crate) fn at(root: &Path, name: &[u8]) -> std::path::PathBuf {
    root.join(OsStr::from_bytes(name))
}
