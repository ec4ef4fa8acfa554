//! How long a store is waited for, and which requests are made again: the one place that decides it.

use std::future::Future;
use std::time::Duration;

use super::error::StoreError;
use super::silence::Silence;

/// Attempts, pauses between them, and how long each may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often a request is made that fails for the moment, each time signed anew.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles each time.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How often the library repeats each attempt by itself, with its old signature and credentials, so
    /// only for a moment.
    pub repeats: usize,
    /// The pause before the first repetition.
    pub first_repeat: Duration,
    /// When a request stands still.
    pub silence: Silence,
}

impl Patience {
    /// Six attempts in about half a minute, each repeated thrice in two seconds.
    pub const USUAL: Self = Self {
        attempts: 6,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(20),
        repeats: 3,
        first_repeat: Duration::from_millis(200),
        silence: Silence::USUAL,
    };

    /// The same while others wait for this store: one more attempt, and no other.
    #[must_use]
    pub fn hurried(self) -> Self {
        Self {
            attempts: self.attempts.min(2),
            ..self
        }
    }

    /// Makes a request until it succeeds, fails for good, or has failed too often.
    ///
    /// # Errors
    /// The last one.
    pub async fn again<T, R>(self, request: impl FnMut() -> R) -> Result<T, StoreError>
    where
        R: Future<Output = Result<T, StoreError>>,
    {
        self.again_while(StoreError::is_transient, request).await
    }

    /// The same, where `passes` says which failures another attempt may mend.
    ///
    /// # Errors
    /// The last one.
    pub async fn again_while<T, R>(
        self,
        passes: impl Fn(&StoreError) -> bool,
        mut request: impl FnMut() -> R,
    ) -> Result<T, StoreError>
    where
        R: Future<Output = Result<T, StoreError>>,
    {
        let mut pause = self.first_pause;
        let mut left = self.attempts;
        loop {
            left = left.saturating_sub(1);
            match request().await {
                Err(error) if left > 0 && passes(&error) => tokio::time::sleep(pause).await,
                done => return done,
            }
            pause = pause.saturating_mul(2).min(self.longest_pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::super::{Action, Answer, AnswerKind};
    use super::*;

    fn failure(kind: AnswerKind) -> StoreError {
        StoreError::Request {
            action: Action::Read,
            place: "s3://b/x".to_owned(),
            source: Box::new(Answer {
                kind,
                status: None,
                code: None,
                message: String::new(),
            }),
        }
    }

    /// How many attempts are made of a request that always fails so, and how long they take.
    async fn attempts(patience: Patience, kind: AnswerKind) -> (u32, Duration) {
        let made = AtomicU32::new(0);
        let start = tokio::time::Instant::now();
        let request = || {
            made.fetch_add(1, Ordering::Relaxed);
            async { Err::<(), _>(failure(kind)) }
        };
        let error = patience.again(request).await;
        assert!(error.is_err());
        (made.load(Ordering::Relaxed), start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_asked_again_with_growing_pauses_and_nothing_else() {
        let usual = Patience::USUAL;
        let seconds = Duration::from_secs;
        assert_eq!(attempts(usual, AnswerKind::Busy).await, (6, seconds(31)));
        let hurried = attempts(usual.hurried(), AnswerKind::NoAnswer).await;
        assert_eq!(hurried, (2, seconds(1)));
        let longer = Patience {
            attempts: 8,
            ..usual
        };
        let (_, took) = attempts(longer, AnswerKind::Busy).await;
        assert_eq!(took, seconds(1 + 2 + 4 + 8 + 16 + 20 + 20));
        for kind in [AnswerKind::Denied, AnswerKind::Missing, AnswerKind::Exists] {
            assert_eq!(attempts(usual, kind).await, (1, seconds(0)));
        }
    }
}
