//! Input that wants to hurt: refused for the right reason, in bounded memory, without a panic.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{check, program, root, rows, run};

/// How many KiB of address space the program gets.
const MEMORY: u32 = 600 << 10;

/// Checks a file with a bound on memory; the codes of what is found.
fn codes(file: &Path) -> Vec<String> {
    let binary = env!("CARGO_BIN_EXE_compose-dump");
    let script = format!("ulimit -v {MEMORY}; exec \"$@\"");
    let mut command = std::process::Command::new("/bin/sh");
    command
        .env_clear()
        .env("LONG", "x".repeat(100_000))
        .current_dir(root("tests/configs/project"))
        .args(["-c", &script, "sh", binary, "check", "--json", "-f"])
        .arg("compose.yaml")
        .arg("-c")
        .arg(file);
    let output = run(&mut command);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(2),
        "{}: {stderr}",
        file.display()
    );
    assert!(!stderr.contains("panicked"), "{stderr}");
    let rows = rows(&output);
    assert!(rows.len() <= 101, "{} findings", rows.len());
    rows.iter()
        .map(|row| row["code"].as_str().unwrap().to_owned())
        .collect()
}

fn bomb() -> String {
    let mut bomb = String::from("version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    bomb
}

fn many(line: impl Fn(usize) -> String) -> Vec<u8> {
    let lines = (0..).map(line);
    let mut text = String::from("version: 1\n");
    for line in lines {
        if text.len() + line.len() > 120 << 10 {
            break;
        }
        text.push_str(&line);
    }
    text.into_bytes()
}

#[test]
fn content_that_wants_to_hurt() {
    let folder = tempfile::tempdir().unwrap();
    let nested = (0..10_000)
        .map(|level| format!("{}a:\n", " ".repeat(level % 20)))
        .collect::<String>();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("bomb", bomb().into_bytes(), "config::too_many_values"),
        (
            "long aliases",
            format!(
                "version: 1\na: &a '{}'\nb: [{}]\n",
                "x".repeat(60 << 10),
                "*a, ".repeat(15_000)
            )
            .into_bytes(),
            "config::too_many_values",
        ),
        (
            "deep flow",
            format!("version: {}", "[".repeat(9_999)).into_bytes(),
            "config::syntax",
        ),
        (
            "deeper flow",
            "[".repeat(120_000).into_bytes(),
            "config::too_many_values",
        ),
        (
            "deep blocks",
            "- ".repeat(10_000).into_bytes(),
            "config::syntax",
        ),
        ("odd blocks", nested.into_bytes(), "config::"),
        ("NUL", b"version: 1\nhost: a\0b\n".to_vec(), "config::nul"),
        ("UTF-16", b"\xff\xfev\0e\0r\0".to_vec(), "config::not_utf8"),
        (
            "Latin-1",
            b"version: 1\nhost: caf\xe9\n".to_vec(),
            "config::not_utf8",
        ),
        (
            "escape",
            b"version: 1\nhost: \x1b[2J\n".to_vec(),
            "config::syntax",
        ),
        ("empty", Vec::new(), "config::empty"),
        ("large", vec![b'#'; 300 << 10], "config::too_large"),
        (
            "unknown keys",
            many(|index| format!("key{index}: 1\n")),
            "config::unknown_key",
        ),
        (
            "long variable",
            format!("version: 1\nservices: [{}]\n", "'${LONG}', ".repeat(9_000)).into_bytes(),
            "config::variables_too_long",
        ),
        (
            "very long text",
            format!("version: 1\nhost: '{}'\n", "${LONG}".repeat(9_000)).into_bytes(),
            "config::variables_too_long",
        ),
        (
            "variables",
            (0..9_000)
                .map(|index| format!("k{index}: ${{U}}\n"))
                .collect::<String>()
                .into_bytes(),
            "config::unset_variable",
        ),
        (
            "one line",
            many(|index| {
                if index == 0 {
                    "services: [".to_owned()
                } else {
                    format!("s{index}, ")
                }
            }),
            "config::syntax",
        ),
        (
            "services",
            {
                let names: Vec<String> = (0..12_000).map(|index| format!("s{index}")).collect();
                format!("version: 1\nservices: [{}]\n", names.join(", ")).into_bytes()
            },
            "project::unknown_service",
        ),
        (
            "long key",
            format!("version: 1\n\"{}\": 1\n", "k".repeat(1_000)).into_bytes(),
            "config::unknown_key",
        ),
        (
            "wild patterns",
            format!(
                "version: 1\nvolumes: {{data: {{exclude: ['{}']}}}}\n",
                "{a,".repeat(9_000)
            )
            .into_bytes(),
            "config::",
        ),
    ];
    for (name, bytes, code) in cases {
        let file = folder.path().join(format!("{name}.yml"));
        std::fs::write(&file, bytes).unwrap();
        let codes = codes(&file);
        assert!(
            codes.first().is_some_and(|first| first.starts_with(code)),
            "{name}: {:?}",
            codes.first()
        );
    }
}

#[test]
fn what_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("coreutils are there").success());
    let huge = folder.path().join("huge.yml");
    std::fs::File::create(&huge)
        .unwrap()
        .set_len(100 << 20)
        .unwrap();
    for (path, code) in [
        (folder.path(), "config::not_a_file"),
        (&fifo, "config::not_a_file"),
        (Path::new("/dev/zero"), "config::not_a_file"),
        (&huge, "config::too_large"),
        (&folder.path().join("nothing"), "config::no_file"),
        (&huge.join("below"), "config::no_file"),
    ] {
        assert_eq!(codes(path), [code], "{}", path.display());
    }
}

#[test]
fn the_place_of_a_wrong_byte_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.yml");
    std::fs::write(&file, b"version: 1\nhost: caf\xe9\n").unwrap();
    let (_, rows) = check(&file);
    assert_eq!(
        (&rows[0]["line"], &rows[0]["column"]),
        (&Value::from(2), &Value::from(10))
    );
}

#[test]
fn a_file_from_standard_input_and_a_folder_without_one() {
    let mut command = program(&["check", "-c", "-", "--json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdin = child.stdin.as_mut().unwrap();
    stdin.write_all(b"version: 1\nvolums: {}\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let rows = rows(&output);
    assert_eq!((rows.len(), &rows[0]["file"]), (1, &Value::from("<stdin>")));
    let folder = tempfile::tempdir().unwrap();
    let output = run(program(&["check"]).current_dir(folder.path()));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr.contains("there is no `compose-dump.yml`"),
        "{stderr}"
    );
    assert!(stderr.contains("help"), "{stderr}");
}

#[test]
fn schemas_are_printed_as_they_are() {
    for (arguments, path) in [
        (&["schema"][..], "schemas/compose-dump.schema.json"),
        (&["schema", "config"], "schemas/compose-dump.schema.json"),
        (&["schema", "manifest"], "schemas/manifest.schema.json"),
    ] {
        let output = run(&mut program(arguments));
        assert_eq!(output.stdout, std::fs::read(root(path)).unwrap());
    }
}
