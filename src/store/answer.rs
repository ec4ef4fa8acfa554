//! What a store answered, made of the library's errors: the service's own code in one sentence.
//!
//! The library's texts hold URLs, which may be signed, and whole bodies. Nothing of them is shown but
//! the code, the first line of the service's message, and the innermost cause of a failed connection.

use std::error::Error;
use std::fmt;

use object_store::client::{HttpError, HttpErrorKind};

use crate::archive::escape::escape;

/// How much of a service's message is shown, in characters.
const MESSAGE_LIMIT: usize = 160;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What follows from it.
    pub kind: AnswerKind,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The service's own word for it: `NoSuchBucket`.
    pub code: Option<String>,
    /// More of it, from the service or from the system.
    pub message: String,
}

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// There is an object of that name already, or another one than was meant.
    Exists,
    /// There is nothing of that name.
    Missing,
    /// The credentials do not suffice.
    Denied,
    /// The service cannot do it now; later it may.
    Busy,
    /// There was no answer: no connection, or one that was cut or stood still.
    NoAnswer,
    /// The service does not know the operation.
    Unsupported,
    /// Anything else, which will be the same next time.
    Other,
}

impl Answer {
    /// Reads an error of the library.
    #[must_use]
    pub fn of(error: &object_store::Error) -> Self {
        use object_store::Error as Library;
        let mut answer = Self::of_causes(error);
        answer.kind = match error {
            Library::AlreadyExists { .. } | Library::Precondition { .. } => AnswerKind::Exists,
            Library::NotFound { .. } if answer.code.as_deref() != Some("NoSuchBucket") => {
                AnswerKind::Missing
            }
            Library::PermissionDenied { .. } | Library::Unauthenticated { .. } => {
                AnswerKind::Denied
            }
            Library::NotImplemented { .. } | Library::NotSupported { .. } => {
                AnswerKind::Unsupported
            }
            _ => answer.kind,
        };
        answer
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, AnswerKind::Busy | AnswerKind::NoAnswer)
    }

    /// Looks along the causes for the answer that the library got, or the connection that failed.
    fn of_causes(error: &object_store::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        let mut deepest = String::new();
        let mut connection = None;
        while let Some(error) = cause {
            let text = error.to_string();
            if let Some(answer) = Self::of_status(&text) {
                return answer;
            }
            if let Some(http) = error.downcast_ref::<HttpError>() {
                connection = Some(http.kind());
            }
            deepest = text;
            cause = error.source();
        }
        let kind = match connection {
            Some(HttpErrorKind::Decode) | None => AnswerKind::Other,
            Some(_) => AnswerKind::NoAnswer,
        };
        Self {
            kind,
            status: None,
            code: None,
            message: first_line(&deepest),
        }
    }

    /// The library has no type of its own for an answer that others may look at; this is its text.
    fn of_status(text: &str) -> Option<Self> {
        if text.starts_with("Received redirect without LOCATION") {
            return Some(Self {
                kind: AnswerKind::Other,
                status: Some(301),
                code: None,
                message: "the bucket is in another region".to_owned(),
            });
        }
        if let Some(body) = text.strip_prefix("Server returned error response: ") {
            return Some(Self::of_body(200, body));
        }
        let rest = text.strip_prefix("Server returned non-2xx status code: ")?;
        let status = rest.get(..3)?.parse().ok()?;
        let body = rest.split_once(": ").map_or("", |(_, body)| body);
        Some(Self::of_body(status, body))
    }

    fn of_body(status: u16, body: &str) -> Self {
        let xml = |tag: &str| {
            let rest = body.split_once(&format!("<{tag}>"))?.1;
            Some(rest.split_once(&format!("</{tag}>"))?.0)
        };
        let json = |key: &str| {
            let rest = body.split_once(&format!("\"{key}\""))?.1.split_once('"')?.1;
            Some(rest.split_once('"')?.0)
        };
        let code = xml("Code")
            .or_else(|| json("reason"))
            .or_else(|| json("error"));
        let message = xml("Message").map(unescaped);
        let message = message.or_else(|| json("message").map(str::to_owned));
        let code = code.filter(|code| !code.is_empty()).map(first_line);
        let kind = match (status, code.as_deref()) {
            (501, _) => AnswerKind::Unsupported,
            (200 | 408 | 429 | 500.., _) | (_, Some("RequestTimeout" | "SlowDown")) => {
                AnswerKind::Busy
            }
            (401 | 403, _) => AnswerKind::Denied,
            _ => AnswerKind::Other,
        };
        Self {
            kind,
            status: Some(status),
            code,
            message: message.as_deref().map(first_line).unwrap_or_default(),
        }
    }

    /// What a user can do about it.
    pub(super) fn help(&self) -> Option<&'static str> {
        match (self.code.as_deref(), self.status) {
            (Some("NoSuchBucket" | "ContainerNotFound"), _) => {
                Some("create the bucket, or correct `url`; this program makes no buckets")
            }
            (Some("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AuthenticationFailed"), _)
            | (_, Some(401)) => {
                Some("check the key and its secret, and that they belong to this service")
            }
            // Garage has no code of its own for it.
            (Some("AccessDenied"), _) if self.message.contains("Invalid signature") => {
                Some("check the key and its secret, and that they belong to this service")
            }
            (Some("RequestTimeTooSkewed"), _) => Some("set this machine's clock"),
            (Some("ExpiredToken" | "TokenRefreshRequired"), _) => Some("get new credentials"),
            (Some("AuthorizationHeaderMalformed" | "PermanentRedirect"), _)
            | (_, Some(301 | 307)) => Some("set `region` to that of the bucket"),
            (_, Some(403)) => Some(
                "the key has to be allowed to list, read and write below this prefix; docs/object-stores.md names the permissions",
            ),
            (None, None) if self.message.contains("UnknownIssuer") => {
                Some("name the authority's certificate with `ca_file`")
            }
            (None, None) if self.kind == AnswerKind::NoAnswer => {
                Some("check `endpoint`, and that the network leads there")
            }
            _ => None,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, &self.code) {
            (Some(status), Some(code)) => write!(formatter, "the store answers {status} {code}")?,
            (Some(status), None) => write!(formatter, "the store answers {status}")?,
            (None, _) if self.kind == AnswerKind::NoAnswer => {
                formatter.write_str("the store does not answer")?;
            }
            (None, _) => return formatter.write_str(&self.message),
        }
        if !self.message.is_empty() {
            write!(formatter, " ({})", self.message)?;
        }
        Ok(())
    }
}

