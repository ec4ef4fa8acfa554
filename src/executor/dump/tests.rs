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
async fn services_are_held_just_while_what_they_use_is_read() {
    let mut stage = blog();
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Done, "{report:?}");
    let events = stage.tape();
    let order = [
        "started config",
        "done config",
        "paused blog-db-1",
        "paused blog-web-1",
        "started volumes/mounted/media",
        "started volumes/project/db.tar",
        "started volumes/project/remote.tar",
        "done volumes/project/remote.tar",
        "resumed blog-web-1",
        "resumed blog-db-1",
        "published target",
    ];
    let places: Vec<usize> = order.iter().map(|line| events.place_of(line)).collect();
    assert!(places.is_sorted(), "{:#?}", events.lines());
    let calls = [
        "entry config",
        "entry config/compose.yaml",
        "entry volumes/mounted/media/a.jpg",
        "begin volumes/project/db.tar",
        "begin volumes/project/remote.tar",
        "released",
        "begin index/config.zst",
        "begin index/volumes/project/remote.tar.zst",
        "finish",
    ];
    let places: Vec<usize> = calls.iter().map(|line| target.place_of(line)).collect();
    assert!(places.is_sorted(), "{:#?}", target.lines());
    assert!(stage.all_run());
    assert!(stage.engine.open_helpers().is_empty());
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
    let mut rows = stage.plan.config.clone();
    rows[0].decision = crate::plan::model::Decision::left_out("for a reason");
    stage.plan.config = rows;
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
async fn a_failing_target_is_reported_and_the_other_one_has_its_dump() {
    let mut stage = blog();
    let (mut bad, good) = (Writer::new(), Writer::new());
    bad.fails_at = Some("begin volumes/project/db.tar");
    let (bad_tape, good_tape) = (bad.tape.clone(), good.tape.clone());
    let report = stage.dump_to(vec![("bad", bad), ("good", good)]).await;
    assert_eq!(report.exit(None), Exit::Failed);
    assert!(
        report.targets[0]
            .error
            .as_ref()
            .is_some_and(|error| error.contains("cannot write"))
    );
    assert_eq!(report.targets[0].dump, None);
    assert_eq!(report.targets[1].dump.as_deref(), Some("-"));
    assert_eq!(report.error, None);
    assert!(bad_tape.has("abort") && good_tape.has("finish"));
    assert!(stage.all_run());
}

#[tokio::test]
async fn nobody_is_held_once_no_target_is_left() {
    let mut stage = blog();
    // Enough config that its reader meets the closed queue.
    for number in 0..100 {
        stage.file(&format!("app/{number}"), b"content");
    }
    stage.plan.trees[0].roots[0].whole = true;
    stage.plan.trees[0].roots[0].path = "".into();
    let mut bad = Writer::new();
    bad.fails_at = Some("entry config");
    let report = stage.dump_to(vec![("bad", bad)]).await;
    assert_eq!(report.exit(None), Exit::Failed);
    assert!(!stage.engine.calls().contains(&Call::Pause(held("db").id)));
    assert_eq!(report.error, None, "the target says why");
}

/// However little config there is, and however late the target finds out.
#[tokio::test]
async fn nobody_is_held_for_targets_that_have_failed_by_then() {
    for fails_at in [
        "entry config",
        "entry config/compose.yaml",
        "end config/compose.yaml",
    ] {
        let mut stage = blog();
        let mut bad = Writer::new();
        bad.fails_at = Some(fails_at);
        let report = stage.dump_to(vec![("bad", bad)]).await;
        assert_eq!(report.exit(None), Exit::Failed);
        assert_eq!(stage.engine.calls(), [], "{fails_at}");
        assert_eq!(report.error, None, "the target says why");
    }
}

