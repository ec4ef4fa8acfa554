//! Exactly what the dump of a whole project holds, checked by GNU tar, Python and sha256sum.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Project, bash, only_entry, run, sha256sum, succeed, verify};
use crate::verified::{Dump, text};
use crate::whole_project::Everything;

const CONFIG: [&str; 19] = [
    ".backupignore",
    ".env",
    "app/.dockerignore",
    "app/Dockerfile",
    "app/keep.log",
    "app/main.c",
    "app/src/b.log",
    "common/base.env",
    "common/base.yaml",
    "compose.override.yaml",
    "compose.yaml",
    "conf/long.env",
    "conf/nginx.conf",
    "debug.env",
    "inc/.env",
    "inc/compose.yaml",
    "inc/inner.env",
    "linked.conf",
    "override.env",
];

const MOUNTED: [&str; 6] = [
    "app/uploads/picture",
    "conf/other",
    "debug/file",
    "inc/here/file",
    "media/a",
    "media/deep/cache/c",
];

fn members() -> Vec<String> {
    // printf /srv/anon | sha256sum, printf /anon | sha256sum
    let mut members: Vec<String> = [
        "config",
        "volumes/mounted/app/uploads",
        "volumes/mounted/conf",
        "volumes/mounted/debug",
        "volumes/mounted/inc/here",
        "volumes/mounted/media",
        "volumes/project/data.tar",
        "volumes/project/inner.tar",
        "volumes/project/lazy.tar",
        "volumes/project/stopped.tar",
        "volumes/services/db/1-anon-127f700f.tar",
        "volumes/services/web/1-srv_anon-66f07ae0.tar",
        "volumes/services/web/2-srv_anon-66f07ae0.tar",
    ]
    .map(str::to_owned)
    .to_vec();
    members.sort();
    members
}

/// What every dump of it holds, whatever its form.
fn assert_exact(dump: &Dump) {
    assert_eq!(dump.members(), members());
    let mut config: Vec<&str> = CONFIG.to_vec();
    config.extend(["real/token", "secrets/token", "web.env"]);
    assert_eq!(dump.files("config"), config);
    assert_eq!(dump.files("volumes/mounted"), MOUNTED);
    assert_eq!(
        dump.file("config/linked.conf")["target"],
        "../outside/out.conf"
    );
    assert_eq!(dump.file("config/secrets/token")["target"], "../real/token");
    for (member, wanted) in [
        ("volumes/project/inner.tar", "inner\n"),
        ("volumes/project/stopped.tar", "stopped"),
        ("volumes/project/lazy.tar", "lazy"),
        ("volumes/services/db/1-anon-127f700f.tar", "anonymous\n"),
        ("volumes/services/web/1-srv_anon-66f07ae0.tar", "1\n"),
        ("volumes/services/web/2-srv_anon-66f07ae0.tar", "2\n"),
    ] {
        assert_eq!(dump.tar(member)["./file"]["size"], wanted.len(), "{member}");
    }
}

