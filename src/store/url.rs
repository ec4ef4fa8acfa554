//! `s3://bucket/prefix`, `az://container/prefix`, `gs://bucket/prefix`: where in which service.

use std::fmt;

use object_store::path::Path;

/// A kind of object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Amazon S3, and everything that speaks its protocol.
    S3,
    /// Azure Blob Storage.
    Azure,
    /// Google Cloud Storage.
    Gcs,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 3] = [Self::S3, Self::Azure, Self::Gcs];

    /// What its URLs begin with.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Azure => "az",
            Self::Gcs => "gs",
        }
    }

    /// What its containers of objects are called.
    #[must_use]
    pub const fn container_noun(self) -> &'static str {
        match self {
            Self::S3 | Self::Gcs => "bucket",
            Self::Azure => "container",
        }
    }
}

/// A prefix in an object store. Its `Display` is the URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreUrl {
    /// Which kind of store.
    pub service: Service,
    /// The bucket; Azure calls it container.
    pub container: String,
    /// What the names of all objects begin with, without slashes at its ends; may be empty.
    pub prefix: String,
}

/// Why a text is not the URL of a prefix. None of them holds the whole text: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Another scheme than those that are known.
    #[error("the scheme `{scheme}` is none of s3, az and gs")]
    Scheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// Nothing behind the scheme.
    #[error("the URL names no bucket")]
    NoContainer,
    /// User and password, a query or a fragment: places where secrets stand in URLs.
    #[error("the URL holds `{sign}`, and nothing but a bucket and a prefix belongs in it")]
    Extra {
        /// The character that begins it.
        sign: char,
    },
    /// A part of the prefix that no object's name can have.
    #[error("the prefix has a part that is empty, `.`, `..`, or holds a control character")]
    Prefix,
}

impl StoreUrl {
    /// Whether a text has the form of a URL at all.
    #[must_use]
    pub fn is_url(text: &str) -> bool {
        text.split_once("://").is_some_and(|(scheme, _)| {
            let all_fit = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
            scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme.chars().all(all_fit)
        })
    }

    /// Whether it is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let rest = self.prefix.strip_prefix(&other.prefix);
        let below =
            |rest: &str| rest.is_empty() || other.prefix.is_empty() || rest.starts_with('/');
        (self.service, &self.container) == (other.service, &other.container)
            && rest.is_some_and(below)
    }

    /// The prefix that this one is in, and its last part; `None` for a whole bucket.
    #[must_use]
    pub fn split_last(&self) -> Option<(Self, &str)> {
        let (above, last) = match self.prefix.rsplit_once('/') {
            Some(split) => split,
            None if self.prefix.is_empty() => return None,
            None => ("", &*self.prefix),
        };
        let above = Self {
            prefix: above.to_owned(),
            ..self.clone()
        };
        Some((above, last))
    }

    /// Reads a URL.
    ///
    /// # Errors
    /// [`BadUrl`] says why it is none of ours.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let service = Service::ALL
            .into_iter()
            .find(|service| service.scheme() == scheme)
            .ok_or_else(|| BadUrl::Scheme {
                scheme: scheme.escape_debug().to_string(),
            })?;
        if let Some(sign) = rest.chars().find(|sign| "@?#".contains(*sign)) {
            return Err(BadUrl::Extra { sign });
        }
        let (container, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if container.is_empty() {
            return Err(BadUrl::NoContainer);
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let parts_fit = prefix.is_empty() || !prefix.split('/').any(str::is_empty);
        if !parts_fit || Path::parse(prefix).is_err() || !is_name(container) {
            return Err(BadUrl::Prefix);
        }
        Ok(Self {
            service,
            container: container.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

/// Buckets have names of letters, digits, `.`, `-` and `_`; what else they may not be, their service
/// says.
fn is_name(container: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || ".-_$".contains(letter);
    container.chars().all(fits)
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.service.scheme(), self.container)?;
        if !self.prefix.is_empty() {
            write!(formatter, "/{}", self.prefix)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_prefixes() {
        for (text, shown, prefix) in [
            ("s3://b", "s3://b", ""),
            ("s3://b/", "s3://b", ""),
            ("az://c.d/x/y/", "az://c.d/x/y", "x/y"),
            ("gs://b/ö x", "gs://b/ö x", "ö x"),
        ] {
            let url = StoreUrl::parse(text).expect("a URL");
            assert_eq!((url.to_string(), &*url.prefix), (shown.to_owned(), prefix));
        }
    }

    #[test]
    fn prefixes_lie_in_each_other() {
        let url = |text| StoreUrl::parse(text).expect("a URL");
        for (inner, outer, is_within) in [
            ("s3://b/x/y", "s3://b/x", true),
            ("s3://b/x", "s3://b/x", true),
            ("s3://b/x", "s3://b", true),
            ("s3://b/xy", "s3://b/x", false),
            ("s3://b/x", "s3://b/x/y", false),
            ("s3://c/x", "s3://b", false),
            ("gs://b/x", "s3://b", false),
        ] {
            assert_eq!(
                url(inner).is_within(&url(outer)),
                is_within,
                "{inner} {outer}"
            );
        }
        let split = |text| {
            url(text)
                .split_last()
                .map(|(above, last)| (above.to_string(), last.to_owned()))
        };
        assert_eq!(
            split("s3://b/x/y"),
            Some(("s3://b/x".to_owned(), "y".to_owned()))
        );
        assert_eq!(
            split("s3://b/y"),
            Some(("s3://b".to_owned(), "y".to_owned()))
        );
        assert_eq!(split("s3://b"), None);
    }

    #[test]
    fn what_is_none_is_refused_without_being_shown() {
        let scheme = |scheme: &str| BadUrl::Scheme {
            scheme: scheme.to_owned(),
        };
        for (text, why) in [
            ("S3://b", scheme("S3")),
            ("https://b/x", scheme("https")),
            ("s3:///x", BadUrl::NoContainer),
            ("s3://", BadUrl::NoContainer),
            ("s3://key:secret@b/x", BadUrl::Extra { sign: '@' }),
            ("az://c/x?sig=1", BadUrl::Extra { sign: '?' }),
            ("s3://b//x", BadUrl::Prefix),
            ("s3://b/x//y", BadUrl::Prefix),
            ("s3://b/../x", BadUrl::Prefix),
            ("s3://b/x//", BadUrl::Prefix),
            ("s3://b c/x", BadUrl::Prefix),
        ] {
            let error = StoreUrl::parse(text).expect_err(text);
            assert_eq!(error, why, "{text}");
            assert!(!error.to_string().contains("secret"));
        }
        assert!(StoreUrl::is_url("ftp://x") && !StoreUrl::is_url("./a://b"));
    }
}
