//! Which paths are taken, by roots, exceptions and ignore files.

use super::*;

fn root(path: &str, whole: bool) -> RootRule {
    RootRule {
        path: path.into(),
        whole,
        dockerignore: None,
        exclude: Vec::new(),
    }
}

fn verdicts(rules: &TreeRules, paths: &[(&str, bool)]) -> Vec<Verdict> {
    let mut filter = TreeFilter::new(rules).expect("rules");
    paths
        .iter()
        .map(|(path, is_dir)| filter.decide(path.as_bytes(), *is_dir))
        .collect()
}

#[test]
fn a_lone_slash_matches_nothing() {
    let slash = RootRule {
        exclude: vec!["/".into(), "*.tmp".into()],
        ..root("", true)
    };
    let rules = TreeRules {
        roots: vec![slash],
        ..TreeRules::default()
    };
    let paths = [("a", false), ("deep", true), ("deep/a.tmp", false)];
    let wanted = [Verdict::Take, Verdict::Pass, Verdict::Skip];
    assert_eq!(verdicts(&rules, &paths), wanted);
    let lines = BackupIgnore::of_lines(Path::new(".backupignore"), "/\n\n# x\n");
    let lines = lines.expect("patterns");
    assert_eq!(lines.line_against(Path::new("media"), true), None);
}

#[test]
fn a_named_file_is_reached_through_folders_that_are_not_taken_whole() {
    let rules = TreeRules {
        roots: vec![root("conf/web/app.env", false)],
        ..TreeRules::default()
    };
    let paths = [
        ("", true),
        ("conf", true),
        ("conf/web", true),
        ("conf/web/app.env", false),
        ("conf/web/other", false),
        ("data", true),
    ];
    use Verdict::{Pass, Skip, Take};
    assert_eq!(
        verdicts(&rules, &paths),
        [Pass, Pass, Pass, Take, Skip, Skip]
    );
}

#[test]
fn the_deepest_claim_owns_a_path() {
    let rules = TreeRules {
        roots: vec![
            root("", true),
            root("app/data/named.env", false),
            root("app/data/inner", true),
        ],
        not: vec!["app/data".into()],
        ..TreeRules::default()
    };
    let paths = [
        ("app/main.py", false),
        ("app/data", true),
        ("app/data/rows", false),
        ("app/data/named.env", false),
        ("app/data/inner/x", false),
    ];
    use Verdict::{Pass, Skip, Take};
    assert_eq!(verdicts(&rules, &paths), [Take, Pass, Skip, Take, Take]);
}

#[test]
fn ignore_files_apply_below_a_root_but_never_to_what_a_key_names() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("an ignore file");
        path
    };
    let rules = TreeRules {
        roots: vec![
            RootRule {
                path: "app".into(),
                whole: true,
                dockerignore: Some(write("dockerignore", "*\n!src\nsrc/*.o\n")),
                exclude: Vec::new(),
            },
            root("app/.env", false),
        ],
        backupignore: Some(write("backupignore", "*.tmp\n!keep.tmp\n")),
        ..TreeRules::default()
    };
    let paths = [
        ("app", true),
        ("app/src", true),
        ("app/src/main.c", false),
        ("app/src/main.o", false),
        ("app/src/a.tmp", false),
        ("app/src/keep.tmp", false),
        ("app/README", false),
        ("app/.env", false),
    ];
    use Verdict::{Pass, Skip, Take};
    assert_eq!(
        verdicts(&rules, &paths),
        [Pass, Pass, Take, Skip, Skip, Take, Skip, Take]
    );
}

fn backupignored(patterns: &str, paths: &[(&str, bool)]) -> Vec<Verdict> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join(".backupignore");
    std::fs::write(&file, patterns).expect("an ignore file");
    let rules = TreeRules {
        roots: vec![root("media", true)],
        backupignore: Some(file),
        ..TreeRules::default()
    };
    verdicts(&rules, paths)
}

#[test]
fn patterns_of_the_project_are_relative_to_its_folder() {
    use Verdict::{Pass, Skip};
    let paths = [
        ("media", true),
        ("media/a.tmp", false),
        ("media/deep/cache", true),
        ("media/deep/cache/x", false),
        ("media/raw", true),
        ("media/deep/raw", true),
        ("media/#x", false),
    ];
    let patterns = "\u{feff}*.tmp\r\n# a comment\r\ncache/\r\n/media/raw\r\n\\#x\r\n";
    assert_eq!(
        backupignored(patterns, &paths),
        [Pass, Skip, Skip, Skip, Skip, Pass, Skip]
    );
    // A root that is ignored itself is an empty folder.
    let paths = [("media", true), ("media/x", false)];
    assert_eq!(backupignored("media/\n", &paths), [Pass, Skip]);
}

#[test]
fn roots_that_the_walk_does_not_come_by_are_known() {
    let rules = TreeRules {
        roots: vec![root("", true), root("a", false), root("b/c", false)],
        ..TreeRules::default()
    };
    let mut filter = TreeFilter::new(&rules).expect("rules");
    filter.decide(b"a", false);
    let unmet: Vec<&Path> = filter.unmet().collect();
    assert_eq!(unmet, [Path::new("b/c")]);
}

#[test]
fn names_that_are_not_utf8_are_paths_like_any_other() {
    let rules = TreeRules {
        roots: vec![RootRule {
            path: OsStr::from_bytes(b"m\xff").into(),
            whole: true,
            dockerignore: None,
            exclude: Vec::new(),
        }],
        ..TreeRules::default()
    };
    let mut filter = TreeFilter::new(&rules).expect("rules");
    assert_eq!(filter.decide(b"m\xff/\xfe", false), Verdict::Take);
    assert_eq!(filter.decide(b"m\xfe", true), Verdict::Skip);
}

#[test]
fn the_same_folder_for_two_purposes_is_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ignore = folder.path().join("ignore");
    std::fs::write(&ignore, "*").expect("an ignore file");
    let context = RootRule {
        path: "app".into(),
        whole: true,
        dockerignore: Some(ignore),
        exclude: Vec::new(),
    };
    for roots in [
        vec![context.clone(), root("app", true)],
        vec![root("app", true), context],
    ] {
        let rules = TreeRules {
            roots,
            ..TreeRules::default()
        };
        let mut filter = TreeFilter::new(&rules).expect("rules");
        assert_eq!(filter.decide(b"app/x", false), Verdict::Take);
    }
}

#[test]
fn a_broken_ignore_file_is_an_error_not_a_shrug() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(".backupignore");
    let rules = TreeRules {
        backupignore: Some(path.clone()),
        ..TreeRules::default()
    };
    assert!(matches!(
        TreeFilter::new(&rules),
        Err(RulesError::Read { .. })
    ));
    std::fs::write(&path, "[z-a]\n").expect("an ignore file");
    assert!(matches!(
        TreeFilter::new(&rules),
        Err(RulesError::Pattern { .. })
    ));
}
