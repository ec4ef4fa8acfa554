//! The one match over the services: from a URL and its options to a store.

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use super::answer::Answer;
use super::clock::StoreClock;
use super::environment::Environment;
use super::error::StoreError;
use super::http::Connector;
use super::options::StoreOptions;
use super::patience::Patience;
use super::url::{Service, StoreUrl};
use super::{Store, azure, gcs, s3};

/// What every client is made with.
pub(super) struct Common {
    pub(super) connector: Connector,
    pub(super) client: ClientOptions,
    pub(super) retry: RetryConfig,
}

impl Store {
    /// Reads the files that hold credentials and makes the client. Asks no service.
    ///
    /// # Errors
    /// When a file cannot be read, when there are no credentials, and when an option cannot be.
    pub fn open(
        url: &StoreUrl,
        options: &StoreOptions,
        environment: &Environment,
    ) -> Result<Self, StoreError> {
        Self::open_with(url, options, environment, Patience::USUAL)
    }

    /// The same with another patience.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        url: &StoreUrl,
        options: &StoreOptions,
        environment: &Environment,
        patience: Patience,
    ) -> Result<Self, StoreError> {
        let clock = StoreClock::default();
        let said_by_aws = url.service == Service::S3 && environment.allows_http();
        let options = &StoreOptions {
            allow_http: options.allow_http || said_by_aws,
            ..options.clone()
        };
        let of_aws = environment
            .get("AWS_CA_BUNDLE")
            .filter(|_| url.service == Service::S3);
        let ca_file = options.ca_file.clone().or_else(|| of_aws.map(Into::into));
        let common = Common {
            connector: Connector::new(ca_file.as_deref(), patience.silence, clock.clone())?,
            client: client_options(options),
            retry: retry(patience),
        };
        // It was parsed as a path when it was read.
        let root = Path::parse(&url.prefix).map_err(|_| StoreError::BadName {
            name: url.prefix.clone(),
        })?;
        let shown = url.to_string();
        let store = match url.service {
            Service::S3 => {
                let client = s3::client(&url.container, options, environment, common)?;
                Self::new(Arc::new(client), root, &shown)
            }
            Service::Azure => {
                let client = azure::client(&url.container, options, environment, common)?;
                Self::new(Arc::new(client), root, &shown)
            }
            Service::Gcs => {
                let client = gcs::client(&url.container, options, environment, common)?;
                Self::new(Arc::new(client), root, &shown)
            }
        };
        Ok(Self {
            clock,
            storage_class: options.storage_class.clone(),
            ..store.with_patience(patience)
        })
    }
}

/// A request is limited by silence, not by time: see [`super::http`].
fn client_options(options: &StoreOptions) -> ClientOptions {
    ClientOptions::new()
        .with_timeout_disabled()
        .with_allow_http(options.allow_http)
}

/// The library's share of the patience.
fn retry(patience: Patience) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: patience.first_repeat,
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        },
        max_retries: patience.repeats,
        retry_timeout: Duration::from_secs(60),
    }
}

/// The library's reason why a client cannot be made, without what it was given.
pub(super) fn setup(service: Service) -> impl Fn(object_store::Error) -> StoreError {
    move |error| StoreError::Setup {
        service,
        source: Box::new(Answer::of(&error)),
    }
}

/// An endpoint that a client may be made for.
///
/// # Errors
/// When it is no URL of a host, and when it is not encrypted and nobody has allowed that.
pub fn endpoint(given: &str, allow_http: bool) -> Result<String, StoreError> {
    let url = reqwest::Url::parse(given).map_err(|_| StoreError::BadEndpoint)?;
    let extra = url.query().is_some() || url.fragment().is_some() || !url.username().is_empty();
    match (url.scheme(), url.host_str()) {
        ("http", Some(_)) if !extra && !allow_http => Err(StoreError::PlainHttp),
        ("http" | "https", Some(_)) if !extra => Ok(given.trim_end_matches('/').to_owned()),
        _ => Err(StoreError::BadEndpoint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(url: &str, options: &StoreOptions) -> Result<Store, StoreError> {
        let url = StoreUrl::parse(url).expect("a URL");
        Store::open(&url, options, &Environment::default())
    }

    #[test]
    fn without_credentials_nobody_is_asked() {
        for service in Service::ALL {
            let url = format!("{}://b/x", service.scheme());
            let options = StoreOptions {
                account_name: (service == Service::Azure).then(|| "acc".to_owned()),
                ..StoreOptions::default()
            };
            let error = open(&url, &options).expect_err("nobody says who asks");
            assert!(
                matches!(error, StoreError::NoCredentials { service: of } if of == service),
                "{error}"
            );
            assert!(
                error
                    .help()
                    .is_some_and(|help| help.contains("instance_role"))
            );
        }
    }

    #[test]
    fn endpoints_are_hosts_and_encrypted_unless_said_otherwise() {
        assert!(matches!(
            endpoint("http://h", false),
            Err(StoreError::PlainHttp)
        ));
        assert_eq!(
            endpoint("http://h:1/", true).ok().as_deref(),
            Some("http://h:1")
        );
        assert_eq!(
            endpoint("https://h", false).ok().as_deref(),
            Some("https://h")
        );
        for wrong in [
            "h",
            "h:3900",
            "ftp://h",
            "https://u:p@h",
            "https://h?x=1",
            "https://",
        ] {
            let refused = endpoint(wrong, true);
            assert!(matches!(refused, Err(StoreError::BadEndpoint)), "{wrong}");
        }
    }

    #[test]
    fn plain_http_can_be_allowed_where_there_is_no_file() {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "k"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:3900"),
        ];
        let url = StoreUrl::parse("s3://b/x").expect("a URL");
        let open = |environment| Store::open(&url, &StoreOptions::default(), &environment);
        let refused = open(Environment::new(variables, None));
        assert!(matches!(refused, Err(StoreError::PlainHttp)));
        let allowed = variables.into_iter().chain([("AWS_ALLOW_HTTP", "true")]);
        assert!(open(Environment::new(allowed, None)).is_ok());
    }

    #[test]
    fn names_stay_below_the_prefix() {
        let client = Arc::new(object_store::memory::InMemory::new());
        let store = Store::new(client, Path::from("a/b"), "s3://x/a/b");
        assert_eq!(
            store.path("c/d").ok().map(String::from).as_deref(),
            Some("a/b/c/d")
        );
        assert_eq!(store.place("c"), "s3://x/a/b/c");
        for name in ["", "../c", "c/../d", "/c", "c//d", "c/", "a\nb"] {
            assert!(store.path(name).is_err(), "{name:?}");
        }
    }
}
