//! Dumps read back by the program, beside a reader in Python that was written after the format alone.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::support::{IMAGE, Project, Ran, only_entry, program, ran, run, verify};

/// A project that is up, and dumps of it: a folder, archives, one without a marker.
fn dumps() -> (Project, Vec<PathBuf>) {
    let project = Project::new(&format!(
        "services: {{db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data', './media:/m', '/anon']}}}}\nvolumes: {{data: {{}}}}\n"
    ));
    project.write("media/file", "mounted");
    project.write("media/deep/er", "deeper");
    symlink("file", project.path("media/link")).unwrap();
    project.up();
    project.sh(
        "db",
        "dd if=/dev/urandom of=/data/file bs=64k count=9 2>&1; ln /data/file /data/again; mkdir /data/d; \
         touch '/data/d/new\nline'; mkfifo /data/pipe; echo anon >/anon/x",
    );
    let out = project.beside("out");
    let folder = project.new_target();
    let mut dumps = vec![];
    for name in ["a.tar", "b.tar.gz", "c.tar.bz2", "d.tar.xz", "e.tar.zst"] {
        dumps.push(out.join(name));
    }
    let mut arguments = vec!["backup", "-t", folder.to_str().unwrap()];
    for dump in &dumps {
        arguments.extend(["-t", dump.to_str().unwrap()]);
    }
    arguments.extend(["-t", "-"]);
    let stdout = project.dump(&arguments).expect(0).stdout;
    let bare = out.join("stdout.tar");
    fs::write(&bare, stdout).unwrap();
    dumps.extend([only_entry(&folder), bare]);
    (project, dumps)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn ours(arguments: &[&str]) -> Ran {
    run(&mut program(arguments))
}

/// Feeds the program with a file on its standard input.
fn from_pipe(arguments: &[&str], bytes: &[u8]) -> Ran {
    let began = Instant::now();
    let mut child = program(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    ran(output, began)
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn every_form_is_sound_to_both_readers_and_damage_to_neither() {
    let (_project, dumps) = dumps();
    for dump in &dumps {
        let other = verify(dump);
        let told = ours(&["verify", text(dump), "--json"]).expect(0).json();
        assert_eq!(told["sound"], true, "{told}");
        let mut paths: Vec<String> = told["members"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| crate::verified::text(&row["path"]))
            .collect();
        paths.sort();
        assert_eq!(paths, other.members(), "{}", dump.display());
        assert_eq!(told["rest"]["harmless_count"], 0);

        let shown = ours(&["show", text(dump), "--json"]).expect(0).json();
        for key in ["id", "members", "volumes", "complete"] {
            assert_eq!(&shown[key], &other.manifest()[key], "{key}");
        }
        if dump.is_file() {
            let bytes = fs::read(dump).unwrap();
            from_pipe(&["verify", "-"], &bytes).expect(0);
            from_pipe(&["verify", "-"], &bytes[..bytes.len() - 700]).expect(13);
            from_pipe(&["verify", "-"], b"").expect(13);
        }
        let damaged = if dump.is_dir() {
            dump.join("volumes/project/data.tar")
        } else {
            dump.clone()
        };
        let len = fs::metadata(&damaged).unwrap().len();
        let file = fs::File::options()
            .read(true)
            .write(true)
            .open(&damaged)
            .unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, len / 2).unwrap();
        file.write_all_at(&[byte[0] ^ 4], len / 2).unwrap();
        ours(&["verify", text(dump)]).expect(13);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/verify.py");
        let python = Command::new("python3")
            .arg(script)
            .arg(dump)
            .output()
            .unwrap();
        assert!(!python.status.success(), "{}", dump.display());
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn the_entries_that_are_shown_are_those_of_the_tar() {
    let (_project, dumps) = dumps();
    for dump in &dumps {
        let other = verify(dump);
        let tar = other.tar("volumes/project/data.tar");
        for name in ["data", "volumes/project/data.tar", "volumes/project/data"] {
            if name == "volumes/project/data" {
                ours(&["show", text(dump), "--files", name])
                    .expect(2)
                    .says(&["did you mean"]);
                continue;
            }
            let rows = ours(&["show", text(dump), "--files", name, "--json"])
                .expect(0)
                .json();
            let rows = rows.as_array().unwrap();
            assert_eq!(rows.len(), tar.len());
            let file = rows
                .iter()
                .find(|row| row["path"] == "file" || row["path"] == "again")
                .unwrap();
            assert_eq!(file["size"], 9 * 64 * 1024);
            assert!(
                rows.iter().any(|row| row["path"] == "d/new\\nline"),
                "{rows:#?}"
            );
            let linked = rows.iter().find(|row| row["type"] == "h").unwrap();
            assert!(["file", "again"].contains(&linked["target"].as_str().unwrap()));
        }
        ours(&["show", text(dump), "--files", "nothing"])
            .expect(2)
            .says(&["no member `nothing`"]);
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn names_and_latest_are_looked_up_in_a_folder_of_dumps() {
    let (project, dumps) = dumps();
    let folder = dumps[5].parent().unwrap();
    let first = dumps[5].file_name().unwrap().to_str().unwrap().to_owned();
    std::thread::sleep(std::time::Duration::from_secs(1));
    project
        .dump(&["backup", "-x", "zst", "-t", text(folder)])
        .expect(0);
    fs::create_dir(folder.join("something else")).unwrap();
    fs::create_dir(folder.join(".compose-dump-x.partial")).unwrap();
    let rows = ours(&["list", text(folder), "--json"]).expect(0).json();
    let rows = rows.as_array().unwrap();
    let forms: Vec<_> = rows
        .iter()
        .map(|row| row["form"].as_str().unwrap())
        .collect();
    assert_eq!(forms, ["folder", "tar.zst"]);
    assert_eq!(rows[0]["name"], first.as_str());

    let latest = ours(&["show", text(&folder.join("latest")), "--json"])
        .expect(0)
        .json();
    assert_eq!(latest["id"], rows[1]["id"]);
    let second = rows[1]["name"].as_str().unwrap();
    ours(&["verify", text(&folder.join(second))]).expect(0);
    let more = folder.join(&first).join("more");
    fs::write(&more, "").unwrap();
    let ran = ours(&["verify", text(&folder.join(&first))]).expect(13);
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        told.contains("move away what the manifest does not name"),
        "{told}"
    );
    fs::remove_file(&more).unwrap();
    ours(&["verify", text(&folder.join(&first))]).expect(0);
    ours(&["verify", text(&folder.join("nothing"))])
        .expect(10)
        .says(&["there is no dump"]);
    ours(&["verify", text(folder)])
        .expect(10)
        .says(&["no file `Manifest.yml` is in it"]);
    ours(&["list", text(&folder.join("nothing"))]).expect(10);
    // Without its archive a marker is no dump; without its marker an archive is one by its path alone.
    let archive = rows[1]["path"].as_str().unwrap();
    let away = folder.join("away.tar.zst");
    fs::rename(archive, &away).unwrap();
    let ran = ours(&["list", text(folder), "--json"])
        .expect(0)
        .says(&["its archive is not there"]);
    assert_eq!(ran.json().as_array().unwrap().len(), 1);
    // Nobody who asks for the newest gets an older one in silence.
    ours(&["verify", text(&folder.join("latest"))])
        .expect(13)
        .says(&["the newest dump is damaged", "its archive is not there"]);
    ours(&["verify", text(&away)]).expect(0);
}

/// Two projects write into one folder: `latest` is that of the project in whose folder one stands.
#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn the_latest_of_several_projects_is_that_of_the_working_folder() {
    let compose = format!("services: {{app: {{image: {IMAGE}}}}}\n");
    let first = Project::new(&compose);
    let second = first.sibling("compose.yaml", &compose);
    let target = first.new_target();
    let empty = first.dump(&["list", text(&first.beside("nothing"))]);
    empty.expect(0).says(&["there is no dump in"]);
    for project in [&first, &second] {
        let backup = ["backup", "--config", "-t", text(&target)];
        project.dump(&backup).expect(0);
    }
    let listed = String::from_utf8(ours(&["list", text(&target)]).expect(0).stdout).unwrap();
    let latest = target.join("latest");
    for project in [&first, &second] {
        assert!(listed.contains(&format!("/{}/", project.name)), "{listed}");
        let shown = project.dump(&["show", "--json", text(&latest)]).expect(0);
        assert_eq!(shown.json()["project"]["name"], *project.name);
    }
    let elsewhere = first.beside("elsewhere");
    let mut show = first.program(&["show", text(&latest)]);
    run(show.current_dir(&elsewhere)).expect(2).says(&[
        &first.name,
        &second.name,
        "`-p NAME` picks",
    ]);
    let mut show = first.program(&["-p", &second.name, "show", "--json", text(&latest)]);
    let shown = run(show.current_dir(&elsewhere)).expect(0);
    assert_eq!(shown.json()["project"]["name"], *second.name);
}
