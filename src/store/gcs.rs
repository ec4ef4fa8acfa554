//! Google Cloud Storage: who asks, and where.

use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder};

use super::environment::Environment;
use super::error::StoreError;
use super::open::{Common, endpoint, setup};
use super::options::{StoreOptions, read_text};
use super::url::Service;

/// Where `gcloud auth application-default login` leaves its credentials, in the home folder.
const WELL_KNOWN: &str = ".config/gcloud/application_default_credentials.json";

/// A client for one bucket.
///
/// # Errors
/// As [`super::Store::open`].
pub(super) fn client(
    bucket: &str,
    options: &StoreOptions,
    environment: &Environment,
    common: Common,
) -> Result<GoogleCloudStorage, StoreError> {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_client_options(common.client)
        .with_retry(common.retry)
        .with_http_connector(common.connector);
    if let Some(given) = &options.endpoint {
        builder = builder.with_base_url(&endpoint(given, options.allow_http)?);
    }
    let builder = identity(builder, options, environment)?;
    builder.build().map_err(setup(Service::Gcs))
}

/// Who asks: the target's service account, the application's credentials; the machine's account only
/// where the target says so.
fn identity(
    builder: GoogleCloudStorageBuilder,
    options: &StoreOptions,
    environment: &Environment,
) -> Result<GoogleCloudStorageBuilder, StoreError> {
    if let Some(path) = &options.service_account_file {
        return Ok(builder.with_service_account_key(read_text(path)?));
    }
    let named = environment.get("GOOGLE_APPLICATION_CREDENTIALS").is_some();
    let file = environment.file("GOOGLE_APPLICATION_CREDENTIALS", WELL_KNOWN);
    if let Some(path) = file.filter(|path| named || path.is_file()) {
        // Read here for an error that names the file.
        read_text(&path)?;
        return Ok(builder.with_application_credentials(crate::text::path(&path)));
    }
    if options.instance_role {
        return Ok(builder);
    }
    Err(StoreError::NoCredentials {
        service: Service::Gcs,
    })
}
