//! Reading when the network fails: as ranges that are asked for again, tied to the object as it was.

use std::io::{self, Read};
use std::time::Duration;

use super::super::{
    Environment, Joined, ObjectReader, Patience, Pinned, Silence, Store, StoreError, StoreUrl,
    Waiter,
};
use super::script::{Fault, Step};
use super::server::{PATIENCE, S3Server, outside};

/// Three ranges, the last of them short.
const LENGTH: usize = 20 << 20;

fn content(seed: u8) -> Vec<u8> {
    let pattern: Vec<u8> = (0..=250).map(|byte: u8| byte.wrapping_mul(seed)).collect();
    pattern.iter().copied().cycle().take(LENGTH).collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

/// A store with one object that was looked at.
fn pinned(server: &S3Server, patience: Patience) -> (Store, Vec<Pinned>) {
    server.place("p/x", &content(7));
    let store = server.store("p", patience);
    let runtime = runtime();
    let pinned = runtime.block_on(store.pin("x")).unwrap().unwrap();
    assert_eq!(pinned.bytes, LENGTH as u64);
    (store, vec![pinned])
}

fn read((store, objects): &(Store, Vec<Pinned>)) -> io::Result<Vec<u8>> {
    let runtime = runtime();
    let _inside = runtime.enter();
    let mut found = Vec::new();
    let mut reader = ObjectReader::new(store, &Waiter::here(), objects);
    reader.read_to_end(&mut found)?;
    Ok(found)
}

#[test]
fn a_reader_goes_on_where_an_answer_breaks_off() {
    let server = S3Server::start();
    let impatient = Patience {
        silence: Silence {
            transfer: Duration::from_secs(1),
            ..PATIENCE.silence
        },
        ..PATIENCE
    };
    for (fault, patience) in [
        (Fault::Busy, PATIENCE),
        (Fault::TooMany, PATIENCE),
        (Fault::Reset, PATIENCE),
        (Fault::Stall, impatient),
    ] {
        server.script.clear();
        let object = pinned(&server, patience);
        for nth in [1, 3] {
            server.script.set(Step::Look, fault, nth);
            let found = read(&object).unwrap();
            assert!(found == content(7), "{fault:?} {nth}");
            assert!(server.script.has_struck(), "{fault:?} {nth}");
        }
    }
}

#[test]
fn what_does_not_pass_ends_the_reading_with_the_stores_own_code() {
    let server = S3Server::start();
    let object = pinned(&server, PATIENCE);
    for (fault, code) in [
        (Fault::Down, "503 SlowDown"),
        (Fault::Denied, "403 AccessDenied"),
        (Fault::Expired, "400 ExpiredToken"),
        (Fault::Skewed, "403 RequestTimeTooSkewed"),
    ] {
        server.script.set(Step::Look, fault, 2);
        let error = read(&object).unwrap_err();
        let error = error.downcast::<StoreError>().unwrap();
        assert_eq!(error.to_string(), "cannot read `s3://bucket/p/x`");
        let answer = error.answer().unwrap().to_string();
        assert!(answer.contains(code), "{answer}");
    }
}

#[test]
fn an_object_that_is_replaced_or_removed_in_the_middle_is_an_error_and_no_mixture() {
    let server = S3Server::start();
    let (store, objects) = pinned(&server, PATIENCE);
    let runtime = runtime();
    let joined = {
        let _inside = runtime.enter();
        Joined::new(&store, &Waiter::here(), objects)
    };
    let after_the_first_half = |change: &dyn Fn()| {
        let mut reader = joined.reader(0);
        let mut half = vec![0; LENGTH / 4];
        reader.read_exact(&mut half).unwrap();
        assert!(half == content(7)[..half.len()]);
        change();
        // What was asked for ahead may have been the old one.
        drop(reader);
        let mut rest = Vec::new();
        let mut reader = joined.reader(half.len() as u64);
        let error = reader.read_to_end(&mut rest).unwrap_err();
        assert!(rest.is_empty());
        error.downcast::<StoreError>().unwrap()
    };
    let error = after_the_first_half(&|| server.place("p/x", &content(9)));
    assert!(matches!(error, StoreError::Replaced { .. }), "{error}");
    server.place("p/x", &content(7));
    let error = after_the_first_half(&|| runtime.block_on(store.delete("x")).unwrap());
    assert!(error.is_missing(), "{error}");
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run.sh"]
async fn a_server_outside_tells_that_an_object_was_replaced() {
    let (bucket, options) = outside();
    let url = format!("s3://{bucket}/replaced-{}", std::process::id());
    let url = StoreUrl::parse(&url).unwrap();
    let nowhere = Environment::default();
    let store = Store::open_with(&url, &options, &nowhere, PATIENCE).unwrap();
    store.put("x", &"old old".into()).await.unwrap();
    let pinned = store.pin("x").await.unwrap().unwrap();
    assert_eq!(store.range(&pinned, 4..7).await.unwrap(), "old");
    store.put("x", &"new new".into()).await.unwrap();
    let error = store.range(&pinned, 4..7).await.unwrap_err();
    assert!(matches!(error, StoreError::Replaced { .. }), "{error}");
    store.delete("x").await.unwrap();
    assert_eq!(store.pin("x").await.unwrap(), None);
}
