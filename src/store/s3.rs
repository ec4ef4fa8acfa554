//! S3 and what speaks its protocol: who asks, and where.

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};

use super::environment::Environment;
use super::error::StoreError;
use super::open::{Common, endpoint, setup};
use super::options::StoreOptions;
use super::profile::Profile;
use super::url::Service;
use crate::secret::Secret;

/// The region where nobody names one, as AWS has it.
const DEFAULT_REGION: &str = "us-east-1";

/// A client for one bucket.
///
/// # Errors
/// As [`super::Store::open`].
pub(super) fn client(
    bucket: &str,
    options: &StoreOptions,
    environment: &Environment,
    common: Common,
) -> Result<AmazonS3, StoreError> {
    let profile = if needs_profile(options, environment) {
        Profile::load(environment)?
    } else {
        Profile::default()
    };
    let builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region(options, environment, &profile))
        .with_client_options(common.client)
        .with_retry(common.retry)
        .with_http_connector(common.connector);
    let builder = place(builder, bucket, options, environment, &profile)?;
    let builder = identity(builder, options, environment, profile)?;
    builder.build().map_err(setup(Service::S3))
}

/// The shared files are read where they may be needed: a broken one is no obstacle to others.
fn needs_profile(options: &StoreOptions, environment: &Environment) -> bool {
    let has_keys =
        options.access_key_id.is_some() || environment.get("AWS_ACCESS_KEY_ID").is_some();
    !has_keys || environment.get("AWS_PROFILE").is_some()
}

fn region(options: &StoreOptions, environment: &Environment, profile: &Profile) -> String {
    let named = options.region.as_deref();
    let named = named.or_else(|| environment.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
    let named = named.or(profile.region.as_deref());
    named.unwrap_or(DEFAULT_REGION).to_owned()
}

/// Endpoint and style. A bucket stands in the host at AWS and in the path elsewhere, unless `path_style`
/// says it; one with a dot in its name fits no certificate as a host.
fn place(
    builder: AmazonS3Builder,
    bucket: &str,
    options: &StoreOptions,
    environment: &Environment,
    profile: &Profile,
) -> Result<AmazonS3Builder, StoreError> {
    let given = options.endpoint.as_deref();
    let given = given.or_else(|| environment.first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
    let Some(given) = given.or(profile.endpoint.as_deref()) else {
        let in_path = options.path_style.unwrap_or_else(|| bucket.contains('.'));
        return Ok(builder.with_virtual_hosted_style_request(!in_path));
    };
    let endpoint = endpoint(given, options.allow_http)?;
    if options.path_style.unwrap_or(true) {
        return Ok(builder.with_endpoint(endpoint));
    }
    // The library wants the bucket in an endpoint of this style.
    let with_bucket = endpoint.replacen("://", &format!("://{bucket}."), 1);
    Ok(builder
        .with_virtual_hosted_style_request(true)
        .with_endpoint(with_bucket))
}

/// Who asks: the target's keys, the environment's, a web identity, a profile, a container's role; the
/// machine's role only where the target says so, because asking for it takes long where there is none.
fn identity(
    builder: AmazonS3Builder,
    options: &StoreOptions,
    environment: &Environment,
    profile: Profile,
) -> Result<AmazonS3Builder, StoreError> {
    let read = |given: &Option<super::Given>| given.as_ref().map(super::Given::read).transpose();
    let of_target = Keys {
        id: read(&options.access_key_id)?,
        secret: read(&options.secret_access_key)?,
        token: read(&options.session_token)?,
    };
    let variable = |name| environment.get(name).map(Secret::new);
    let of_environment = Keys {
        id: variable("AWS_ACCESS_KEY_ID"),
        secret: variable("AWS_SECRET_ACCESS_KEY"),
        token: variable("AWS_SESSION_TOKEN"),
    };
    let of_profile = Keys {
        id: profile.access_key_id,
        secret: profile.secret_access_key,
        token: profile.session_token,
    };
    if let Some(keys) = of_target.whole(["access_key_id", "secret_access_key"])? {
        return Ok(keys.put(builder));
    }
    if let Some(keys) = of_environment.whole(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])? {
        return Ok(keys.put(builder));
    }
    if let Some(builder) = web_identity(&builder, environment) {
        return Ok(builder);
    }
    if let Some(keys) = of_profile.whole(["aws_access_key_id", "aws_secret_access_key"])? {
        return Ok(keys.put(builder));
    }
    match role_of_container(&builder, environment) {
        Some(builder) => Ok(builder),
        None if options.instance_role => Ok(builder),
        None => Err(StoreError::NoCredentials {
            service: Service::S3,
        }),
    }
}

/// A key of one place.
struct Keys {
    id: Option<Secret>,
    secret: Option<Secret>,
    token: Option<Secret>,
}

/// A key that is whole.
struct Key {
    id: Secret,
    secret: Secret,
    token: Option<Secret>,
}

impl Keys {
    /// The key; `None` if there is nothing of it. `names` are those of its halves.
    fn whole(self, names: [&'static str; 2]) -> Result<Option<Key>, StoreError> {
        let [id_name, secret_name] = names;
        match (self.id, self.secret) {
            (Some(id), Some(secret)) => Ok(Some(Key {
                id,
                secret,
                token: self.token,
            })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(StoreError::Half {
                given: id_name,
                missing: secret_name,
            }),
            (None, Some(_)) => Err(StoreError::Half {
                given: secret_name,
                missing: id_name,
            }),
        }
    }
}

impl Key {
    fn put(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        let builder = builder
            .with_access_key_id(self.id.expose())
            .with_secret_access_key(self.secret.expose());
        match &self.token {
            Some(token) => builder.with_token(token.expose()),
            None => builder,
        }
    }
}

/// The builder with those settings whose variables are set, if the needed ones are.
fn of_variables(
    builder: &AmazonS3Builder,
    environment: &Environment,
    rows: &[(&str, AmazonS3ConfigKey, bool)],
) -> Option<AmazonS3Builder> {
    let mut builder = builder.clone();
    for (variable, key, needed) in rows {
        match environment.get(variable) {
            Some(value) => builder = builder.with_config(*key, value),
            None if *needed => return None,
            None => {}
        }
    }
    Some(builder)
}

fn web_identity(builder: &AmazonS3Builder, environment: &Environment) -> Option<AmazonS3Builder> {
    let rows = [
        (
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            AmazonS3ConfigKey::WebIdentityTokenFile,
            true,
        ),
        ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn, true),
        (
            "AWS_ROLE_SESSION_NAME",
            AmazonS3ConfigKey::RoleSessionName,
            false,
        ),
        (
            "AWS_ENDPOINT_URL_STS",
            AmazonS3ConfigKey::StsEndpoint,
            false,
        ),
    ];
    of_variables(builder, environment, &rows)
}

fn role_of_container(
    builder: &AmazonS3Builder,
    environment: &Environment,
) -> Option<AmazonS3Builder> {
    let task = [(
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
        true,
    )];
    let pod = [
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            AmazonS3ConfigKey::ContainerCredentialsFullUri,
            true,
        ),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            AmazonS3ConfigKey::ContainerAuthorizationTokenFile,
            true,
        ),
    ];
    of_variables(builder, environment, &task).or_else(|| of_variables(builder, environment, &pod))
}

