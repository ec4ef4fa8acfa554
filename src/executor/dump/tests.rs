//! The spine: what happens in which order, and what is left of a run where something fails.

use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::sync::mpsc;

use super::*;
use crate::archive::manifest::Sha256Digest;
use crate::codecs::{Codec, decoder};
use crate::engine::ContainerState;
use crate::engine::fake::{Call, Ending, Fault, Method};
use crate::executor::samples::{Stage, Tape, Writer, engine_tar, held, running};
use crate::exit::Exit;
use crate::plan::model::TreeReader;

mod exported;
mod failing;
mod held;
mod hooked;
mod in_store;
mod side_by_side;

impl Stage {
    async fn dump_to(&mut self, writers: Vec<(&'static str, Writer)>) -> RunReport {
        self.plan.targets = Vec::new();
        for (name, _) in &writers {
            let mut target = crate::plan::samples::Sample::new().plan().targets.remove(0);
            target.name = (*name).to_owned();
            self.plan.targets.push(target);
        }
        let targets = Targets {
            open: writers
                .into_iter()
                .map(|(name, writer)| writer.boxed(name))
                .collect(),
            ..Targets::default()
        };
        let world = self.world();
        dump_to(Arc::new(self.plan.clone()), world, targets).await
    }

    /// Dumps to one target that takes everything.
    async fn dump(&mut self) -> (RunReport, Tape) {
        let writer = Writer::new();
        let tape = writer.tape.clone();
        (self.dump_to(vec![("target", writer)]).await, tape)
    }

    fn tape(&self) -> &Tape {
        &self.recorder.tape
    }
}

/// A project with config, a mounted folder, a volume that is read directly and one through the
/// engine, and two services that are held.
fn blog() -> Stage {
    let mut stage = Stage::new();
    stage.file("media/a.jpg", b"a picture");
    stage.mounted("media");
    stage.file("../volume/rows", b"many rows");
    let mountpoint = stage.base().join("../volume");
    stage.volume("db", Some(&mountpoint));
    stage.volume("remote", None);
    let tar = engine_tar(&[("x", b"content of x")]);
    stage
        .engine
        .put_volume_archive("remote", tar, Ending::Clean);
    stage.held("db");
    stage.held("web");
    stage
}

fn plain(index: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    decoder(Codec::Zst, index)
        .and_then(|mut reader| reader.read_to_end(&mut text))
        .expect("an index is zstd");
    text
}

#[tokio::test]
async fn the_manifest_says_what_was_stored() {
    let mut stage = blog();
    let (_, target) = stage.dump().await;
    let draft = target.draft();
    assert!(draft.complete);
    let paths: Vec<&str> = draft.members.iter().map(|member| &*member.path).collect();
    assert_eq!(
        paths,
        [
            "config",
            "volumes/mounted/media",
            "volumes/project/db.tar",
            "volumes/project/remote.tar"
        ]
    );
    for member in &draft.members {
        let index = member.index.as_ref().expect("every member has one");
        let stored = target.stream(&index.path);
        assert_eq!(index.sha256, Sha256Digest::of(&stored), "{}", member.path);
        assert_eq!(index.bytes, stored.len() as u64);
        let text = plain(&stored);
        let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(member.entries, Some(lines - 1), "{}", member.path);
        if member.path.ends_with(".tar") {
            let tar = target.stream(&member.path);
            assert_eq!(member.raw_sha256, Sha256Digest::of(&tar));
            assert_eq!(member.raw_bytes, tar.len() as u64);
        } else {
            assert_eq!(member.raw_sha256, Sha256Digest::of(&text));
        }
    }
    assert_eq!(target.file("volumes/mounted/media/a.jpg"), b"a picture");
    let services: Vec<&str> = draft.held.iter().map(|held| &*held.service).collect();
    assert_eq!(services, ["db", "web"]);
    assert!(draft.held.iter().all(|held| held.to >= Some(held.from)));
    assert!(draft.failed.is_empty());
}

#[tokio::test]
async fn the_manifest_lists_what_the_plan_leaves_out() {
    let mut stage = blog();
    stage.plan.left_out = vec![crate::archive::manifest::model::LeftOut {
        what: "config compose.yaml".into(),
        reason: "for a reason".into(),
    }];
    let (_, target) = stage.dump().await;
    let left_out = &target.draft().left_out;
    let row = (&*left_out[0].what, &*left_out[0].reason);
    assert_eq!(row, ("config compose.yaml", "for a reason"));
}

/// The digest in an index is that of the file as its reader sees it, holes included.
#[tokio::test]
async fn the_index_of_a_tree_has_the_digest_of_each_file() {
    let mut stage = Stage::new();
    stage.file("media/plain", b"a picture");
    stage.file("media/sparse", b"");
    let path = stage.base().join("media/sparse");
    let file = std::fs::OpenOptions::new().write(true).open(&path);
    let file = file.expect("it was just made");
    file.set_len(3 << 20).expect("a hole");
    for at in [0, (1 << 20) + 5, 2 << 20] {
        file.write_all_at(b"data", at).expect("data");
    }
    stage.mounted("media");
    let (_, target) = stage.dump().await;
    let index = target.stream("index/volumes/mounted/media.zst");
    let text = String::from_utf8(plain(&index)).expect("ASCII names");
    for name in ["plain", "sparse"] {
        let content = std::fs::read(stage.base().join("media").join(name)).expect("a file");
        let digest = Sha256Digest::of(&content).to_string();
        let line = text.lines().find(|line| line.contains(name));
        assert!(
            line.is_some_and(|line| line.contains(&digest)),
            "{name}: {text}"
        );
    }
}

#[tokio::test]
async fn folders_above_several_mounts_are_stored_once() {
    let mut stage = Stage::new();
    stage.file("m/a/1", b"1");
    stage.file("m/b/2", b"2");
    stage.mounted("m/a");
    stage.mounted("m/b");
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Done);
    let lines = target.lines();
    for folder in ["entry volumes/mounted", "entry volumes/mounted/m"] {
        let times = lines.iter().filter(|line| *line == folder).count();
        assert_eq!(times, 1, "{folder}");
    }
    assert!(target.has("entry volumes/mounted/m/b/2"));
}

