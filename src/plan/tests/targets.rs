//! Where a dump may go, and what it spools on the way.

use crate::codecs::Codec;
use crate::config::job_file::model::TargetFormat;
use crate::config::settings::SpoolMode;
use crate::config::size::Size;
use crate::plan::links::PathEnd;
use crate::plan::model::{SpoolWhat, TargetKind, Window};
use crate::plan::samples::{Sample, at, container, stored_in, volume_mount};

fn with(targets: &[&str]) -> Sample {
    let mut sample = Sample::new();
    for target in targets {
        sample.target(target);
    }
    sample
}

#[test]
fn extensions_and_x_decide_what_a_target_is() {
    let kinds = |sample: &Sample| -> Vec<(&str, Codec)> {
        let plan = sample.plan();
        let targets = plan.targets.iter();
        targets
            .map(|target| {
                let kind = match target.kind {
                    TargetKind::Folder { .. } => "folder",
                    TargetKind::Archives { .. } => "archives",
                    TargetKind::Archive { .. } => "archive",
                    TargetKind::Store { .. } => "store",
                    TargetKind::Stdout => "stdout",
                };
                (kind, target.compression.codec)
            })
            .collect()
    };
    let mut sample = with(&["/b", "/a.tar.gz", "-"]);
    let (none, gz) = (Codec::None, Codec::Gz);
    assert_eq!(
        kinds(&sample),
        [("folder", none), ("archive", gz), ("stdout", none)]
    );
    sample.request.settings.compression.codec = Some(Codec::Zst);
    let zst = Codec::Zst;
    assert_eq!(
        kinds(&sample),
        [("folder", zst), ("archive", gz), ("stdout", zst)]
    );
    let given = |sample: &mut Sample, codec| {
        let targets = sample.request.targets.iter_mut();
        targets.for_each(|wish| wish.archive_codec = Some(codec));
    };
    given(&mut sample, gz);
    assert_eq!(
        kinds(&sample),
        [("archives", gz), ("archive", gz), ("stdout", gz)]
    );
    given(&mut sample, Codec::Xz);
    assert_eq!(sample.codes(), ["plan::codec_and_extension"]);
}

#[test]
fn a_declared_target_says_what_a_dump_looks_like() {
    let mut sample = with(&["/b"]);
    sample.request.settings.compression.codec = Some(Codec::Zst);
    sample.request.targets[0].format = Some(TargetFormat::Archive);
    sample.request.targets[0].required = false;
    let target = &sample.plan().targets[0];
    assert!(matches!(target.kind, TargetKind::Archives { .. }));
    assert_eq!(target.compression.codec, Codec::Zst);
    assert!(!target.required);
    sample.request.targets.clear();
    assert_eq!(sample.codes(), ["plan::no_target"]);
}

#[test]
fn a_terminal_an_existing_archive_and_a_file_for_a_folder_are_refused() {
    let mut sample = with(&["-"]);
    sample.facts.stdout_is_terminal = true;
    assert_eq!(sample.codes(), ["plan::stdout_terminal"]);
    let mut sample = with(&["/a.tar"]);
    sample.place("/a.tar", true);
    assert_eq!(sample.codes(), ["plan::target_exists"]);
    let mut sample = with(&["/file"]);
    sample.place("/file", true).is_folder = false;
    assert_eq!(sample.codes(), ["plan::target_no_folder"]);
}

#[test]
fn one_place_under_two_names_is_given_twice() {
    assert_eq!(with(&["/b", "/b/"]).codes(), ["plan::target_twice"]);
    assert_eq!(with(&["-", "-"]).codes(), ["plan::target_twice"]);
    let mut sample = with(&["/b", "/link"]);
    sample.place("/link", true).real = "/b".into();
    assert_eq!(sample.codes(), ["plan::target_twice"]);
    assert_eq!(
        with(&["/a.tar", "/a.tar.gz"]).codes(),
        ["plan::target_twice"]
    );
    assert_eq!(with(&["/b", "/c", "-", "/b/x.tar"]).plan().targets.len(), 4);
}