fn assert_left_out(everything: &Everything, left_out: &BTreeMap<String, String>) {
    let outside = everything.project.beside("outside");
    let outside = outside.to_str().unwrap();
    let wanted = [
        ("config not-there.env".to_owned(), "does not exist"),
        (
            format!("config {outside}/out.env"),
            "outside the project folder",
        ),
        (format!("mounted {outside}"), "outside the project folder"),
        ("config linked.conf".to_owned(), "the link alone is stored"),
        (
            "config and mounted: what `.backupignore` names".to_owned(),
            "ignore file",
        ),
        (
            "config: what `app/.dockerignore` names".to_owned(),
            "ignore file",
        ),
        ("mounted run.sock".to_owned(), "socket"),
        ("mounted memory:/memory".to_owned(), "memory"),
        ("volume shared".to_owned(), "external"),
        ("volume debug".to_owned(), "does not exist at the engine"),
        ("volume bound".to_owned(), "bind of the host folder"),
    ];
    for (what, why) in &wanted {
        let reason = left_out.get(what);
        assert!(
            reason.is_some_and(|reason| reason.contains(why)),
            "{what}: {left_out:#?}"
        );
    }
    assert_eq!(left_out.len(), wanted.len(), "{left_out:#?}");
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_dump_holds_exactly_what_the_project_is() {
    let everything = Everything::up();
    let project = &everything.project;
    let (ran, folder, archive) = everything.dump_twice();
    let in_folder = verify(&folder);
    assert_exact(&in_folder);
    assert_left_out(&everything, &in_folder.left_out());
    assert!(in_folder.failed().is_empty());
    assert_eq!(in_folder.manifest()["complete"], true);

    let in_archive = verify(&archive);
    assert!(in_archive.has_marker());
    assert_exact(&in_archive);
    assert_eq!(in_archive.content(), in_folder.content());

    let stdout = project.beside("stdout").join("dump.tar.gz");
    bash(
        project,
        &format!("compose-dump backup -x gz >'{}'", stdout.display()),
    )
    .expect(0);
    let on_stdout = verify(&stdout);
    assert_exact(&on_stdout);
    assert_eq!(on_stdout.content(), in_folder.content());

    assert_eq!(
        in_folder.file("config/conf/nginx.conf")["sha256"],
        sha256sum(&project.path("conf/nginx.conf"))
    );
    assert_volume_is_faithful(project, &folder, &in_folder);
    assert_plan_says_the_same(&everything, &in_folder);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
    let manifest = std::fs::read_to_string(folder.join("Manifest.yml")).unwrap();
    for secret in ["A=1", "secret\\n"] {
        assert!(!manifest.contains(secret));
    }
    project.assert_nothing_left();
}

/// The volume's tar against the volume: by GNU tar's own comparison, and what that does not look at.
fn assert_volume_is_faithful(project: &Project, folder: &Path, dump: &Dump) {
    let tar = folder.join("volumes/project/data.tar");
    let mut compare = Command::new("tar");
    compare
        .args(["--numeric-owner", "--acls", "--xattrs", "-df"])
        .arg(&tar);
    succeed(compare.arg("-C").arg(project.volume_dir("data")));

    let entries = dump.tar("volumes/project/data.tar");
    let pax = |name: &str, key: &str| entries[name]["pax"][key].clone();
    assert_eq!(pax("./file", "mtime"), hex("981173106.123456789"));
    assert_eq!(pax("./file", "SCHILY.xattr.user.note"), hex("hello"));
    assert_eq!(pax("./folder", "SCHILY.xattr.trusted.note"), hex("root"));
    assert_ne!(
        pax("./file", "SCHILY.xattr.system.posix_acl_access"),
        Value::Null
    );
    assert_eq!(pax("./sparse", "GNU.sparse.major"), hex("1"));
    let kinds = |name: &str| text(&entries[name]["type"]);
    assert_eq!(kinds("./zz-hard"), "1");
    assert_eq!(entries["./zz-hard"]["link"], "./file");
    assert_eq!(kinds("./fifo"), "6");
    assert_eq!(kinds("./device"), "3");
    assert_eq!(entries["./device"]["device"], serde_json::json!([1, 7]));
    assert_eq!(entries["./folder"]["uid"], 1234);
    assert_eq!(entries["./folder"]["mode"], 0o2750);
    assert!(!entries.contains_key("./socket"));
    let warnings = dump.member("volumes/project/data.tar")["warnings"].to_string();
    assert!(warnings.contains("socket"), "{warnings}");
    assert_eq!(dump.member("volumes/project/data.tar")["fidelity"], "full");
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The plan lists what the dump leaves out, and no other members.
fn assert_plan_says_the_same(everything: &Everything, dump: &Dump) {
    let plan = everything
        .project
        .dump(&["plan", "--json"])
        .expect(0)
        .json();
    let mut left_out = BTreeMap::new();
    let mut members = vec!["config".to_owned()];
    for (part, key) in [("config", "path"), ("mounted", "path"), ("volumes", "kind")] {
        for row in plan[part].as_array().unwrap() {
            let word = part.trim_end_matches('s');
            if row["taken"] == true {
                if part != "config" {
                    members.push(text(&row["member"]));
                }
            } else if part == "volumes" {
                left_out.insert(
                    format!("{word} {}", text(&row[key]["key"])),
                    text(&row["why"]),
                );
            } else {
                left_out.insert(format!("{word} {}", text(&row[key])), text(&row["why"]));
            }
        }
    }
    members.sort();
    assert_eq!(members, dump.members());
    assert_eq!(&plan["left_out"], &dump.manifest()["left_out"]);
    let listed = dump.left_out();
    for (what, why) in left_out {
        assert_eq!(listed.get(&what), Some(&why), "{what}");
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn the_engine_reads_the_same_content() {
    let everything = Everything::up();
    let project = &everything.project;
    let direct = verify(&project.dump_to_folder(&["--volumes"]));
    for target in [
        project.new_target(),
        project.new_target().with_extension("tar.xz"),
    ] {
        let mut command = project.program(&["backup", "--volumes", "-t", target.to_str().unwrap()]);
        run(command.env("COMPOSE_DUMP_READER", "engine")).expect(0);
        let dump = if target.is_dir() {
            only_entry(&target)
        } else {
            target
        };
        let engine = verify(&dump);
        assert_eq!(engine.members(), direct.members());
        for member in direct.members() {
            assert_eq!(engine.member(&member)["fidelity"], "engine");
            assert_eq!(engine.member(&member)["reader"], "engine");
            assert_eq!(
                lasting(&engine.tar(&member)),
                lasting(&direct.tar(&member)),
                "{member}"
            );
        }
    }
    project.assert_nothing_left();
}

/// What the engine's archive API keeps of entries.
fn lasting(entries: &BTreeMap<String, Value>) -> Vec<String> {
    let row = |(name, entry): (&String, &Value)| {
        let mut kept = entry.clone();
        let kept = kept.as_object_mut().unwrap();
        kept.remove("pax");
        let mtime: f64 = text(&kept["mtime"]).parse().unwrap();
        kept.insert("mtime".to_owned(), Value::from(mtime.floor()));
        format!("{name}: {kept:?}")
    };
    entries.iter().map(row).collect()
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn links_are_resolved_on_demand() {
    let everything = Everything::up();
    let project = &everything.project;
    let dump = verify(&project.dump_to_folder(&["--config", "--resolve-symlinks"]));
    for (path, original) in [
        ("config/secrets/token", project.path("real/token")),
        (
            "config/linked.conf",
            project.beside("outside").join("out.conf"),
        ),
    ] {
        assert_eq!(dump.file(path)["type"], "f", "{path}");
        assert_eq!(dump.file(path)["sha256"], sha256sum(&original), "{path}");
    }
}
