//! Dumps whose files lie in an object store, which is one in memory.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use tokio::runtime::Runtime;

use super::bench::{Bench, reseal, said};
use crate::codecs::Codec;
use crate::executor::samples::whole::Shape;
use crate::store::Store;
use crate::stored::dumps::Listing;
use crate::stored::objects::{Depth, list};
use crate::stored::{Dump, OpenError, Verdicts};

struct InStore {
    runtime: Runtime,
    client: Arc<InMemory>,
    store: Store,
    bench: Bench,
}

impl InStore {
    /// Every file of a dump as an object of its name below `host/project`.
    fn new(bench: Bench) -> Self {
        let client = Arc::new(InMemory::new());
        let root = Key::from("host/project");
        let this = Self {
            runtime: Runtime::new().unwrap(),
            store: Store::new(Arc::clone(&client), root, "s3://b/host/project"),
            client,
            bench,
        };
        for (path, _) in this.bench.files() {
            let name = path.strip_prefix(this.bench.dumps()).unwrap();
            this.put(name.to_str().unwrap(), &fs::read(&path).unwrap());
        }
        this
    }

    fn put(&self, name: &str, content: &[u8]) {
        let path = self.store.path(name).unwrap();
        let put = self.client.put(&path, content.to_vec().into());
        self.runtime.block_on(put).unwrap();
    }

    fn delete(&self, name: &str) {
        let path = self.store.path(name).unwrap();
        self.runtime.block_on(self.client.delete(&path)).unwrap();
    }

    fn verify(&self, name: &str) -> Result<Verdicts, OpenError> {
        let scratch = self.bench.folder.path();
        // As commands do it, on the thread that the runtime was started from.
        self.runtime.block_on(async {
            let mut dump = Dump::open_in_store(&self.store, name, scratch)?;
            Ok(dump.verify(&mut |_| {})?)
        })
    }

    fn list(&self) -> Listing {
        self.runtime
            .block_on(async { list(&self.store, Depth::Prefix) })
            .unwrap()
    }

    fn names(&self) -> Vec<String> {
        let listed = self.list().dumps;
        let names = listed
            .iter()
            .map(|dump| dump.name.to_string_lossy().into_owned());
        names.collect()
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn an_archive_is_read_as_one_on_a_disk_is() {
    let there = InStore::new(Bench::new(Shape::Archive, Codec::Zst));
    let archive = file_name(&there.bench.dump);
    let dump = archive.strip_suffix(".tar.zst").unwrap();
    there.put("elsewhere/file", b"mine");
    there.put(".compose-dump-x.partial", b"claimed");
    assert_eq!(there.names(), [dump]);
    let listed = &there.list().dumps[0];
    assert_eq!(
        listed.path,
        Path::new(&format!("s3://b/host/project/{archive}"))
    );
    assert_eq!(listed.bytes, fs::metadata(&there.bench.dump).unwrap().len());
    for name in [dump, &archive] {
        assert_eq!(said(there.verify(name)), "sound");
    }
    assert!(matches!(
        there.verify("nothing"),
        Err(OpenError::NotFound { .. })
    ));

    // All at any depth below another prefix of the same bucket.
    let above = Store::new(Arc::clone(&there.client), Key::default(), "s3://b");
    let found = there
        .runtime
        .block_on(async { list(&above, Depth::Below) })
        .unwrap();
    assert_eq!(found.dumps.len(), 1);
    let found = there
        .runtime
        .block_on(async { list(&above, Depth::Prefix) })
        .unwrap();
    assert_eq!(found.dumps.len(), 0);

    let mut content = fs::read(&there.bench.dump).unwrap();
    content.pop();
    there.put(&archive, &content);
    let listing = there.list();
    assert!(listing.dumps.is_empty());
    assert!(
        listing.others[0]
            .1
            .to_string()
            .ends_with("another length than it says")
    );
    assert!(said(there.verify(dump)).contains("bytes"));

    let marker = file_name(&there.bench.marker());
    there.put(&archive, &fs::read(&there.bench.dump).unwrap());
    there.delete(&marker);
    assert!(there.names().is_empty(), "without its marker it is none");
    assert_eq!(said(there.verify(&archive)), "sound");
}

#[test]
fn an_archive_of_several_objects_is_one() {
    let bench = Bench::new(Shape::Archive, Codec::Gz);
    let archive = file_name(&bench.dump);
    let content = fs::read(&bench.dump).unwrap();
    let (first, second) = content.split_at(content.len() / 3);
    let segments = format!(
        "segments:\n  {archive}:\n  - path: {archive}.0001\n    bytes: {}\n  - path: {archive}.0002\n    bytes: {}\ncomplete:",
        first.len(),
        second.len()
    );
    reseal(&bench.marker(), |text| {
        text.replace("\ncomplete:", &format!("\n{segments}"))
    });
    let there = InStore::new(bench);
    there.delete(&archive);
    there.put(&format!("{archive}.0001"), first);
    assert_eq!(there.list().others.len(), 1, "a part is missing");
    there.put(&format!("{archive}.0002"), second);
    let names = there.names();
    assert_eq!(said(there.verify(&names[0])), "sound");
}
