//! A dump of every kind of member and entry, by the program's own way from plan to target, for those who
//! read it back.

use std::ffi::OsStr;
use std::fs;
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{Stage, engine_tar};
use crate::codecs::{Codec, Compression};
use crate::config::dump_name::DumpName;
use crate::engine::fake::Ending;
use crate::executor::{RunReport, dump};
use crate::plan::model::{TargetKind, TargetPlan};
use crate::plan::samples::Sample;

/// How a dump is to lie there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Directory,
    Archive,
}

/// Dumps a project with everything into a folder of dumps.
pub(crate) fn dump_everything(dumps: &Path, shape: Shape, codec: Codec) -> PathBuf {
    dump_of(&mut everything(), dumps, shape, codec)
}

/// The same with a volume whose reader breaks off and one whose file cannot be read: not complete.
pub(crate) fn dump_with_gaps(dumps: &Path, shape: Shape, codec: Codec) -> PathBuf {
    let mut stage = everything();
    stage.volume("broken", None);
    let cut = engine_tar(&[("x", &[7; 5000])])[..3000].to_vec();
    stage
        .engine
        .put_volume_archive("broken", cut, Ending::Clean);
    dump_of(&mut stage, dumps, shape, codec)
}

fn dump_of(stage: &mut Stage, dumps: &Path, shape: Shape, codec: Codec) -> PathBuf {
    stage.plan.targets = vec![target(dumps, shape, codec)];
    let mut world = stage.world();
    world.run.invoked = "2026-11-23T01:42:05.123456789Z".parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let report: RunReport = runtime.block_on(dump(stage.plan.clone(), world));
    let place = report.targets[0].dump.clone();
    PathBuf::from(place.unwrap_or_else(|| panic!("no dump: {report:?}")))
}

pub(in crate::executor) fn target(dumps: &Path, shape: Shape, codec: Codec) -> TargetPlan {
    let path = dumps.to_owned();
    let dump_name = DumpName::parse("{name}___{date}_{time}").unwrap();
    let mut target = Sample::new().plan().targets.remove(0);
    target.kind = match shape {
        Shape::Directory => TargetKind::Folder { path, dump_name },
        Shape::Archive => TargetKind::Archives { path, dump_name },
    };
    target.compression = Compression {
        threads: Some(1),
        ..Compression::new(codec)
    };
    target.spool.dir = std::env::temp_dir();
    target
}

pub(in crate::executor) fn everything() -> Stage {
    let mut stage = Stage::new();
    stage.file("conf/app/key", b"a key\n");
    stage.file("conf/app/empty", b"");
    stage.file("data/top", &[b'x'; 3000]);
    stage.file("data/deep/er/file", &noise(70_000));
    stage.file("data/inner/picture", &noise(9_000));
    let base = stage.base();
    let odd = base
        .join("data")
        .join(OsStr::from_bytes(b"n\xf6n\nwith\tall\\"));
    fs::write(odd, "a name in no encoding").unwrap();
    fs::hard_link(base.join("data/top"), base.join("data/top2")).unwrap();
    symlink("../somewhere/else", base.join("data/link")).unwrap();
    fs::hard_link(base.join("data/link"), base.join("data/link2")).unwrap();
    let fifo = base.join("data/pipe");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
    fs::hard_link(&fifo, base.join("data/pipe2")).unwrap();
    let holes = fs::File::create(base.join("data/holes")).unwrap();
    holes.set_len(3 << 20).unwrap();
    holes.write_all_at(b"in the middle", 1 << 20).unwrap();
    fs::set_permissions(base.join("data/deep"), fs::Permissions::from_mode(0o2750)).unwrap();
    stage.plan.trees.clear();
    stage.tree(
        "config",
        "config",
        &[("compose.yaml", false), ("conf/app", true)],
    );
    stage.mounted("data").not = vec!["data/inner".into()];
    stage.mounted("data/inner");

    stage.file("../volume/rows", &noise(40_000));
    stage.file("../volume/sub/more", b"more");
    symlink("rows", base.join("../volume/link")).unwrap();
    let mountpoint = base.join("../volume");
    stage.volume("db", Some(&mountpoint));
    stage.volume("remote", None);
    let tar = engine_tar(&[("x", b"content of x"), ("y", &[0; 2000])]);
    stage
        .engine
        .put_volume_archive("remote", tar, Ending::Clean);
    stage.plan.volumes_at_once = NonZero::new(2).unwrap();
    stage
}

/// Bytes that hardly compress, the same each time.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}
