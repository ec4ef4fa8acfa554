//! Trees with everything in them that a tar can hold.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, XattrFlags, mknodat};

use crate::support::{at, python, run};

/// One of each kind of file, and each property that a tar has, as far as every user may make it.
pub(crate) fn everything_for_anyone(root: &Path) {
    for name in [
        &b"plain"[..],
        b"empty",
        b"-leading",
        b"a\\b",
        b"new\nline",
        b"\xff\xfe",
        "na\u{ef}ve".as_bytes(),
        b" ",
    ] {
        fs::write(at(root, name), name.repeat(100)).unwrap();
    }
    fs::write(root.join("empty"), b"").unwrap();
    for (len, name) in [
        (511, "d511"),
        (512, "d512"),
        (513, "d513"),
        (300_000, "d300000"),
        (1 << 20, "d1m"),
    ] {
        fs::write(root.join(name), vec![7; len]).unwrap();
    }
    for len in [99, 100, 101, 155, 156, 200, 255] {
        fs::write(root.join("n".repeat(len)), len.to_string()).unwrap();
        let dir = root.join("d".repeat(len)).join("e".repeat(len));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(OsStr::new("caf\u{e9}")), b"deep").unwrap();
        symlink("t".repeat(len), root.join(format!("link{len}"))).unwrap();
    }
    symlink("t/".repeat(2000), root.join("long link")).unwrap();
    symlink("/nowhere", root.join("absolute")).unwrap();
    symlink(OsStr::new("\u{e9}"), root.join("accent")).unwrap();
    fs::create_dir(root.join("linked")).unwrap();
    fs::hard_link(root.join("d513"), root.join("linked/again")).unwrap();
    fs::hard_link(root.join("d513"), root.join("h".repeat(180))).unwrap();
    fs::hard_link(root.join("n".repeat(200)), root.join("linked/long")).unwrap();
    mknodat(CWD, root.join("fifo"), FileType::Fifo, Mode::from(0o640), 0).unwrap();
    for mode in [0o000, 0o4755, 0o2755, 0o1777, 0o400] {
        let path = root.join(format!("mode{mode:o}"));
        fs::write(&path, b"").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    set_xattr(&root.join("plain"), "user.text", b"value");
    set_xattr(&root.join("plain"), "user.binary", b"\x00\n=\xff");
    set_xattr(&root.join("linked"), "user.on a directory", b"");
    set_times(root);
}

/// What only root may make.
pub(crate) fn everything_for_root(root: &Path) {
    for (name, uid, gid) in [
        ("plain", 1000, 1001),
        ("d511", 2_097_151, 2_097_152),
        ("d512", 4_000_000_000, 4_294_967_294),
    ] {
        std::os::unix::fs::lchown(root.join(name), Some(uid), Some(gid)).unwrap();
    }
    std::os::unix::fs::lchown(root.join("absolute"), Some(12), Some(34)).unwrap();
    std::os::unix::fs::lchown(root, Some(999), Some(998)).unwrap();
    fs::set_permissions(root, fs::Permissions::from_mode(0o3750)).unwrap();
    for (name, kind, number) in [
        ("null", FileType::CharacterDevice, rustix::fs::makedev(1, 3)),
        (
            "zero zero",
            FileType::CharacterDevice,
            rustix::fs::makedev(0, 0),
        ),
        (
            "disk",
            FileType::BlockDevice,
            rustix::fs::makedev(4095, (1 << 20) - 1),
        ),
    ] {
        mknodat(CWD, root.join(name), kind, Mode::from(0o600), number).unwrap();
    }
    set_xattr(&root.join("plain"), "trusted.secret", b"t");
    // bsdtar would take the percent signs that stand for these literally.
    set_xattr(&root.join("linked"), "user.a=b%3D", b"x");
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    set_xattr(&root.join("d1m"), "security.capability", &capability);
    let arguments = ["-m", "u:1234:rw,g:77:r,d:u:1234:rwx"].map(OsStr::new);
    run(
        "setfacl",
        &[arguments[0], arguments[1], root.join("linked").as_os_str()],
        b"",
    );
    run(
        "setfacl",
        &[
            OsStr::new("-m"),
            OsStr::new("u:4000000:r"),
            root.join("d300000").as_os_str(),
        ],
        b"",
    );
    set_times(root);
}

/// Files with holes in every place, one larger than a tar's size field can say.
pub(crate) fn files_with_holes(root: &Path) {
    sparse(&root.join("holes"), &[0, 1 << 20, 5 << 20], 9 << 20);
    sparse(&root.join("hole at the end"), &[0], 1 << 20);
    sparse(
        &root.join("hole at the start"),
        &[1 << 20],
        (1 << 20) + 4096,
    );
    sparse(&root.join("only a hole"), &[], 20 << 30);
    sparse(
        &root.join("s".repeat(170)),
        &(0..200).map(|i| i << 20).collect::<Vec<_>>(),
        16 << 30,
    );
}

fn sparse(path: &Path, blocks: &[u64], size: u64) {
    let file = File::create(path).unwrap();
    file.set_len(size).unwrap();
    for &offset in blocks {
        file.write_all_at(&[b's'; 4096], offset).unwrap();
    }
}

fn set_xattr(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::lsetxattr(path, name, value, XattrFlags::empty())
        .unwrap_or_else(|error| panic!("{name} of {path:?}: {error}; the folder for temporary files has to be on ext4, XFS or Btrfs"));
}

/// Times with nanoseconds, before the epoch, and beyond what eleven octal digits can say.
pub(crate) fn set_times(root: &Path) {
    let program = r#"
import os, sys
root = os.fsencode(sys.argv[1])
times = {b"empty": -1_000_000, b"d511": -1_500_000_000, b"d512": 0, b"d513": 1_000_000, b"d300000": 8_589_934_592 * 10**9,
         b"d1m": 1_700_000_000_123_456_789, b"absolute": 1_600_000_000_000_000_001, b"linked": 1_234_567_890_100_000_000}
for name, ns in times.items():
    os.utime(os.path.join(root, name), ns=(ns, ns), follow_symlinks=False)
"#;
    python(program, &[root.as_os_str()], b"");
}
