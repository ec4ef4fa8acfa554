//! What can go wrong with an object store, before it is asked and when it answers.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::answer::{Answer, AnswerKind};
use super::url::Service;

/// A store cannot be reached as it is configured, or has refused something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file that the configuration names cannot be read.
    #[error("cannot read `{}`", crate::text::path(path))]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file that should hold a secret holds nothing.
    #[error("`{}` is empty, and should hold a secret", crate::text::path(path))]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// `ca_file` holds no certificate that can be used.
    #[error("`{}` holds no certificate in PEM", crate::text::path(path))]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A profile of AWS's shared files is in none of them.
    #[error("there is no profile `{profile}` in the shared files of AWS")]
    NoProfile {
        /// Its name.
        profile: String,
    },
    /// A profile gets its keys in a way that this program does not know.
    #[error("the profile `{profile}` gets its keys by `{setting}`, which this program does not do")]
    ProfileElsewhere {
        /// Its name.
        profile: String,
        /// The setting.
        setting: &'static str,
    },
    /// Neither the target nor the environment say who asks.
    #[error("there are no credentials for `{scheme}` in the target or the environment", scheme = service.scheme())]
    NoCredentials {
        /// The service.
        service: Service,
    },
    /// One half of what belongs together.
    #[error("`{given}` is there without `{missing}`")]
    Half {
        /// What is there.
        given: &'static str,
        /// What belongs to it.
        missing: &'static str,
    },
    /// The endpoint is no URL of a host.
    #[error("the `endpoint` is no URL of a host, such as `https://s3.example.net`")]
    BadEndpoint,
    /// The endpoint is not encrypted, and nobody said that it may be so.
    #[error("the `endpoint` is reached without encryption, over `http`")]
    PlainHttp,
    /// An object cannot be called so.
    #[error("`{name}` cannot be the name of an object")]
    BadName {
        /// The name.
        name: String,
    },
    /// The client cannot be set up.
    #[error("the client for `{scheme}` cannot be set up", scheme = service.scheme())]
    Setup {
        /// The service.
        service: Service,
        /// The library's reason.
        source: Box<Answer>,
    },
    /// A request failed.
    #[error("cannot {action} `{place}`")]
    Request {
        /// What was asked for.
        action: Action,
        /// The URL of the object or prefix.
        place: String,
        /// What the store said.
        source: Box<Answer>,
    },
    /// The store has sent less than was asked for, or more.
    #[error("cannot read `{place}`: {got} bytes came in place of {wanted}")]
    Short {
        /// The object's URL.
        place: String,
        /// Bytes that were asked for.
        wanted: u64,
        /// Bytes that came.
        got: u64,
    },
    /// Another object has taken the place of the one that was being read.
    #[error("cannot read `{place}`: it was replaced meanwhile")]
    Replaced {
        /// The object's URL.
        place: String,
    },
    /// An object is longer than any that could be meant.
    #[error("`{place}` has {bytes} bytes, more than any manifest")]
    TooLong {
        /// The object's URL.
        place: String,
        /// Its length.
        bytes: u64,
    },
    /// The run was ended meanwhile.
    #[error("interrupted")]
    Interrupted,
}

/// What is asked of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Listing names.
    List,
    /// Reading an object.
    Read,
    /// Writing an object.
    Write,
    /// Removing an object.
    Delete,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
        })
    }
}

impl StoreError {
    /// What the store said, if it was asked.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Request { source, .. } | Self::Setup { source, .. } => Some(&**source),
            _ => None,
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.answer().is_some_and(Answer::is_transient)
    }

    /// Whether the store has nothing of that name.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.is(AnswerKind::Missing)
    }

    /// Whether the store has answered so.
    #[must_use]
    pub fn is(&self, kind: AnswerKind) -> bool {
        self.answer().is_some_and(|answer| answer.kind == kind)
    }

    /// What a user can do about it; `None` where the text and its causes say all.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoCredentials { service } => Some(match service {
                Service::S3 => {
                    "set `access_key_id` and `secret_access_key_file` of the target, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile; `instance_role: true` asks the machine"
                }
                Service::Azure => {
                    "set `account_name` and `account_key_file` or `sas_token_file` of the target, or AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY; `instance_role: true` asks the machine"
                }
                Service::Gcs => {
                    "set `service_account_file` of the target, or GOOGLE_APPLICATION_CREDENTIALS; `instance_role: true` asks the machine"
                }
            }),
            Self::NoProfile { .. } => {
                Some("correct AWS_PROFILE, or add the profile to ~/.aws/credentials")
            }
            Self::ProfileElsewhere { .. } => Some(
                "export keys of it into the environment: `eval \"$(aws configure export-credentials --format env)\"`",
            ),
            Self::Half { .. } => Some("set both, in the target or in the environment"),
            Self::BadEndpoint => Some("write scheme and host only; the bucket stands in `url`"),
            Self::PlainHttp => Some(
                "use `https`, or say `allow_http: true` for a network that you trust (AWS_ALLOW_HTTP=true without a job file)",
            ),
            Self::NoCertificate { .. } => {
                Some("let `ca_file` name a file with `-----BEGIN CERTIFICATE-----`")
            }
            Self::Request { source, .. } | Self::Setup { source, .. } => source.help(),
            Self::File { .. }
            | Self::EmptyFile { .. }
            | Self::BadName { .. }
            | Self::Short { .. }
            | Self::Replaced { .. }
            | Self::TooLong { .. }
            | Self::Interrupted => None,
        }
    }
}

/// What is not there is no error.
pub(super) fn present<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Err(error) if error.is_missing() => Ok(None),
        answer => answer.map(Some),
    }
}
