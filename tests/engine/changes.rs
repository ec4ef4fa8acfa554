//! What the engine remembers of its containers. Podman's service, with its events in a file, tells nothing.

use compose_dump::engine::Change::{Ended, Paused, Removed, Started, Unpaused};
use compose_dump::engine::Engine;

use crate::lab::{Lab, docker};

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn what_happened_to_a_container_is_told_by_the_engines_clock() {
    let lab = Lab::new("changes").await;
    let (id, other) = (lab.container("web", &[]), lab.container("other", &[]));
    let clock = || async { lab.engine.clock().await.unwrap().unwrap() };
    let started_at = || async {
        let container = lab.engine.container(&id).await.unwrap().unwrap();
        container.started_at.unwrap()
    };
    docker(&["pause", &id]);
    let (since, first_start) = (clock().await, started_at().await);
    docker(&["unpause", &id]);
    assert_eq!(started_at().await, first_start, "thawing is no start");
    docker(&["pause", &other]);
    docker(&["pause", &id]);
    docker(&["unpause", &id]);
    docker(&["kill", &id]);
    docker(&["wait", &id]);
    docker(&["start", &id]);
    assert_ne!(started_at().await, first_start);
    let until = clock().await;
    docker(&["rm", "--force", &id]);
    let later = clock().await;

    let ids = [id];
    let between = async |since, until| {
        let changes = lab.engine.state_changes(&ids, since, until).await.unwrap();
        assert!(changes.iter().all(|change| change.container == ids[0]));
        assert!(changes.is_sorted_by_key(|change| change.at));
        changes
            .into_iter()
            .map(|change| change.what)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        between(since, until).await,
        [Unpaused, Paused, Unpaused, Ended, Started]
    );
    assert_eq!(between(until, later).await, [Ended, Removed]);
    assert_eq!(between(later, later).await, []);
}