#[cfg(test)]
mod tests {
    use super::super::{Given, Store, StoreUrl};
    use super::*;

    fn open(options: &StoreOptions, variables: &[(&str, &str)]) -> Result<Store, StoreError> {
        let environment = Environment::new(variables.iter().copied(), None);
        let url = StoreUrl::parse("s3://bucket/x").expect("a URL");
        Store::open(&url, options, &environment)
    }

    #[test]
    fn half_a_key_is_missed_by_its_name() {
        let options = StoreOptions {
            access_key_id: Some(Given::Value(Secret::new("AK"))),
            ..StoreOptions::default()
        };
        let error = open(&options, &[]).expect_err("half a key");
        assert_eq!(
            error.to_string(),
            "`access_key_id` is there without `secret_access_key`"
        );
        let error = open(&StoreOptions::default(), &[("AWS_SECRET_ACCESS_KEY", "s")]);
        assert!(matches!(
            error,
            Err(StoreError::Half {
                missing: "AWS_ACCESS_KEY_ID",
                ..
            })
        ));
    }

    #[test]
    fn roles_count_where_they_are_set_up() {
        let none = StoreOptions::default();
        let web = [
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"),
            ("AWS_ROLE_ARN", "arn"),
        ];
        assert!(open(&none, &web).is_ok());
        assert!(open(&none, &web[..1]).is_err());
        assert!(open(&none, &[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x")]).is_ok());
        let machine = StoreOptions {
            instance_role: true,
            ..StoreOptions::default()
        };
        assert!(open(&machine, &[]).is_ok());
    }
}
