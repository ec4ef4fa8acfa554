//! Single bits that are flipped anywhere in a dump: `verify` finds each, and `restore` refuses each before its first
//! write, from a path and from a stream. A short round; `tests/campaigns/flips.sh COUNT` goes on for longer.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::restore::restoring;
use crate::support::{IMAGE, Project, Ran, mountpoint, only_entry, run};

/// Flips per format, unless `FLIPS` says otherwise.
const ROUND: u64 = 4;

/// Numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        found.extend(files(&entry.unwrap().path()));
    }
    found.retain(|file| file.symlink_metadata().unwrap().len() > 0);
    found.sort();
    found
}

fn flip(path: &Path, bit: u64) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, bit / 8).unwrap();
    byte[0] ^= 1 << (bit % 8);
    file.write_all_at(&byte, bit / 8).unwrap();
}

/// A project whose volume and folder a restore would replace.
struct Bench {
    project: Project,
}

impl Bench {
    fn new() -> Self {
        let project = Project::new(&format!(
            "services: {{app: {{image: {IMAGE}, network_mode: none, env_file: a.env,
               volumes: ['data:/data', './media:/media']}}}}\nvolumes: {{data: {{}}}}\n"
        ));
        project.write("a.env", "A=1\n");
        project.write("media/picture", &"some bytes of a picture\n".repeat(200));
        project.up();
        let text = "some rows of a table\n".repeat(500);
        fs::write(project.volume_dir("data").join("rows"), text).unwrap();
        project.compose(&["stop", "--timeout", "1"]);
        Self { project }
    }

    /// What no refused restore may change.
    fn canary(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let volume = mountpoint(&self.project.volume("data"));
        let all = [files(&volume), files(&self.project.dir)].concat();
        let read = |file: PathBuf| (file.clone(), fs::read(file).unwrap());
        all.into_iter().map(read).collect()
    }

    fn restore(&self, dump: &str, stdin: Option<File>) -> Ran {
        let arguments = ["restore", dump, "--replace", "--no-start"];
        let mut command = restoring(&self.project, &arguments);
        if let Some(stdin) = stdin {
            command.stdin(stdin);
        }
        run(&mut command)
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn every_flipped_bit_is_found_and_refused_before_the_first_write() {
    let flips = std::env::var("FLIPS").map_or(ROUND, |count| count.parse().expect("a number"));
    let bench = Bench::new();
    let project = &bench.project;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for format in ["", "zst", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"] {
        let target = project.new_target();
        let (dump, is_archive) = match format {
            "" | "zst" => {
                let mut command = project.program(&["backup", "-t", target.to_str().unwrap()]);
                let codec = if format.is_empty() { "none" } else { format };
                run(command.env("COMPOSE_DUMP_COMPRESSION", codec)).expect(0);
                (only_entry(&target), false)
            }
            extension => {
                let archive = target.with_extension(extension);
                project
                    .dump(&["backup", "-t", archive.to_str().unwrap()])
                    .expect(0);
                (archive, true)
            }
        };
        let dump_name = dump.to_str().unwrap();
        project.dump(&["verify", dump_name]).expect(0);
        let before = bench.canary();
        let files = files(&dump);
        for round in 0..flips {
            let file = &files[random.below(files.len() as u64) as usize];
            let bit = random.below(fs::metadata(file).unwrap().len() * 8);
            flip(file, bit);
            let what = format!("{format}: {round}, bit {bit} of {}", file.display());
            assert_eq!(
                project.dump(&["verify", dump_name]).code,
                Some(13),
                "{what}"
            );
            assert_eq!(bench.restore(dump_name, None).code, Some(13), "{what}");
            if is_archive {
                let stream = || Some(File::open(file).unwrap());
                let mut verify = project.program(&["verify", "-"]);
                // Without its marker, a few bits of a codec's own headers mean nothing.
                let is_found = run(verify.stdin(stream().unwrap())).code != Some(0);
                assert!(is_found || format != "tar", "{what}");
                if is_found {
                    assert_eq!(
                        bench.restore("-", stream()).code,
                        Some(13),
                        "{what}, as a stream"
                    );
                }
            }
            flip(file, bit);
            assert_eq!(bench.canary(), before, "{what}");
        }
        project.dump(&["verify", dump_name]).expect(0);
    }
}
