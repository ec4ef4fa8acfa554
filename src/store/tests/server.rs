//! `s3s-fs` on loopback, reached as every store is, with a layer around it that fails on command.

use std::collections::BTreeMap;
use std::fs;
use std::future::pending;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::poll_fn;
use http::{HeaderValue, Method, Request, Response};
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use s3s::Body;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::super::{Environment, Given, Patience, Silence, Store, StoreOptions, StoreUrl};
use super::script::{Fault, Script, Step, Way};
use crate::secret::Secret;

pub(crate) const BUCKET: &str = "bucket";
const KEY: &str = "key";
const SECRET: &str = "secret";

/// A server that ends with this value.
pub(crate) struct S3Server {
    pub(crate) script: Arc<Script>,
    endpoint: String,
    folder: Arc<TempDir>,
    /// Seconds by which the dates of its answers are ahead.
    ahead: Arc<AtomicI64>,
    _stop: DropGuard,
}

/// Hardly any, but enough of it that a busy machine is not taken for a silent one.
pub(crate) const PATIENCE: Patience = Patience {
    attempts: 3,
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(2),
    repeats: 1,
    first_repeat: Duration::from_millis(1),
    silence: Silence {
        connect: Duration::from_secs(30),
        transfer: Duration::from_secs(30),
        command: Duration::from_secs(30),
    },
};

impl S3Server {
    pub(crate) fn start() -> Self {
        Self::with(Script::default())
    }

    /// One on which something goes wrong.
    pub(crate) fn with(script: Script) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let stop = CancellationToken::new();
        let layer = Layer {
            s3: service(folder.path()),
            folder: Arc::clone(&folder),
            script: Arc::new(script),
            ahead: Arc::default(),
        };
        Self {
            script: Arc::clone(&layer.script),
            ahead: Arc::clone(&layer.ahead),
            endpoint: serve(layer, stop.clone()),
            folder,
            _stop: stop.drop_guard(),
        }
    }

    /// The options of a target that is there.
    pub(crate) fn options(&self) -> StoreOptions {
        StoreOptions {
            endpoint: Some(self.endpoint.clone()),
            allow_http: true,
            access_key_id: Some(Given::Value(Secret::new(KEY))),
            secret_access_key: Some(Given::Value(Secret::new(SECRET))),
            ..StoreOptions::default()
        }
    }

    /// A prefix in the bucket, as a target reaches it.
    pub(crate) fn store(&self, prefix: &str, patience: Patience) -> Store {
        let url = StoreUrl::parse(&format!("s3://{BUCKET}/{prefix}")).unwrap();
        let nowhere = Environment::default();
        Store::open_with(&url, &self.options(), &nowhere, patience).unwrap()
    }

    /// Sets the server's clock.
    pub(crate) fn is_ahead(&self, of_us: SignedDuration) {
        self.ahead.store(of_us.as_secs(), Ordering::SeqCst);
    }

    /// All objects by their names.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = BTreeMap::new();
        let bucket = self.folder.path().join(BUCKET);
        collect(&bucket, &bucket, &mut objects);
        objects
    }

    /// Puts an object where one may be.
    pub(crate) fn place(&self, name: &str, content: &[u8]) {
        let path = self.folder.path().join(BUCKET).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Uploads that were begun and neither completed nor aborted.
    pub(crate) fn open_uploads(&self) -> usize {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_str().unwrap().starts_with(".upload-"))
            .count()
    }
}

/// Bucket and options of the S3 server that the environment names.
pub(crate) fn outside() -> (String, StoreOptions) {
    let variable = |name: &str| {
        std::env::var(name)
            .unwrap_or_else(|_| panic!("{name} is not set: eval \"$(tests/lab/garage.sh up)\""))
    };
    let secret = |name| Some(Given::Value(Secret::new(variable(name))));
    let options = StoreOptions {
        endpoint: Some(variable("S3_ENDPOINT")),
        region: Some(variable("S3_REGION")),
        allow_http: true,
        access_key_id: secret("S3_ACCESS_KEY"),
        secret_access_key: secret("S3_SECRET_KEY"),
        ..StoreOptions::default()
    };
    (variable("S3_BUCKET"), options)
}

fn collect(bucket: &Path, folder: &Path, objects: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(bucket, &path, objects);
        } else {
            let name = path.strip_prefix(bucket).unwrap().to_str().unwrap();
            objects.insert(name.to_owned(), fs::read(&path).unwrap());
        }
    }
}

fn service(folder: &Path) -> S3Service {
    let mut builder = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
    builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    builder.build()
}

