//! One project with everything that a Compose project can have, and exactly what its dump holds.

use std::collections::BTreeMap;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{
    IMAGE, Project, Volume, bash, docker, only_entry, run, sha256sum, succeed, verify,
};
use crate::verified::{Dump, text};

/// The project and what lives outside of it.
struct Everything {
    project: Project,
    _external: Volume,
    _socket: UnixListener,
}

fn compose(outside: &str, external: &str) -> String {
    format!(
        "x-common: &common {{image: {IMAGE}, network_mode: none}}
include: [inc/compose.yaml]
services:
  web:
    image: {IMAGE}:volume
    network_mode: none
    scale: 2
    build: {{context: ./app, dockerfile: Dockerfile}}
    env_file:
      - web.env
      - {{path: conf/long.env}}
      - {{path: not-there.env, required: false}}
      - {outside}/out.env
    configs: [{{source: nginx, target: /nginx.conf}}, {{source: linked, target: /linked.conf}}]
    secrets: [token]
    volumes:
      - ./media:/media
      - ./app/uploads:/uploads
      - ./conf:/conf:ro
  db:
    <<: *common
    volumes:
      - data:/data
      - /anon
      - shared:/shared
      - bound:/bound
      - {outside}:/outside
      - ./run.sock:/run.sock
  borrower: {{<<: *common, volumes_from: [db]}}
  memory:
    <<: *common
    volumes: [{{type: tmpfs, target: /memory}}]
  stopped: {{<<: *common, volumes: ['stopped:/data']}}
  lazy: {{<<: *common, volumes: ['lazy:/data']}}
  extended:
    extends: {{file: common/base.yaml, service: base}}
  debug: {{<<: *common, profiles: [debug], env_file: debug.env, volumes: ['debug:/data', './debug:/debug']}}
configs:
  nginx: {{file: conf/nginx.conf}}
  linked: {{file: linked.conf}}
secrets:
  token: {{file: secrets/token}}
volumes:
  data: {{}}
  stopped: {{}}
  lazy: {{}}
  debug: {{}}
  shared: {{external: true, name: {external}}}
  bound: {{driver: local, driver_opts: {{type: none, o: bind, device: {outside}}}}}
"
    )
}

impl Everything {
    fn up() -> Self {
        let project = Project::new("services: {}");
        let outside = project.beside("outside");
        std::fs::write(outside.join("out.env"), "OUT=1\n").unwrap();
        std::fs::write(outside.join("out.conf"), "outside\n").unwrap();
        let external = Volume::create(format!("{}external", project.name), &[]);
        project.write(
            "compose.yaml",
            &compose(outside.to_str().unwrap(), &external.name),
        );
        write_files(&project);
        let socket = UnixListener::bind(project.path("run.sock")).unwrap();
        project.up();
        docker(&["stop", "-t", "1", &project.container("stopped")]);
        project.compose(&["rm", "-fsv", "lazy"]);
        project.compose(&["up", "--no-start", "--no-build", "lazy"]);
        fill(&project);
        Self {
            project,
            _external: external,
            _socket: socket,
        }
    }
}

fn write_files(project: &Project) {
    for (path, content) in [
        (
            "compose.override.yaml",
            "services: {db: {env_file: override.env}}\n",
        ),
        (".env", "UNUSED=1\n"),
        (".backupignore", "*.tmp\n/media/cache/\n"),
        ("web.env", "A=1\n"),
        ("override.env", "B=1\n"),
        ("debug.env", "C=1\n"),
        (
            "common/base.yaml",
            &format!(
                "services: {{base: {{image: {IMAGE}, network_mode: none, env_file: base.env, volumes: ['../media:/m:ro']}}}}\n"
            ),
        ),
        ("common/base.env", "D=1\n"),
        (
            "inc/compose.yaml",
            &format!(
                "services: {{inner: {{image: {IMAGE}, network_mode: none, env_file: inner.env, volumes: ['inner:/data', './here:/here']}}}}\nvolumes: {{inner: {{}}}}\n"
            ),
        ),
        ("inc/.env", "E=1\n"),
        ("inc/inner.env", "F=1\n"),
        ("inc/here/file", "mounted by the included service\n"),
        ("app/Dockerfile", "FROM scratch\n"),
        (
            "app/.dockerignore",
            "*.log\n!keep.log\nmodules\nDockerfile\n",
        ),
        ("app/main.c", "int main;\n"),
        ("app/a.log", "ignored\n"),
        ("app/keep.log", "kept\n"),
        ("app/src/b.log", "not in the root of the context\n"),
        ("app/src/c.tmp", "ignored by the backup\n"),
        ("app/modules/m", "ignored\n"),
        ("app/uploads/picture", "mounted\n"),
        ("conf/nginx.conf", "a config in a mounted folder\n"),
        ("conf/long.env", "G=1\n"),
        ("conf/other", "mounted\n"),
        ("media/a", "a\n"),
        ("media/b.tmp", "ignored by the backup\n"),
        ("media/cache/c", "ignored by the backup\n"),
        ("media/deep/cache/c", "not ignored\n"),
        ("debug/file", "of a service that no profile has started\n"),
        ("real/token", "secret\n"),
        ("not-named", "nobody asks for it\n"),
    ] {
        project.write(path, content);
    }
    project.link("../real/token", "secrets/token");
    project.link("../outside/out.conf", "linked.conf");
}

/// What a tar can hold, in the volume `data`; something in every other one.
fn fill(project: &Project) {
    project.sh(
        "db",
        "echo anonymous >/anon/file; echo external >/shared/file",
    );
    project.sh("inner", "echo inner >/data/file");
    for (number, container) in [(1, "web-1"), (2, "web-2")] {
        let container = format!("{}-{container}", project.name);
        docker(&[
            "exec",
            &container,
            "sh",
            "-c",
            &format!("echo {number} >/srv/anon/file"),
        ]);
    }
    std::fs::write(project.volume_dir("stopped").join("file"), "stopped").unwrap();
    std::fs::write(project.volume_dir("lazy").join("file"), "lazy").unwrap();
    let script = r#"
        echo content >file; ln file zz-hard; ln -s file soft; ln -s /nowhere/at/all dangling
        mkfifo fifo; mknod device c 1 7; mkdir -m 2750 folder; chown 1234:5678 folder
        touch "$(printf 'not\377utf')" "$(printf 'new\nline')" "$(printf 'a%.0s' $(seq 250))"
        truncate -s 50M sparse; printf x | dd of=sparse bs=1 seek=20000000 conv=notrunc 2>/dev/null
        setfattr -n user.note -v hello file; setfattr -n trusted.note -v root folder
        setfacl -m u:1234:rw file
        python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
        touch -d '2001-02-03 04:05:06.123456789 UTC' file; touch -d '1960-01-01 00:00:00.5 UTC' folder
        chmod 4711 soft
    "#;
    let dir = project.volume_dir("data");
    succeed(Command::new("bash").args(["-ec", script]).current_dir(dir));
}

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
        ("mounted run.sock".to_owned(), "socket"),
        ("mounted memory:/memory".to_owned(), "memory"),
        ("volume shared".to_owned(), "external"),
        ("volume debug".to_owned(), "does not exist yet"),
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
    let archive = project.new_target().with_extension("tar.zst");
    let folder = project.new_target();
    let targets = [
        "backup",
        "-t",
        archive.to_str().unwrap(),
        "-t",
        folder.to_str().unwrap(),
    ];
    let ran = project.dump(&targets).expect(0);
    let folder = only_entry(&folder);
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
    assert_eq!(left_out, dump.left_out());
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