#[test]
fn a_target_inside_a_source_is_refused() {
    type Source = fn(&mut Sample);
    let cases: [(&str, Source); 4] = [
        ("app/dumps", |sample| sample.build("web", "app")),
        ("data", |sample| sample.bind("web", "data")),
        ("data/x.tar", |sample| sample.bind("web", "data")),
        ("/var/lib/docker/volumes/blog_db/_data/d", |sample| {
            sample.volume("db", &["db"]);
            sample.existing("blog_db", Some("db"));
        }),
    ];
    for (target, source) in cases {
        let mut sample = Sample::new();
        source(&mut sample);
        sample.target(target);
        let findings = sample.findings();
        assert_eq!(findings[0].code, "plan::target_inside_source", "{target}");
        assert!(findings[0].help.is_some());
    }
    // Through a link that lies elsewhere.
    let mut sample = with(&["/backups/blog"]);
    sample.bind("web", "data");
    let inside = sample.place(at("data/dumps"), true).clone();
    *sample.place("/backups/blog", true) = inside;
    assert_eq!(sample.codes(), ["plan::target_inside_source"]);
    // Whatever reads the volume.
    let mut sample = with(&["/var/lib/docker/volumes/blog_db/_data/d"]);
    sample.existing("blog_db", Some("db"));
    sample.engine().local = Err("it is in another mount namespace".into());
    assert_eq!(sample.codes(), ["plan::target_inside_source"]);
}

#[test]
fn a_target_around_the_project_or_in_it_hinders_nobody() {
    for target in ["/srv", ".", "dumps"] {
        let mut sample = with(&[target]);
        sample.bind("web", "data");
        sample.place(at(target), true);
        let plan = sample.plan();
        assert_eq!(
            stored_in(&plan, "data/x"),
            ["volumes/mounted/data"],
            "{target}"
        );
    }
    let mut sample = Sample::new();
    sample.facts.spool_dir = "/srv".into();
    sample.place("/srv", true);
    sample.bind("web", "data");
    assert_eq!(
        stored_in(&sample.plan(), "data/x"),
        ["volumes/mounted/data"]
    );
}

/// What a target spools, with `held` services and volumes that only the engine can read.
fn spool(target: &str, mode: SpoolMode, held: bool, engine: bool) -> SpoolWhat {
    let mut sample = with(&[target]);
    sample.request.settings.spool.mode = mode;
    sample.volume("db", &["db"]);
    sample.existing("blog_db", Some("db"));
    if engine {
        sample.engine().local = Err("far away".into());
    }
    if held {
        sample.container(container("db", 1, vec![volume_mount("blog_db")]));
    }
    sample.plan().targets[0].spool.what
}

#[test]
fn spooling_follows_from_target_reader_and_mode() {
    use SpoolMode::{Always, Auto, Never};
    use SpoolWhat::{Nothing, UnknownSize, WhileHeld};
    let cases = [
        // A folder takes everything as it comes.
        ("/b", Auto, true, true, Nothing),
        ("/b", Always, true, false, WhileHeld),
        ("/b", Always, false, true, Nothing),
        ("/b", Never, true, true, Nothing),
        // An archive needs sizes first, or room for them.
        ("/a.tar", Auto, true, false, Nothing),
        ("/a.tar", Auto, true, true, Nothing),
        ("/a.tar", Never, true, true, Nothing),
        ("/a.tar.zst", Auto, true, true, Nothing),
        ("/a.tar.gz", Auto, false, true, Nothing),
        ("/a.tar.xz", Auto, false, true, UnknownSize),
        ("/a.tar.bz2", Always, false, true, UnknownSize),
        ("/a.tar", Always, true, true, WhileHeld),
        // A codec that is slower than a disk keeps nobody waiting.
        ("/a.tar.gz", Auto, true, false, WhileHeld),
        ("/a.tar.bz2", Auto, true, false, WhileHeld),
        ("/a.tar.xz", Auto, true, true, WhileHeld),
        ("/a.tar.gz", Auto, false, false, Nothing),
        ("/a.tar.gz", Never, true, false, Nothing),
        ("/a.tar.zst", Auto, true, false, Nothing),
        // Whoever reads standard output may be slow.
        ("-", Auto, true, false, WhileHeld),
        ("-", Auto, false, false, Nothing),
        ("-", Auto, false, true, UnknownSize),
        ("-", Never, true, false, Nothing),
    ];
    for (target, mode, held, engine, what) in cases {
        let case = format!("{target} {mode:?} held {held} engine {engine}");
        assert_eq!(spool(target, mode, held, engine), what, "{case}");
    }
}

