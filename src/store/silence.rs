//! Limits to silence in place of limits to time: bodies that know when something has moved.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use object_store::client::{HttpError, HttpErrorKind, HttpRequestBody};
use tokio::time::{Instant, Sleep, sleep_until};

use super::http::failed;

/// How long a store may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Until a connection stands.
    pub connect: Duration,
    /// While a body is sent or received. A system may take some megabytes of a body before any of it
    /// has left, which on a slow link is the time that nothing seems to move.
    pub transfer: Duration,
    /// Until the answer to a command, such as to put thousands of parts together.
    pub command: Duration,
}

impl Silence {
    /// Ten seconds, two minutes, five minutes.
    pub const USUAL: Self = Self {
        connect: Duration::from_secs(10),
        transfer: Duration::from_secs(120),
        command: Duration::from_secs(300),
    };
}

/// Nothing has moved for too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing was sent or received for {} s", limit.as_secs())]
struct Silent {
    limit: Duration,
}

pub(super) fn silent(limit: Duration) -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, Silent { limit })
}

/// When something was sent last.
#[derive(Clone)]
pub(super) struct Moved {
    start: Instant,
    /// Milliseconds after `start`.
    after: Arc<AtomicU64>,
}

impl Moved {
    pub(super) fn now() -> Self {
        Self {
            start: Instant::now(),
            after: Arc::default(),
        }
    }

    fn note(&self) {
        let after = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.after.store(after, Ordering::Relaxed);
    }

    pub(super) fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.after.load(Ordering::Relaxed))
    }
}

/// A request's body that notes when a piece of it is taken.
pub(super) struct Sent {
    body: HttpRequestBody,
    moved: Moved,
}

impl Sent {
    pub(super) const fn new(body: HttpRequestBody, moved: Moved) -> Self {
        Self { body, moved }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.moved.note();
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response's body that fails when no piece of it comes for too long.
pub(super) struct Received {
    body: reqwest::Body,
    limit: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl Received {
    /// Must be made inside of a runtime.
    pub(super) fn new(body: reqwest::Body, limit: Duration) -> Self {
        Self {
            body,
            limit,
            sleep: Box::pin(sleep_until(Instant::now() + limit)),
        }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let limit = self.limit;
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                self.sleep.as_mut().reset(Instant::now() + limit);
                Poll::Ready(frame.map(|frame| frame.map_err(failed)))
            }
            Poll::Pending => {
                ready!(self.sleep.as_mut().poll(context));
                Poll::Ready(Some(Err(silent(limit))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
