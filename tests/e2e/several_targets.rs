//! Several `-t` in one pass, and every form that a target can have.

use std::path::Path;

use crate::support::{Project, Tmpfs, bash, entries, now, only_entry, paused, run, verify};

fn as_text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn every_target_gets_the_same_in_one_pass() {
    let project = Project::small();
    let out = project.beside("out");
    let names = [
        "a.tar",
        "b.tar.gz",
        "c.tgz",
        "d.tar.bz2",
        "e.tar.xz",
        "f.tar.zst",
    ];
    let folder = project.new_target();
    let mut arguments = vec![
        "backup".to_owned(),
        "-t".to_owned(),
        as_text(&folder).to_owned(),
    ];
    for name in names {
        arguments.extend(["-t".to_owned(), as_text(&out.join(name)).to_owned()]);
    }
    arguments.extend(["-t".to_owned(), "-".to_owned()]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let since = now();
    let ran = project.dump(&arguments).expect(0);
    assert_eq!(paused(&project, &since), ["db-1"], "once for all");

    std::fs::write(out.join("stdout.tar"), &ran.stdout).unwrap();
    let wanted = verify(&only_entry(&folder));
    assert_eq!(
        wanted.members(),
        [
            "config",
            "volumes/mounted/media",
            "volumes/project/data.tar"
        ]
    );
    for name in names.iter().chain(&["stdout.tar"]) {
        let dump = verify(&out.join(name));
        assert_eq!(dump.content(), wanted.content(), "{name}");
        assert_eq!(dump.manifest()["id"], wanted.manifest()["id"], "{name}");
        assert_eq!(dump.has_marker(), *name != "stdout.tar", "{name}");
    }
    assert_eq!(
        entries(&out).len(),
        2 * names.len() + 1,
        "archives, markers, standard output"
    );
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn folders_hold_archives_or_compressed_members_on_demand() {
    let project = Project::small();
    for codec in ["tar", "gz", "bz2", "xz", "zst"] {
        let target = project.new_target();
        project
            .dump(&["backup", "-x", codec, "-t", as_text(&target)])
            .expect(0);
        let names = entries(&target);
        let archive = names
            .iter()
            .find(|name| !name.ends_with(".manifest.yml"))
            .unwrap();
        let extension = if codec == "tar" {
            ".tar".to_owned()
        } else {
            format!(".tar.{codec}")
        };
        assert!(archive.ends_with(&extension), "{names:?}");
        assert!(verify(&target.join(archive)).has_marker());

        if codec == "tar" {
            continue;
        }
        let target = project.new_target();
        let mut command = project.program(&["backup", "-t", as_text(&target)]);
        run(command.env("COMPOSE_DUMP_COMPRESSION", codec)).expect(0);
        let dump = verify(&only_entry(&target));
        let volume = format!("volumes/project/data.tar.{codec}");
        assert_eq!(dump.members(), ["config", "volumes/mounted/media", &volume]);
        assert_eq!(
            dump.files("volumes/mounted"),
            ["media/file"],
            "trees stay plain"
        );
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_failing_target_does_not_spoil_the_others() {
    let project = Project::small();
    let small = Tmpfs::mount(project.beside("small"), "size=2m");
    let read_only = Tmpfs::mount(project.beside("read-only"), "ro");
    for bad in [&small.dir, &read_only.dir] {
        let good = project.new_target();
        let since = now();
        project
            .dump(&["backup", "-t", as_text(bad), "-t", as_text(&good)])
            .expect(1)
            .says(&[as_text(bad)]);
        assert_eq!(paused(&project, &since), ["db-1"]);
        let dump = verify(&only_entry(&good));
        assert_eq!(dump.manifest()["complete"], true);
        assert_eq!(entries(bad), [""; 0]);
    }
    let good = project.new_target();
    let script = format!(
        "compose-dump backup -t '{}' -t - | head -c 10 >/dev/null",
        good.display()
    );
    bash(&project, &script).expect(1);
    verify(&only_entry(&good));
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn the_report_is_one_json_document() {
    let project = Project::small();
    let target = project.new_target();
    let ran = project
        .dump(&["backup", "--json", "-t", as_text(&target)])
        .expect(0);
    let report = ran.json();
    assert_eq!(report["targets"][0]["dump"], as_text(&only_entry(&target)));
    assert_eq!(report["held"][0]["container"], project.container("db"));
    assert_eq!(report["members"].as_array().unwrap().len(), 3);
    let ran = project
        .dump(&["backup", "--log-format", "json", "-t", as_text(&target)])
        .expect(0);
    for line in ran.stderr.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    let ran = project
        .dump(&["backup", "-q", "-t", as_text(&target)])
        .expect(0);
    assert_eq!(ran.stderr, "");
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn one_folder_under_two_names_is_one_target_too_many() {
    let project = Project::small();
    let folder = project.beside("dumps");
    let link = project.beside("").join("link");
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    for (first, second) in [(&folder, &link), (&link, &folder)] {
        let arguments = ["backup", "-t", as_text(first), "-t", as_text(second)];
        project.dump(&arguments).expect(2).says(&["twice"]);
        assert_eq!(entries(&folder), [""; 0]);
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_resolved_link_to_the_dumps_stores_none_of_them() {
    let project = Project::new("services: {web: {build: ./app}}\n");
    project.write("app/Dockerfile", "FROM scratch\n");
    let dumps = project.beside("").join("dumps");
    project.link("../../dumps", "app/dumps");
    project.link("../../shared", "app/shared");
    let shared = project.beside("shared");
    std::fs::write(shared.join("file"), "wanted").unwrap();
    std::os::unix::fs::symlink("../dumps", shared.join("again")).unwrap();
    // The first of them makes the folder that the links lead to.
    let arguments = ["backup", "--config", "--resolve-symlinks", "-t"];
    let arguments = [&arguments[..], &[as_text(&dumps)]].concat();
    for number in 1..=2 {
        project.dump(&arguments).expect(0);
        let names = entries(&dumps);
        assert_eq!(names.len(), number, "{names:?}");
        let dump = verify(&dumps.join(names.last().unwrap()));
        assert_eq!(
            dump.files("config/app"),
            ["Dockerfile", "dumps", "shared/again", "shared/file"]
        );
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn services_are_back_before_a_slow_codec_has_done_its_work() {
    let project = Project::small();
    // More than waits in queues.
    project.sh(
        "db",
        "dd if=/dev/urandom of=/data/large bs=1M count=24 2>&1",
    );
    let held = |mode: &str| {
        let archive = project.new_target().with_extension("tar.gz");
        let mut command = project.program(&["backup", "--json", "-t", as_text(&archive)]);
        let report = run(command.env("COMPOSE_DUMP_SPOOL__MODE", mode))
            .expect(0)
            .json();
        verify(&archive);
        let moment = |key: &str| report["held"][0][key].as_str().unwrap().parse().unwrap();
        let (from, until): (jiff::Timestamp, jiff::Timestamp) = (moment("from"), moment("until"));
        until.duration_since(from).as_secs_f64()
    };
    let (spooled, compressed) = (held("auto"), held("never"));
    assert!(
        2.0 * spooled < compressed,
        "spooled {spooled} s, compressed {compressed} s"
    );
    let plan = project.dump(&["plan", "-t", "new.tar.gz"]).expect(0);
    let table = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(table.contains("while gz compresses"), "{table}");
    project.assert_nothing_left();
}
