//! More files in one folder than fit the memory that the program may have, and a large one: whoever needs more than the
//! promised 128 MiB is killed here. `tests/campaigns/many_files.sh` does it with a million.

use std::path::Path;
use std::process::Command;

use crate::restore::restoring;
use crate::support::{IMAGE, Project, Ran, only_entry, run, succeed};

/// The promise of product and README for local targets.
const MIB: &str = "128";

/// Makes files with long names in one folder, and one of 200 MiB that does not compress.
fn fill(folder: &Path) -> usize {
    let count = std::env::var("COMPOSE_DUMP_TEST_FILES");
    let count = count.map_or(10_000, |count| count.parse().unwrap());
    let script = "import os, sys
os.chdir(sys.argv[1])
with open('large', 'wb') as large:
    for _ in range(200):
        large.write(os.urandom(1 << 20))
os.mkdir('many')
os.chdir('many')
for number in range(int(sys.argv[2])):
    with open('a long name for a file that has next to nothing in it, as mail and caches have them %09d' % number, 'w') as file:
        file.write('%d\\n' % number)";
    let mut command = Command::new("python3");
    let (folder, count_text) = (folder.as_os_str(), count.to_string());
    succeed(command.args(["-c", script]).arg(folder).arg(count_text));
    count
}

/// Runs the program as it was prepared, with no more memory than promised.
fn limited(prepared: &Command) -> Ran {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/limited.sh");
    let mut command = Command::new(script);
    command.arg(MIB).arg(prepared.get_program());
    command.args(prepared.get_args());
    command.current_dir(prepared.get_current_dir().unwrap());
    for (name, value) in prepared.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    run(&mut command).expect(0)
}

#[test]
#[ignore = "needs an engine and Compose v2, and its root: tests/run.sh"]
fn many_files_need_no_more_memory_than_was_promised() {
    let project = Project::new(&format!(
        "services: {{app: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data']}}}}\nvolumes: {{data: {{}}}}\n"
    ));
    project.up();
    let count = fill(&project.volume_dir("data"));
    let folder = project.new_target();
    let archive = project.new_target().with_extension("tar.zst");
    let mut backup = project.program(&["backup", "--volumes", "-t"]);
    limited(backup.arg(&folder).arg("-t").arg(&archive));
    let dump = only_entry(&folder);
    let mut verify = project.program(&["verify"]);
    limited(verify.arg(&archive));
    let mut restore = restoring(&project, &["restore", "--volumes", "--replace"]);
    limited(restore.arg(&dump));
    let files = std::fs::read_dir(project.volume_dir("data").join("many"));
    assert_eq!(files.unwrap().count(), count);

    let mut engine = project.program(&["backup", "--volumes", "-t"]);
    engine.arg(project.new_target().with_extension("tar.zst"));
    limited(engine.env("COMPOSE_DUMP_READER", "engine"));
    let mut restore = restoring(&project, &["restore", "--volumes", "--replace"]);
    limited(restore.arg(&archive).env("COMPOSE_DUMP_READER", "engine"));
    let files = std::fs::read_dir(project.volume_dir("data").join("many"));
    assert_eq!(files.unwrap().count(), count);
    project.assert_nothing_left();
}
