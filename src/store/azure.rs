//! Azure Blob Storage: who asks, and where.

use object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};

use super::environment::Environment;
use super::error::StoreError;
use super::open::{Common, endpoint, setup};
use super::options::{Given, StoreOptions};
use super::url::Service;
use crate::secret::Secret;

/// A client for one container.
///
/// # Errors
/// As [`super::Store::open`].
pub(super) fn client(
    container: &str,
    options: &StoreOptions,
    environment: &Environment,
    common: Common,
) -> Result<MicrosoftAzure, StoreError> {
    let account = options
        .account_name
        .as_deref()
        .or_else(|| environment.first(&["AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME"]));
    let Some(account) = account else {
        return Err(StoreError::NoCredentials {
            service: Service::Azure,
        });
    };
    let mut builder = MicrosoftAzureBuilder::new()
        .with_account(account)
        .with_container_name(container)
        .with_client_options(common.client)
        .with_retry(common.retry)
        .with_http_connector(common.connector);
    if let Some(given) = &options.endpoint {
        builder = builder.with_endpoint(endpoint(given, options.allow_http)?);
    }
    let builder = identity(builder, options, environment)?;
    builder.build().map_err(setup(Service::Azure))
}

/// Who asks: the target's key or signature, the environment's, an application; the machine's identity
/// only where the target says so.
fn identity(
    builder: MicrosoftAzureBuilder,
    options: &StoreOptions,
    environment: &Environment,
) -> Result<MicrosoftAzureBuilder, StoreError> {
    let variable = |names: &[&str]| environment.first(names).map(Secret::new);
    let key_names = ["AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY"];
    let choices = [
        (AzureConfigKey::AccessKey, read(&options.account_key)?),
        (AzureConfigKey::SasKey, read(&options.sas_token)?),
        (AzureConfigKey::AccessKey, variable(&key_names)),
        (
            AzureConfigKey::SasKey,
            variable(&["AZURE_STORAGE_SAS_TOKEN"]),
        ),
    ];
    let found = choices
        .into_iter()
        .find_map(|(key, secret)| Some((key, secret?)));
    if let Some((key, secret)) = found {
        return Ok(builder.with_config(key, secret.expose()));
    }
    let application = [
        ("AZURE_TENANT_ID", AzureConfigKey::AuthorityId),
        ("AZURE_CLIENT_ID", AzureConfigKey::ClientId),
    ];
    let proofs = [
        ("AZURE_CLIENT_SECRET", AzureConfigKey::ClientSecret),
        (
            "AZURE_FEDERATED_TOKEN_FILE",
            AzureConfigKey::FederatedTokenFile,
        ),
    ];
    for proof in proofs {
        let rows = [application[0], application[1], proof];
        let values = rows.map(|(name, key)| Some((key, environment.get(name)?)));
        if values.iter().all(Option::is_some) {
            let put =
                |builder: MicrosoftAzureBuilder, (key, value)| builder.with_config(key, value);
            return Ok(values.into_iter().flatten().fold(builder, put));
        }
    }
    if options.instance_role {
        return Ok(builder);
    }
    Err(StoreError::NoCredentials {
        service: Service::Azure,
    })
}

fn read(given: &Option<Given>) -> Result<Option<Secret>, StoreError> {
    given.as_ref().map(Given::read).transpose()
}