/// Serves on a thread of its own, until it is stopped. Returns the URL.
fn serve(layer: Layer, stop: CancellationToken) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let layer = Arc::new(layer);
    let accept = async move {
        let listener = TcpListener::from_std(listener).unwrap();
        while let Ok((connection, _)) = listener.accept().await {
            let layer = Arc::clone(&layer);
            let answer = service_fn(move |request| Arc::clone(&layer).answer(request));
            let connection = TokioIo::new(connection);
            // One that was cut is an error.
            tokio::spawn(http1::Builder::new().serve_connection(connection, answer));
        }
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(stop.run_until_cancelled(accept));
    });
    endpoint
}

/// What is before the server.
struct Layer {
    s3: S3Service,
    folder: Arc<TempDir>,
    script: Arc<Script>,
    ahead: Arc<AtomicI64>,
}

/// The connection is to be cut.
#[derive(Debug, thiserror::Error)]
#[error("cut")]
struct Cut;

impl Layer {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let step = step_of(&request);
        let reads = request.method() == Method::GET && step == Step::Look;
        let mut response = match self.script.way(step) {
            Way::Through => self.forward(request).await?,
            Way::Lose => {
                self.forward(request).await?;
                return Err(Cut);
            }
            Way::Fail(fault @ (Fault::Reset | Fault::Stall)) if reads => {
                tear(self.forward(request).await?, fault)
            }
            Way::Fail(Fault::Stall) => pending().await,
            Way::Fail(Fault::Reset) => {
                let mut body = request.into_body();
                poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
                return Err(Cut);
            }
            Way::Fail(fault) => {
                drain(request.into_body()).await;
                refusal(fault)
            }
        };
        let now = Timestamp::now().as_second() + self.ahead.load(Ordering::SeqCst);
        let date = Timestamp::from_second(now).unwrap();
        let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let date = HeaderValue::from_str(&date).unwrap();
        response.headers_mut().insert("date", date);
        Ok(response)
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        if request.headers().contains_key("if-none-match") {
            match self.script.of_store() {
                Some(Fault::NotImplemented) => {
                    drain(request.into_body()).await;
                    return Ok(refusal(Fault::NotImplemented));
                }
                // It is signed, and cannot be taken away: the object is.
                Some(_) => {
                    let object = request.uri().path().trim_start_matches('/');
                    let _ = fs::remove_file(self.folder.path().join(object));
                }
                None => {}
            }
        }
        let request = request.map(Body::from);
        self.s3.call(request).await.map_err(|_| Cut)
    }
}

/// What a request is for.
fn step_of(request: &Request<Incoming>) -> Step {
    let path = request.uri().path().trim_start_matches('/');
    let name = path.split_once('/').map_or("", |(_, name)| name);
    let query = request.uri().query().unwrap_or("");
    match *request.method() {
        Method::GET if name.is_empty() => Step::List,
        Method::GET | Method::HEAD => Step::Look,
        Method::POST if query.starts_with("uploads") => Step::Create,
        Method::POST if query.starts_with("uploadId") => Step::Complete,
        Method::PUT if query.contains("partNumber") => Step::Part,
        Method::PUT => Step::of_put(name),
        _ => Step::Remove,
    }
}

fn refusal(fault: Fault) -> Response<Body> {
    let (status, code) = fault.answer().unwrap();
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status.try_into().unwrap();
    response
}

/// Lets the other side send all of it: who is answered before may not see the answer.
async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {}
}

/// Half of the answer, and then nothing more, or an end.
fn tear(response: Response<Body>, fault: Fault) -> Response<Body> {
    let length = response.headers().get("content-length").unwrap();
    let half = length.to_str().unwrap().parse::<usize>().unwrap() / 2;
    response.map(|body| Body::http_body_unsync(Torn { body, half, fault }))
}

struct Torn {
    body: Body,
    half: usize,
    fault: Fault,
}

impl http_body::Body for Torn {
    type Data = Bytes;
    type Error = s3s::StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, s3s::StdError>>> {
        if self.half == 0 {
            return match self.fault {
                Fault::Stall => Poll::Pending,
                _ => Poll::Ready(Some(Err(Box::new(Cut)))),
            };
        }
        let polled = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        let half = self.half;
        let cut = polled.map(|frame| {
            frame.map(|frame| {
                let data = frame.into_data().unwrap();
                let data = data.slice(..data.len().min(half));
                self.half -= data.len();
                Frame::data(data)
            })
        });
        Poll::Ready(cut)
    }
}
