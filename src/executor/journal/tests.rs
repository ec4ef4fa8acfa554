//! What is written is read back, whatever the moment at which the run died.

use std::time::Duration;

use super::*;
use crate::archive::manifest::model::Hold;

fn intent(id: &str) -> Intent {
    Intent {
        id: id.into(),
        name: format!("blog-{id}-1"),
        service: id.into(),
        how: Hold::Stopped,
        rank: 0,
        state: "running".into(),
        started_at: Some("2026-11-23T01:42:30.123456789Z".into()),
        grace: Duration::from_secs(10),
        has_health_check: false,
        was_healthy: false,
        at: Timestamp::UNIX_EPOCH,
    }
}

fn hold(ids: &[&str]) -> Record {
    Record::Hold {
        containers: ids.iter().map(|id| intent(id)).collect(),
    }
}

struct Stage {
    _dir: tempfile::TempDir,
    state: StateFolder,
}

impl Stage {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let state = StateFolder::at(dir.path().to_owned());
        Self { _dir: dir, state }
    }

    async fn begin(&self) -> Journal {
        let engine = ("ENGINE", "docker".to_owned());
        let journal = Journal::begin(&self.state, "1", "h/blog/0", engine).await;
        journal.expect("it can be written")
    }

    fn paths(&self) -> Vec<PathBuf> {
        all(&self.state).expect("it can be read")
    }

    fn left(&self) -> Left {
        match open(&self.paths()[0]) {
            Ok(Found::Left(left)) => *left,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_not_undone_is_left_in_order() {
    let stage = Stage::new();
    let journal = stage.begin().await;
    journal
        .write(hold(&["a", "b", "c"]))
        .await
        .expect("written");
    journal.released(vec!["b".into()]).await;
    assert!(matches!(open(journal.path()), Ok(Found::Live)));
    assert!(!journal.end(), "it stays for whoever comes next");
    drop(journal);
    let left = stage.left();
    assert_eq!(left.pending.containers, [intent("a"), intent("c")]);
    assert_eq!(left.head.engine, "ENGINE");
    left.end();
    assert!(stage.paths().is_empty());
}

#[tokio::test]
async fn a_run_that_undid_everything_leaves_nothing() {
    let stage = Stage::new();
    let journal = stage.begin().await;
    journal.write(hold(&["a"])).await.expect("written");
    journal.released(vec!["a".into()]).await;
    assert!(journal.end());
    assert!(stage.paths().is_empty());
}

/// Cut anywhere, as the death of a machine may do it, a journal says what was synced before.
#[tokio::test]
async fn a_cut_journal_says_what_its_whole_lines_say() {
    let stage = Stage::new();
    let journal = stage.begin().await;
    journal.write(hold(&["a"])).await.expect("written");
    journal.released(vec!["a".into()]).await;
    let path = journal.path().to_owned();
    drop(journal);
    let whole = std::fs::read(&path).expect("it is there");
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    for length in 0..=whole.len() {
        std::fs::write(&path, &whole[..length]).expect("it can be cut");
        let held = match open(&path) {
            Ok(Found::Left(left)) => Some(left.pending.containers.len()),
            Ok(Found::Nothing) => None,
            other => panic!("{other:?} at {length}"),
        };
        let wanted = match ends.iter().filter(|end| **end < length).count() {
            0 => None,
            2 => Some(1),
            _ => Some(0),
        };
        assert_eq!(held, wanted, "cut at {length}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_an_error_and_stays() {
    let stage = Stage::new();
    let path = stage.begin().await.path().to_owned();
    let head = std::fs::read_to_string(&path).expect("it is there");
    let other_format = head.replace("\"format\":1", "\"format\":2");
    for (text, wrong) in [
        ("nonsense\n".to_owned(), 1),
        (format!("{head}{{}}\n{{\"cut"), 2),
        (format!("{head}{head}"), 2),
        (other_format, 1),
    ] {
        std::fs::write(&path, &text).expect("it can be written");
        let error = open(&path).expect_err("it makes no sense");
        assert!(
            matches!(error, JournalError::Garbled { line, .. } if line == wrong),
            "{text}"
        );
        assert!(path.exists());
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_is_an_error() {
    let stage = Stage::new();
    std::fs::write(stage.state.path().join(FOLDER), "no folder").expect("a file");
    let engine = ("ENGINE", "docker".to_owned());
    let refused = Journal::begin(&stage.state, "1", "h/blog/0", engine).await;
    assert!(matches!(refused, Err(JournalError::State(_))));
}
