//! What is written down is known until it is settled.

use std::fs;

use super::*;
use crate::state::StateFolder;

fn said(process: &ProcessId) -> Unfinished {
    Unfinished {
        process: process.to_string(),
        ..Unfinished::new(&Token::random(), "E1", "5f0c", "blog")
    }
}

#[test]
fn only_a_restore_whose_process_is_gone_was_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateFolder::at(folder.path().to_owned());
    assert!(
        cut_off(&state).unwrap().is_empty(),
        "there is no folder yet"
    );
    let own = ProcessId::own();
    let under_way = Record::begin(&state, said(&own)).unwrap();
    let dead = Record::begin(&state, said(&own.ended())).unwrap();
    assert!(
        cut_off(&state).unwrap().is_empty(),
        "its lock says that it goes on, in another pid namespace perhaps"
    );
    let _dead = dead.killed();
    assert_eq!(cut_off(&state).unwrap().len(), 1);
    under_way.end().unwrap();
    assert_eq!(cut_off(&state).unwrap().len(), 1);
}

#[test]
fn what_was_begun_is_named_until_it_is_whole_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateFolder::at(folder.path().to_owned());
    let record = Record::begin(&state, said(&ProcessId::own().ended())).unwrap();
    let mut record = record.killed();
    record.add_places(&[Place::new("/srv/blog")]).unwrap();
    record.add_volume("blog_db").unwrap();
    record.add_volume("blog_pages").unwrap();
    let left = all_cut_off(&state).unwrap();
    assert!(left[0].names("blog_db", None));
    assert!(left[0].names("x", Some(Path::new("/srv/blog"))));
    assert!(!left[0].names("x", Some(Path::new("/srv"))));
    assert_eq!(settle_all(&state).unwrap().len(), 1);
    made_whole(&state, &["blog_db".to_owned()]).unwrap();
    let left = all_cut_off(&state).unwrap();
    assert!(!left[0].names("blog_db", None) && left[0].names("blog_pages", None));
    made_whole(&state, &["blog_pages".to_owned()]).unwrap();
    assert!(all_cut_off(&state).unwrap().is_empty());
}

#[test]
fn what_nobody_can_change_back_is_settled_and_the_rest_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateFolder::at(folder.path().to_owned());
    let place = folder.path().join("place");
    fs::create_dir(&place).unwrap();
    let token = Token::random();
    let said = Unfinished::of_the_dead(&token, "E1");
    let mut record = Record::begin(&state, said).unwrap().killed();
    record.add_places(&[Place::new(&place)]).unwrap();
    fs::create_dir(place.join(token.hidden_name())).unwrap();
    let left = settle_all(&state).unwrap();
    assert!(left.len() == 1 && left[0].is_settled());
    assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
    assert!(all_cut_off(&state).unwrap().is_empty());
}
