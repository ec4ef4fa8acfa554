//! What a store refuses is said with its own code, and with what can be done about it.

use futures_util::TryStreamExt;
use jiff::SignedDuration;
use object_store::ObjectStore;

use super::super::{Action, Environment, Given, Store, StoreError, StoreOptions, StoreUrl};
use super::script::{Fault, Step};
use super::server::{BUCKET, PATIENCE, S3Server, outside};
use crate::secret::Secret;

fn secret(text: &str) -> Option<Given> {
    Some(Given::Value(Secret::new(text)))
}

async fn list(store: &Store) -> Result<(), StoreError> {
    let list = || async { store.objects().list(None).try_next().await };
    store.again(Action::List, "", list).await.map(drop)
}

/// The sentence and the help of a store that cannot be listed.
async fn told(store: &Store) -> (String, String) {
    let error = list(store).await.unwrap_err();
    let answer = error.answer().unwrap().to_string();
    (answer, error.help().unwrap_or_default().to_owned())
}

fn open(mut options: StoreOptions, bucket: &str, change: impl FnOnce(&mut StoreOptions)) -> Store {
    change(&mut options);
    let url = StoreUrl::parse(&format!("s3://{bucket}/p")).unwrap();
    Store::open_with(&url, &options, &Environment::default(), PATIENCE).unwrap()
}

#[tokio::test]
async fn wrong_keys_and_a_missing_bucket() {
    let server = S3Server::start();
    list(&open(server.options(), BUCKET, |_| ())).await.unwrap();
    let wrong = open(server.options(), BUCKET, |options| {
        options.secret_access_key = secret("not that one");
    });
    let (answer, help) = told(&wrong).await;
    assert!(answer.contains("403 SignatureDoesNotMatch"), "{answer}");
    assert!(help.contains("check the key and its secret"), "{help}");
    let unknown = open(server.options(), BUCKET, |options| {
        options.access_key_id = secret("nobody");
    });
    let (answer, _) = told(&unknown).await;
    assert!(answer.starts_with("the store answers 403"), "{answer}");
    assert!(!answer.contains("nobody"));
    let (answer, help) = told(&open(server.options(), "nowhere", |_| ())).await;
    assert!(answer.contains("404 NoSuchBucket"), "{answer}");
    assert!(help.contains("create the bucket"), "{help}");
}

#[tokio::test]
async fn what_is_wrong_with_time_place_and_token() {
    let server = S3Server::start();
    let store = server.store("p", PATIENCE);
    for (fault, code, help) in [
        (Fault::Skewed, "403 RequestTimeTooSkewed", "clock"),
        (Fault::Expired, "400 ExpiredToken", "new credentials"),
        (Fault::Elsewhere, "301", "`region`"),
    ] {
        server.script.set(Step::List, fault, 1);
        let (answer, told) = told(&store).await;
        assert!(answer.contains(code), "{answer}");
        assert!(told.contains(help), "{fault:?}: {told}");
    }
}

#[tokio::test]
async fn the_stores_clock_is_read_off_its_answers() {
    let server = S3Server::start();
    let store = server.store("p", PATIENCE);
    let slow = SignedDuration::from_mins(-61);
    for ahead in [SignedDuration::ZERO, SignedDuration::from_hours(3), slow] {
        server.is_ahead(ahead);
        list(&store).await.unwrap();
        let off = store.clock().ahead() + ahead;
        assert!(off.abs() < SignedDuration::from_mins(1), "{off}");
    }
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run.sh"]
async fn what_a_server_outside_refuses() {
    let (bucket, options) = outside();
    list(&open(options.clone(), &bucket, |_| ())).await.unwrap();
    type Change = fn(&mut StoreOptions);
    let cases: [(&str, Change, &str); 3] = [
        (
            &bucket,
            |options| options.secret_access_key = secret("not that one"),
            "key and its secret",
        ),
        (
            &bucket,
            |options| options.region = Some("elsewhere".to_owned()),
            "`region`",
        ),
        ("compose-dump-nowhere", |_| (), "create the bucket"),
    ];
    for (bucket, change, wanted) in cases {
        let (answer, help) = told(&open(options.clone(), bucket, change)).await;
        assert!(answer.starts_with("the store answers 4"), "{answer}");
        assert!(help.contains(wanted), "{answer}: {help}");
    }
}
