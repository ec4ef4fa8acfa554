//! Objects that must not replace others: a name that is taken, and the marker.

use bytes::Bytes;
use object_store::{ObjectStoreExt, PutMode, PutPayload};

use super::session::Session;
use crate::store::{Action, AnswerKind, StoreError};

/// What became of an object that should not replace another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum New {
    /// It is there, and it is ours.
    Written,
    /// There was one of that name, which is still there.
    Taken,
}

impl Session {
    /// Writes a small object unless there is one of that name. An answer that was lost is found out by
    /// reading back, because the next one would say that the name is taken, by ourselves.
    pub(super) async fn put_new(&self, name: &str, content: &[u8]) -> Result<New, StoreError> {
        let payload = PutPayload::from(content.to_vec());
        // A name that is taken and has nothing: somebody is at it this moment.
        let passes = |error: &StoreError| error.is_transient() || error.is(AnswerKind::Exists);
        let put = || self.try_new(name, &payload, content);
        self.store.patience().again_while(passes, put).await
    }

    async fn try_new(
        &self,
        name: &str,
        payload: &PutPayload,
        content: &[u8],
    ) -> Result<New, StoreError> {
        if !self.refuses_to_replace() {
            return self.put_if_absent(name, payload, content).await;
        }
        let path = self.store.path(name)?;
        let put = self.store.put_once(&path, payload, PutMode::Create);
        let Err(error) = self.store.asked(Action::Write, name, put).await else {
            return Ok(New::Written);
        };
        if error.is(AnswerKind::Unsupported) {
            self.replaces_objects();
            return self.put_if_absent(name, payload, content).await;
        }
        if (error.is_transient() || error.is(AnswerKind::Exists))
            && let Some(found) = self.content(name).await?
        {
            return Ok(New::of(&found, content));
        }
        Err(error)
    }

    /// The best that a store without conditions lets us do: names are unlike all others there.
    async fn put_if_absent(
        &self,
        name: &str,
        payload: &PutPayload,
        content: &[u8],
    ) -> Result<New, StoreError> {
        if let Some(found) = self.content(name).await? {
            return Ok(New::of(&found, content));
        }
        let path = self.store.path(name)?;
        let put = self.store.put_once(&path, payload, PutMode::Overwrite);
        let put = self.store.asked(Action::Write, name, put);
        put.await.map(|_| New::Written)
    }

    /// A small object, if it is there. Asked once: whoever wants it makes the whole attempt again.
    async fn content(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let path = self.store.path(name)?;
        let get = async { self.store.objects().get(&path).await?.bytes().await };
        match self.store.asked(Action::Read, name, get).await {
            Err(error) if error.is_missing() => Ok(None),
            content => content.map(Some),
        }
    }
}

impl New {
    /// What an object that was found is: ours has content that no other one has.
    fn of(found: &Bytes, ours: &[u8]) -> Self {
        match found == ours {
            true => Self::Written,
            false => Self::Taken,
        }
    }
}
