//! Volumes that are read side by side.

use std::num::NonZero;

use super::*;

#[tokio::test]
async fn as_many_volumes_are_begun_as_are_wanted_and_stand_in_their_order() {
    let mut stage = blog();
    stage.volume("third", None);
    let tar = engine_tar(&[("y", &[1; 300_000])]);
    stage.engine.put_volume_archive("third", tar, Ending::Clean);
    stage.plan.volumes_at_once = NonZero::new(2).expect("not zero");
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Done);
    let events = stage.tape();
    let started = |name: &str| events.place_of(&format!("started volumes/project/{name}"));
    let first_done = events.place_of("done volumes/project/");
    assert!(started("db") < first_done && started("remote") < first_done);
    assert!(started("third") > first_done);
    let draft = target.draft();
    let paths: Vec<&str> = draft.members.iter().map(|member| &*member.path).collect();
    let volumes = ["db", "remote", "third"].map(|name| format!("volumes/project/{name}.tar"));
    assert_eq!(paths[2..], volumes);
    for member in &draft.members[2..] {
        let tar = target.stream(&member.path);
        assert_eq!(member.raw_sha256, Sha256Digest::of(&tar), "{}", member.path);
    }
}

#[tokio::test]
async fn one_that_cannot_be_read_spoils_none_beside_it() {
    let mut stage = blog();
    let cut = engine_tar(&[("x", &[7; 5000])])[..3000].to_vec();
    stage
        .engine
        .put_volume_archive("remote", cut, Ending::Clean);
    stage.plan.volumes_at_once = NonZero::new(2).expect("not zero");
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Partial);
    let db = target
        .draft()
        .members
        .into_iter()
        .find(|member| member.path.ends_with("db.tar"));
    let db = db.expect("it was read");
    assert_eq!(db.raw_sha256, Sha256Digest::of(&target.stream(&db.path)));
    assert!(target.has("fail volumes/project/remote.tar"));
}