#[tokio::test]
async fn a_volume_that_the_engine_does_not_give_whole_fails_alone() {
    let whole = engine_tar(&[("x", &[7; 9000]), ("y", b"more")]);
    let mut junk = whole.clone();
    junk[512..1024].fill(b'?');
    let cases: [(&str, Vec<u8>, Ending); 5] = [
        ("cut", whole[..5000].to_vec(), Ending::Clean),
        (
            "no end",
            whole[..whole.len() - 1024].to_vec(),
            Ending::Clean,
        ),
        ("junk", junk, Ending::Clean),
        ("lost", whole[..5000].to_vec(), Ending::Lost),
        ("idle", whole.clone(), Ending::Idle),
    ];
    for (case, tar, ending) in cases {
        let mut stage = blog();
        stage.engine.put_volume_archive("remote", tar, ending);
        let (report, target) = stage.dump().await;
        assert_eq!(report.exit(None), Exit::Partial, "{case}: {report:?}");
        assert!(target.has("fail volumes/project/remote.tar"), "{case}");
        assert!(target.has("finish"), "{case}: the rest is published");
        let draft = target.draft();
        assert!(!draft.complete);
        assert_eq!(draft.members.len(), 3);
        assert_eq!(draft.failed.len(), 1);
        assert_eq!(draft.failed[0].what, "volumes/project/remote.tar");
        assert!(stage.all_run());
        assert!(stage.engine.open_helpers().is_empty());
    }
}

