//! Helper containers and the empty image that they are made from.

use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptionsBuilder};
use bytes::Bytes;
use futures_util::stream::TryStreamExt;

use super::connect::bounded;
use super::looks::found;
use super::{DockerEngine, requests, transfer};
use crate::engine::helper::{HELPER_IMAGE, HELPER_LABEL};
use crate::engine::{EngineError, HelperMount, HelperSpec};

impl DockerEngine {
    pub(super) async fn make_helper(&self, spec: &HelperSpec) -> Result<String, EngineError> {
        if !self.daemon.archives_are_faithful() {
            return Err(EngineError::Unfaithful {
                product: self.daemon.product.clone(),
            });
        }
        if let HelperMount::Path(path) = &spec.mount
            && path.to_str().is_none()
        {
            return Err(EngineError::Unspeakable { path: path.clone() });
        }
        let image = self.helper_image().await?;
        let body = requests::helper(spec, &image);
        let request = self
            .client
            .create_container(None::<CreateContainerOptions>, body);
        let operation = "create a helper container";
        Ok(bounded(operation, self.limits.control, request).await?.id)
    }

    pub(super) async fn drop_helper(&self, id: &str) -> Result<(), EngineError> {
        let Some(container) = self.look_at_container(id).await? else {
            return Ok(());
        };
        if !container.labels.contains_key(HELPER_LABEL) {
            return Err(EngineError::NotOurs { id: id.to_owned() });
        }
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        let operation = format!("remove helper container `{id}`");
        let request = self.client.remove_container(&container.id, Some(options));
        match bounded(&operation, self.limits.control, request).await {
            // Gone, or somebody else is at it ("removal ... is already in progress").
            Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
            removed => removed,
        }
    }

    /// The id of the helper image, which is made if it is not there. A tag that somebody else has
    /// taken is taken back: what is under it must be empty.
    async fn helper_image(&self) -> Result<String, EngineError> {
        let _alone = self.helper_image.lock().await;
        if let Some(id) = self.helper_image_id().await? {
            return Ok(id);
        }
        let operation = "make the helper image";
        let body = bollard::body_full(Bytes::from_static(transfer::EMPTY_TAR));
        let progress = self
            .client
            .create_image(Some(requests::helper_image()), Some(body), None);
        bounded(
            operation,
            self.limits.control,
            progress.try_for_each(|_| async { Ok(()) }),
        )
        .await?;
        let made = self.helper_image_id().await?;
        made.ok_or_else(|| EngineError::Garbled {
            operation: operation.to_owned(),
        })
    }

    async fn helper_image_id(&self) -> Result<Option<String>, EngineError> {
        let operation = format!("inspect image `{HELPER_IMAGE}`");
        let request = self.client.inspect_image(HELPER_IMAGE);
        let Some(image) = found(bounded(&operation, self.limits.control, request).await)? else {
            return Ok(None);
        };
        let ours = image
            .config
            .as_ref()
            .and_then(|config| config.labels.as_ref())
            .is_some_and(|labels| labels.contains_key(HELPER_LABEL));
        let empty = image
            .size
            .is_none_or(|bytes| bytes <= transfer::EMPTY_IMAGE_LIMIT);
        Ok(image.id.filter(|_| ours && empty))
    }
}
