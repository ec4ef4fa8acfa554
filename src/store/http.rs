//! The connection to a store: TLS, and requests that are given up when nothing moves.
//!
//! The library limits a whole request, body included, so that a slow link fails whatever its progress.
//! Here a request may take as long as it likes while something moves in either direction.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest,
    HttpResponse, HttpResponseBody, HttpService,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{Instant, sleep_until};

use super::clock::StoreClock;
use super::error::StoreError;
use super::silence::{Moved, Received, Sent, Silence, silent};

/// Makes connections with this program's TLS settings and limits.
#[derive(Debug)]
pub(super) struct Connector {
    tls: ClientConfig,
    silence: Silence,
    clock: StoreClock,
}

impl Connector {
    /// Trusts the system's authorities, and those in `ca_file`.
    ///
    /// # Errors
    /// When `ca_file` cannot be read or holds no certificate.
    pub(super) fn new(
        ca_file: Option<&Path>,
        silence: Silence,
        clock: StoreClock,
    ) -> Result<Self, StoreError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca_file {
            let pem = super::options::read_text(path)?;
            let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
            let certificates: Vec<_> = certificates.filter_map(Result::ok).collect();
            if roots.add_parsable_certificates(certificates).0 == 0 {
                return Err(StoreError::NoCertificate {
                    path: path.to_owned(),
                });
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the ciphers of TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls,
            silence,
            clock,
        })
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let allow_http = options.get_config_value(&ClientConfigKey::AllowHttp);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .https_only(allow_http.as_deref() != Some("true"))
            // A signature is for one host; the library tells what a redirection means.
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            .connect_timeout(self.silence.connect)
            .user_agent(concat!("compose-dump/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| object_store::Error::Generic {
                store: "HTTP",
                source: Box::new(error),
            })?;
        Ok(HttpClient::new(Patient {
            client,
            silence: self.silence,
            clock: self.clock.clone(),
        }))
    }
}

/// Sends requests, and gives up only those that stand still.
#[derive(Debug)]
struct Patient {
    client: reqwest::Client,
    silence: Silence,
    clock: StoreClock,
}

#[async_trait]
impl HttpService for Patient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url = reqwest::Url::parse(&parts.uri.to_string())
            .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        let limit = match parts.method.as_str() {
            "POST" => self.silence.command,
            _ => self.silence.transfer,
        };
        let moved = Moved::now();
        let mut sending = reqwest::Request::new(parts.method, url);
        *sending.headers_mut() = parts.headers;
        *sending.body_mut() = Some(reqwest::Body::wrap(Sent::new(body, moved.clone())));
        let answering = self.client.execute(sending);
        tokio::pin!(answering);
        let response = loop {
            let deadline = moved.last() + limit;
            tokio::select! {
                response = &mut answering => break response.map_err(failed)?,
                () = sleep_until(deadline) => {
                    if moved.last() + limit <= Instant::now() {
                        return Err(silent(limit));
                    }
                }
            }
        };
        self.clock.note(response.headers());
        let received = |body| HttpResponseBody::new(Received::new(body, self.silence.transfer));
        Ok(http::Response::from(response).map(received))
    }
}

/// The kind decides whether the library tries again at once; the URL, which may be signed, goes.
pub(super) fn failed(error: reqwest::Error) -> HttpError {
    use std::io::ErrorKind;
    let mut kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_decode() {
        HttpErrorKind::Decode
    } else {
        HttpErrorKind::Interrupted
    };
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        if let Some(inner) = inner.downcast_ref::<std::io::Error>() {
            match inner.kind() {
                ErrorKind::TimedOut => kind = HttpErrorKind::Timeout,
                // A certificate that is not trusted today is not trusted in a second either.
                ErrorKind::InvalidData => kind = HttpErrorKind::Unknown,
                _ => {}
            }
        }
        cause = inner.source();
    }
    HttpError::new(kind, error.without_url())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;
    use object_store::client::HttpRequestBody;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Asks a server that says `answer` and then nothing more.
    async fn ask(answer: &'static str) -> (Result<HttpResponse, HttpError>, StoreClock) {
        let limit = Duration::from_millis(300);
        let silence = Silence {
            connect: Duration::from_secs(60),
            transfer: limit,
            command: limit,
        };
        let clock = StoreClock::default();
        let connector = Connector::new(None, silence, clock.clone()).expect("no file is read");
        let options = ClientOptions::new().with_allow_http(true);
        let client = connector.connect(&options).expect("a client");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/x", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            std::future::pending::<()>().await;
        });
        let request = http::Request::get(url).body(HttpRequestBody::empty());
        let response = client.execute(request.expect("a request")).await;
        (response, clock)
    }

    #[tokio::test]
    async fn a_store_that_says_nothing_is_given_up() {
        let (response, _) = ask("").await;
        let error = response.expect_err("there is no answer");
        assert_eq!(error.kind(), HttpErrorKind::Timeout);
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_given_up_and_its_date_noted() {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n12345";
        let (response, clock) = ask(head).await;
        let body = response.expect("a head").into_body().bytes().await;
        let error = body.expect_err("half of the body is missing");
        assert_eq!(error.kind(), HttpErrorKind::Timeout);
        assert!(clock.ahead() > SignedDuration::from_hours(24 * 365));
    }
}