#[tokio::test]
async fn nobody_is_held_where_no_target_can_be_opened() {
    let mut stage = blog();
    let file = stage.base().join("compose.yaml");
    let mut target = crate::plan::samples::Sample::new().plan().targets.remove(0);
    target.kind = crate::plan::model::TargetKind::Archive {
        path: file.join("x.tar"),
    };
    stage.plan.targets = vec![target];
    let world = stage.world();
    let report = dump(stage.plan.clone(), world).await;
    assert_eq!(report.exit(None), Exit::Failed, "{report:?}");
    assert_eq!(stage.engine.calls(), []);
    assert!(report.members.is_empty());
}

/// The project, with somebody else's hands on `db` while it is held.
fn stirred(theirs: bool) -> Stage {
    let mut stage = blog();
    if theirs {
        let mut paused = running("db");
        paused.state = ContainerState::Paused;
        stage.engine.put_container(paused);
        let already = stage.plan.hold.pause.remove(0);
        stage.plan.hold.paused.push(already);
    }
    let engine = Arc::clone(&stage.engine);
    let stir = move || engine.put_container(running("db"));
    stage.recorder.acts_at = Some(("done volumes/project/db.tar", Arc::new(stir)));
    stage
}

#[tokio::test]
async fn what_was_read_while_its_writer_ran_is_not_called_whole() {
    for theirs in [false, true] {
        let mut stage = stirred(theirs);
        let (report, target) = stage.dump().await;
        assert_eq!(report.exit(None), Exit::Partial, "{report:?}");
        assert!(
            stage
                .tape()
                .has("not-still blog-db-1: somebody unpaused it")
        );
        assert!(!stage.tape().has("resumed blog-db-1"));
        assert!(stage.all_run());
        let draft = target.draft();
        assert!(!draft.complete);
        assert_eq!(draft.members.len(), 4, "it is there all the same");
        assert_eq!(draft.failed.len(), 1, "no other member is doubted");
        assert_eq!(draft.failed[0].what, "volumes/project/db.tar");
        let doubt = "`blog-db-1` did not stay paused while it was read: somebody unpaused it";
        assert_eq!(draft.failed[0].reason, doubt);
        assert_eq!(draft.members[2].warnings, [doubt]);
        assert_eq!(report.members[2].torn_by, [doubt]);
        let held: Vec<&str> = draft.held.iter().map(|held| &*held.service).collect();
        let ours: &[&str] = if theirs { &["web"] } else { &["db", "web"] };
        assert_eq!(held, ours);
    }
}

#[tokio::test]
async fn who_is_paused_already_and_stays_so_hurts_nothing() {
    let mut stage = stirred(true);
    stage.recorder.acts_at = None;
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Done, "{report:?}");
    assert!(target.draft().complete);
    let after = stage.engine.state_of(&held("db").id);
    assert_eq!(after, Some(ContainerState::Paused));
}

#[tokio::test]
async fn who_was_paused_when_the_plan_was_made_and_runs_is_held() {
    let mut stage = stirred(true);
    stage.recorder.acts_at = None;
    stage.engine.put_container(running("db"));
    let (report, _) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Done, "{report:?}");
    assert!(stage.tape().has("paused blog-db-1") && stage.tape().has("resumed blog-db-1"));
}

#[tokio::test]
async fn a_target_whose_thread_is_lost_says_so() {
    let mut stage = blog();
    let (mut bad, good) = (Writer::new(), Writer::new());
    bad.panics_at = Some("released");
    let report = stage.dump_to(vec![("bad", bad), ("good", good)]).await;
    assert_eq!(report.exit(None), Exit::Failed);
    let error = report.targets[0].error.as_deref();
    assert!(
        error.is_some_and(|error| error.contains("this is a bug")),
        "{error:?}"
    );
    assert!(report.targets[1].dump.is_some());
}

#[tokio::test]
async fn a_reader_that_panics_ends_the_run_and_brings_the_services_back() {
    // In the task that drives the readers, and in the thread that reads.
    for at in ["started volumes/mounted/media", "progress"] {
        let mut stage = blog();
        stage.recorder.panics_at = Some(at);
        let (report, target) = stage.dump().await;
        assert_eq!(report.exit(None), Exit::Failed);
        assert!(
            report
                .error
                .is_some_and(|error| error.contains("this is a bug"))
        );
        assert!(target.has("abort") && !target.has("finish"), "{at}");
        assert!(stage.tape().has("resumed blog-web-1"));
        assert!(stage.all_run());
    }
}