#[test]
fn volumes_beside_another_one_wait_before_an_archive_and_share_the_codec_of_a_folder() {
    let mut sample = with(&["/b", "/a.tar.zst"]);
    for name in ["db", "uploads"] {
        sample.volume(name, &[name]);
        sample.existing(&format!("blog_{name}"), Some(name));
    }
    let targets = |sample: &mut Sample, number: u8| {
        sample.request.settings.volumes_at_once = number.try_into().expect("a number of volumes");
        let plan = sample.plan();
        let rows = plan.targets.iter();
        let rows = rows.map(|row| (row.spool.what, row.compression.side_by_side.get()));
        rows.collect::<Vec<_>>()
    };
    let one = [(SpoolWhat::Nothing, 1), (SpoolWhat::Nothing, 1)];
    assert_eq!(targets(&mut sample, 1), one);
    // No more than there are.
    let two = [(SpoolWhat::Nothing, 2), (SpoolWhat::Beside, 1)];
    assert_eq!(targets(&mut sample, 4), two);
    sample.request.settings.spool.mode = SpoolMode::Never;
    assert_eq!(sample.codes(), ["plan::spool_needed"]);
    // Each volume has a window of its own: there is nothing beside it.
    sample.request.settings.pause.window = Window::Volume;
    assert_eq!(targets(&mut sample, 4), one);
    let warnings = sample.plan().warnings;
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("`volumes_at_once` has no effect"))
    );
}

#[test]
fn a_slow_level_counts_and_the_plan_says_why_it_spools() {
    let mut sample = with(&["/b"]);
    sample.existing("blog_db", Some("db"));
    sample.container(container("db", 1, vec![volume_mount("blog_db")]));
    let spool = |sample: &mut Sample, codec, level| {
        let compression = &mut sample.request.settings.compression;
        (compression.codec, compression.level) = (Some(codec), level);
        sample.plan().targets[0].spool.clone()
    };
    assert_eq!(
        spool(&mut sample, Codec::Zst, Some(9)).what,
        SpoolWhat::Nothing
    );
    assert_eq!(
        spool(&mut sample, Codec::Zst, Some(10)).what,
        SpoolWhat::WhileHeld
    );
    let gz = spool(&mut sample, Codec::Gz, None);
    let why = "services are not held while gz compresses, which is slower than a disk";
    assert_eq!(
        (gz.what, gz.why.as_deref()),
        (SpoolWhat::WhileHeld, Some(why))
    );
}

#[test]
fn what_cannot_be_done_without_a_spool_is_refused_without_one() {
    let mut sample = with(&["/a.tar.xz"]);
    sample.existing("blog_db", Some("db"));
    sample.engine().local = Err("far away".into());
    sample.request.settings.spool.mode = SpoolMode::Never;
    assert_eq!(sample.codes(), ["plan::spool_needed"]);
}

#[test]
fn the_plan_says_how_much_room_there_is() {
    let mut sample = with(&["/b"]);
    sample.request.settings.spool.limit = Some(Size(7));
    sample.place("/var/tmp", true).free = Some(11);
    sample.place("/b", true).free = Some(13);
    let target = &sample.plan().targets[0];
    assert_eq!(target.free, Some(13));
    assert_eq!((target.spool.free, target.spool.limit), (Some(11), Some(7)));
    assert!(target.codec_memory > 0);
}

#[test]
fn everything_that_is_wrong_with_targets_comes_at_once_and_once() {
    let mut sample = with(&["/one", "/two", "/x.tar", "data/d"]);
    sample.place("/x.tar", true);
    sample.bind("web", "data");
    sample.request.settings.compression.level = Some(99);
    sample.request.settings.compression.codec = Some(Codec::Gz);
    assert_eq!(
        sample.codes(),
        [
            "plan::codec_level",
            "plan::target_exists",
            "plan::target_inside_source"
        ]
    );
    sample.end("data", PathEnd::Missing);
    assert!(!sample.codes().contains(&"plan::target_inside_source"));
}
