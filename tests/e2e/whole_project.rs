//! One project with everything that a Compose project can have.

use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Command;

use crate::support::{IMAGE, Project, Ran, Volume, docker, only_entry, succeed};

/// The project and what lives outside of it.
pub(crate) struct Everything {
    pub(crate) project: Project,
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
    /// Writes it, brings it up, and puts something into every volume.
    pub(crate) fn up() -> Self {
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

    /// Dumps it in one pass into a folder and an archive: what was said, and where both dumps are.
    pub(crate) fn dump_twice(&self) -> (Ran, PathBuf, PathBuf) {
        let project = &self.project;
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
        (ran, only_entry(&folder), archive)
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