#[tokio::test]
async fn a_run_that_is_dropped_brings_the_services_back() {
    let mut stage = blog();
    stage
        .engine
        .put_volume_archive("remote", vec![0; 100], Ending::Hang);
    let ids = [held("db").id, held("web").id];
    let (engine, tape) = (Arc::clone(&stage.engine), stage.tape().clone());
    let running = stage.dump();
    let dropped = tokio::time::timeout(Duration::from_millis(500), running).await;
    assert!(dropped.is_err(), "the engine hangs");
    assert!(tape.has("paused blog-web-1"));
    tokio::time::sleep(Duration::from_millis(50)).await;
    for id in ids {
        assert_eq!(engine.state_of(&id), Some(ContainerState::Running));
    }
    stage.cancel.cancel();
}

#[tokio::test]
async fn cancelling_brings_back_and_publishes_nothing_though_engine_and_target_stand_still() {
    let mut stage = blog();
    stage
        .engine
        .put_volume_archive("remote", vec![0; 100], Ending::Hang);
    let (_until, stands_still) = mpsc::channel();
    let (mut stuck, good) = (Writer::new(), Writer::new());
    stuck.stands_still = Some(stands_still);
    let good_tape = good.tape.clone();
    let cancel = stage.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    });
    let began = std::time::Instant::now();
    let report = stage.dump_to(vec![("stuck", stuck), ("good", good)]).await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert!(report.interrupted);
    assert_eq!(report.exit(Some(Exit::Interrupted)), Exit::Interrupted);
    assert_eq!(report.exit(Some(Exit::Terminated)), Exit::Terminated);
    assert!(good_tape.has("abort") && !good_tape.has("finish"));
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn where_nobody_can_be_held_nothing_is_published() {
    let mut stage = blog();
    stage
        .engine
        .fail(Method::Pause, Some(&held("web").id), &Fault::Freeze, 3);
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Failed);
    let error = report.error.as_deref().unwrap_or_default();
    assert!(
        error.starts_with("cannot pause the container `blog-web-1`: "),
        "{error}"
    );
    assert!(target.has("abort") && !target.has("begin volumes"));
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn services_that_stay_down_outweigh_a_good_dump_and_a_failed_one() {
    let no = Fault::Refuse(500, "no".into());
    for freezes in [true, false] {
        let mut stage = blog();
        stage
            .engine
            .fail(Method::Unpause, Some(&held("db").id), &no, 100);
        if !freezes {
            stage
                .engine
                .fail(Method::Pause, Some(&held("web").id), &Fault::Freeze, 3);
        }
        let (report, target) = stage.dump().await;
        assert_eq!(report.exit(None), Exit::NotBrought, "{report:?}");
        assert_eq!(report.exit(Some(Exit::Interrupted)), Exit::NotBrought);
        assert!(
            stage
                .tape()
                .has("stuck blog-db-1: docker unpause blog-db-1")
        );
        assert_eq!(target.has("finish"), freezes, "the dump itself is good");
    }
}

#[tokio::test]
async fn nothing_is_read_unheld_for_want_of_an_engine() {
    let mut stage = blog();
    let mut world = stage.world();
    world.engine = None;
    let targets = Targets {
        open: vec![Writer::new().boxed("target")],
        ..Targets::default()
    };
    let report = dump_to(Arc::new(stage.plan.clone()), world, targets).await;
    assert!(
        report
            .error
            .is_some_and(|error| error.contains("no engine"))
    );
}

#[tokio::test]
async fn without_an_open_target_nothing_is_touched() {
    let mut stage = blog();
    let report = stage.dump_to(Vec::new()).await;
    assert_eq!(report.exit(None), Exit::Failed);
    assert!(stage.engine.calls().is_empty());
    assert_eq!(report.error.as_deref(), Some("no target can be written to"));
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
