//! Writes and removes single objects.

use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, PutResult,
};

use super::error::present;
use super::{Action, Store, StoreError};

impl Store {
    /// Writes a whole object, whatever is there.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn put(&self, name: &str, content: &PutPayload) -> Result<(), StoreError> {
        let path = self.path(name)?;
        let request = || self.put_once(&path, content, PutMode::Overwrite);
        self.again(Action::Write, name, request).await.map(drop)
    }

    /// One request to write an object.
    pub(crate) async fn put_once(
        &self,
        path: &Path,
        content: &PutPayload,
        mode: PutMode,
    ) -> object_store::Result<PutResult> {
        let options = PutOptions {
            mode,
            attributes: self.attributes(),
            ..PutOptions::default()
        };
        let put = self.objects().put_opts(path, content.clone(), options);
        put.await
    }

    /// Removes an object; one that is not there is no failure.
    ///
    /// # Errors
    /// When the store does not remove it.
    pub async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name)?;
        let deleted = self.again(Action::Delete, name, || self.objects().delete(&path));
        present(deleted.await).map(drop)
    }

    /// Attributes of what is written.
    pub(crate) fn attributes(&self) -> Attributes {
        let class = self.storage_class.clone();
        class
            .into_iter()
            .map(|class| (Attribute::StorageClass, class))
            .collect()
    }
}
