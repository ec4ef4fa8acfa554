//! What a restore that was killed leaves is put right once, and only as far as it can be.

use super::*;
use crate::engine::ContainerState;
use crate::engine::fake::{FakeEngine, Fault, Method};
use crate::plan::samples::container;
use crate::restore::content::{Place, Token};
use crate::restore::event::Event;
use crate::restore::plan::model::StopPlan;

/// Hears nothing.
struct Deaf;

impl Reporter for Deaf {
    fn report(&self, _: Event) {}
}

/// A restore that has stopped `web` and then `db`, and was killed.
struct Case {
    _top: tempfile::TempDir,
    state: StateFolder,
    place: std::path::PathBuf,
    fake: Arc<FakeEngine>,
    engine: Arc<dyn Engine>,
    reporter: Arc<dyn Reporter>,
}

impl Case {
    fn new(half_written: &[&str]) -> Self {
        let top = tempfile::tempdir().unwrap();
        let state = StateFolder::at(top.path().join("state"));
        let place = top.path().join("place");
        std::fs::create_dir(&place).unwrap();
        let fake = Arc::new(FakeEngine::new());
        for service in ["db", "web"] {
            let mut down = container(service, 1, Vec::new());
            down.state = ContainerState::Exited;
            fake.put_container(down);
        }
        let engine = Arc::clone(&fake) as Arc<dyn Engine>;
        let token = Token::random();
        let said = Unfinished::of_the_dead(&token, &engine.daemon().id);
        let mut record = Record::begin(&state, said).unwrap().killed();
        record.add_stopped(&["web", "db"].map(stop_plan)).unwrap();
        record.add_places(&[Place::new(&place)]).unwrap();
        std::fs::create_dir(place.join(token.hidden_name())).unwrap();
        for name in half_written {
            record.add_volume(name).unwrap();
        }
        Self {
            _top: top,
            state,
            place,
            fake,
            engine,
            reporter: Arc::new(Deaf),
        }
    }

    async fn recover(&self) -> Vec<CutOff> {
        recover(&self.engine, &self.state, &self.reporter)
            .await
            .unwrap()
    }

    async fn start_left(&self) -> Vec<CutOff> {
        start_left(&self.engine, &self.state, &self.reporter)
            .await
            .unwrap()
    }

    fn is_up(&self, id: &str) -> bool {
        self.fake.state_of(id) == Some(ContainerState::Running)
    }

    fn is_taken_back(&self) -> bool {
        std::fs::read_dir(&self.place).unwrap().count() == 0
    }
}

fn stop_plan(service: &str) -> StopPlan {
    let it = container(service, 1, Vec::new());
    StopPlan {
        id: it.id,
        name: it.name,
        service: service.to_owned(),
        grace: std::time::Duration::ZERO,
        uses: Vec::new(),
    }
}

#[tokio::test]
async fn content_goes_back_and_who_was_stopped_runs_again() {
    let case = Case::new(&[]);
    assert!(case.start_left().await.is_empty(), "content comes first");
    assert!(!case.is_up("blog-db-1") && !case.is_taken_back());
    let rows = case.recover().await;
    assert!(rows.len() == 1 && rows[0].is_right(), "{rows:?}");
    let names = rows[0].services.iter().map(|row| row.service.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["db", "web"]);
    assert!(case.is_up("blog-db-1") && case.is_up("blog-web-1") && case.is_taken_back());
    assert!(!has_cut_off(&case.state).unwrap());
    assert!(case.recover().await.is_empty());
}

#[tokio::test]
async fn services_stay_down_while_a_volume_is_half_written() {
    let case = Case::new(&["blog_data"]);
    for _ in 0..2 {
        let rows = case.recover().await;
        assert!(rows.len() == 1 && !rows[0].is_right(), "{rows:?}");
        assert_eq!(rows[0].half_written, ["blog_data"]);
        assert_eq!(rows[0].down, ["blog-web-1", "blog-db-1"]);
        assert!(case.is_taken_back() && !case.is_up("blog-db-1"));
    }
    let made_whole = crate::restore::unfinished::made_whole;
    made_whole(&case.state, &["blog_data".to_owned()]).unwrap();
    assert_eq!(
        left_stopped(&case.state, &case.engine.daemon().id).unwrap(),
        ["blog-web-1", "blog-db-1"]
    );
    let rows = case.start_left().await;
    assert!(rows[0].is_right() && case.is_up("blog-db-1"));
    assert!(!has_cut_off(&case.state).unwrap());
}

#[tokio::test]
async fn one_that_does_not_start_is_tried_again_and_one_that_is_gone_is_not() {
    let case = Case::new(&[]);
    let refuses = Fault::Refuse(500, "no".into());
    case.fake.fail(Method::Start, None, &refuses, 1);
    let rows = case.recover().await;
    assert!(!rows[0].is_right(), "{rows:?}");
    assert!(has_cut_off(&case.state).unwrap());
    case.fake.drop_container("blog-web-1");
    let rows = case.start_left().await;
    let web = &rows[0].services[1];
    assert!(
        !web.is_up && web.error.as_ref().unwrap().contains("up -d"),
        "{web:?}"
    );
    assert!(case.is_up("blog-db-1"));
    assert!(!has_cut_off(&case.state).unwrap());
}

#[tokio::test]
async fn what_is_of_another_engine_is_left_alone() {
    let case = Case::new(&[]);
    let other = FakeEngine::with_daemon(crate::engine::Daemon {
        id: "ANOTHER".into(),
        ..crate::engine::Daemon::default()
    });
    let other: Arc<dyn Engine> = Arc::new(other);
    let rows = recover(&other, &case.state, &case.reporter).await.unwrap();
    assert!(rows.is_empty() && !case.is_up("blog-db-1"));
    assert!(has_cut_off(&case.state).unwrap());
}