impl Error for Answer {}

/// Text of XML with the characters that its five predefined entities stand for (XML 1.0, section 4.6).
fn unescaped(text: &str) -> String {
    // The ampersand last: what it stands before may look like an entity.
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&apos;", "'"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    entities
        .into_iter()
        .fold(text.to_owned(), |text, (entity, character)| {
            text.replace(entity, character)
        })
}

/// The first line of a text, escaped, not too long, without the stop at its end.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    let line: String = line.chars().take(MESSAGE_LIMIT).collect();
    escape(line.trim_end_matches('.').as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Answer {
        Answer::of(&object_store::Error::Generic {
            store: "S3",
            source: text.into(),
        })
    }

    #[test]
    fn the_services_code_is_found() {
        let text = "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>The signature differs.\nMore.</Message><StringToSign>secret</StringToSign></Error>";
        let denied = answer(text);
        assert_eq!(denied.kind, AnswerKind::Denied);
        assert_eq!(
            denied.to_string(),
            "the store answers 403 SignatureDoesNotMatch (The signature differs)"
        );
        assert!(denied.help().is_some_and(|help| help.contains("key")));
        let quoted = answer(
            "Server returned non-2xx status code: 400 Bad Request: <Error><Code>X</Code><Message>not &apos;a &amp;lt; b&apos;</Message></Error>",
        );
        assert_eq!(quoted.message, "not 'a &lt; b'");
        let google = answer(
            "Server returned non-2xx status code: 401 Unauthorized: {\"error\": {\"message\": \"Invalid\", \"errors\": [{\"reason\": \"authError\"}]}}",
        );
        assert_eq!(google.code.as_deref(), Some("authError"));
        let busy = answer("Server returned non-2xx status code: 503 Service Unavailable: ");
        assert!(busy.is_transient());
        assert_eq!(busy.to_string(), "the store answers 503");
        let inside =
            answer("Server returned error response: <Error><Code>InternalError</Code></Error>");
        assert!(inside.is_transient());
    }

    #[test]
    fn a_failed_connection_gives_its_innermost_cause() {
        let source = HttpError::new(
            HttpErrorKind::Connect,
            std::io::Error::from(std::io::ErrorKind::ConnectionRefused),
        );
        let answer = Answer::of(&object_store::Error::Generic {
            store: "S3",
            source: Box::new(source),
        });
        assert!(answer.is_transient());
        assert_eq!(
            answer.to_string(),
            "the store does not answer (connection refused)"
        );
    }
}