#[tokio::test]
async fn a_volume_that_is_gone_or_cannot_be_opened_fails_alone() {
    let mut stage = blog();
    stage.engine.drop_volume("remote");
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Partial);
    assert!(!target.has("begin volumes/project/remote.tar"));
    let gone = report.members.last().expect("it is reported");
    assert!(
        gone.error
            .as_ref()
            .is_some_and(|error| error.contains("no volume `remote`"))
    );

    let mut stage = blog();
    std::fs::remove_dir_all(stage.base().join("../volume")).expect("it was there");
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Partial);
    assert!(!target.has("begin volumes/project/db.tar"));
    assert!(target.has("finish"));
}

#[tokio::test]
async fn a_mounted_path_whose_stream_breaks_in_a_file_fails_alone() {
    let mut stage = blog();
    let tree = stage.mounted("far");
    tree.reader = TreeReader::Engine;
    let path = stage.base().join("far");
    let tar = engine_tar(&[("x", &[7; 9000])]);
    stage
        .engine
        .put_path_archive(path, tar[..6000].to_vec(), Ending::Clean);
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Partial, "{report:?}");
    // What a target was given of it cannot be taken back; it has its announced length.
    assert_eq!(target.file("volumes/mounted/far/x").len(), 9000);
    let draft = target.draft();
    assert_eq!(draft.failed[0].what, "volumes/mounted/far");
    assert!(
        draft
            .members
            .iter()
            .all(|member| member.path != "volumes/mounted/far")
    );
    assert!(
        draft
            .members
            .iter()
            .any(|member| member.path == "volumes/project/db.tar")
    );
}

#[tokio::test]
async fn a_mounted_path_is_read_through_the_engine() {
    let mut stage = Stage::new();
    stage.mounted("far/away").reader = TreeReader::Engine;
    let path = stage.base().join("far/away");
    let tar = engine_tar(&[("x", b"from afar")]);
    stage.engine.put_path_archive(path, tar, Ending::Clean);
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Done, "{report:?}");
    assert_eq!(target.file("volumes/mounted/far/away/x"), b"from afar");
    assert!(matches!(stage.engine.calls()[0], Call::CreateHelper(_)));
}

/// A file that its owner can see and that even root cannot read: sysfs has such ones.
#[tokio::test]
async fn files_that_cannot_be_read_make_the_dump_partial() {
    let mut stage = blog();
    let roots = [("drivers_probe", false)];
    stage.tree("volumes/mounted/bus", "volumes/mounted", &roots);
    let tree = stage.plan.trees.last_mut().expect("just pushed");
    tree.base = "/sys/bus/platform".into();
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Partial, "{report:?}");
    assert!(
        stage
            .tape()
            .has("trouble volumes/mounted/bus: `drivers_probe`")
    );
    let draft = target.draft();
    assert!(!draft.complete);
    assert_eq!(draft.members.len(), 5, "what could be read is there");
    assert_eq!(draft.failed[0].what, "volumes/mounted/bus");
    assert!(draft.failed[0].reason.starts_with("1 entry"));
}

#[tokio::test]
async fn where_no_member_can_be_read_nothing_is_published() {
    let mut stage = blog();
    stage.plan.trees.clear();
    std::fs::remove_dir_all(stage.base().join("../volume")).expect("it was there");
    stage
        .engine
        .put_volume_archive("remote", vec![0; 100], Ending::Clean);
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Failed);
    assert_eq!(report.error.as_deref(), Some("no member could be read"));
    assert!(target.has("abort") && !target.has("finish"));
    assert_eq!(report.members.len(), 2);
    assert!(stage.all_run());
}

#[tokio::test]
async fn helpers_of_runs_that_are_over_are_removed_at_the_start() {
    let mut stage = blog();
    let (report, _) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Done);
    let calls = stage.engine.calls();
    let made = calls
        .iter()
        .filter(|call| matches!(call, Call::CreateHelper(_)));
    let removed = calls
        .iter()
        .filter(|call| matches!(call, Call::RemoveHelper(_)));
    assert_eq!((made.count(), removed.count()), (1, 1));
}
