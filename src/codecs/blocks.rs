//! Compression on all cores for formats without threads of their own: the input is cut into blocks, each
//! of which a worker compresses by itself, and the results follow one another in the input's order.
//!
//! Queues are bounded: of raw and compressed blocks there are never more than [`blocks_in_flight`]. What a
//! block is and what stands before and behind all of them is the format's business.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, RecvError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::Compression;
use super::encoder::{Stage, Step};

/// Compresses one block; every worker has one of its own.
pub(super) type Worker<S> = Box<dyn FnMut(&[u8]) -> io::Result<Block<S>> + Send>;

/// A block that is compressed, and what its format has to know of it for the end.
pub(super) struct Block<S> {
    pub(super) bytes: Vec<u8>,
    pub(super) sum: S,
}

/// A format whose streams can be made of blocks.
pub(super) trait BlockFormat: Send {
    /// What the end of a stream needs of each block: a checksum, or nothing.
    type Sum: Send + 'static;

    /// Length in bytes of every block but the last one.
    fn block_len(&self) -> usize;

    /// Makes what compresses blocks.
    fn worker(&self) -> Worker<Self::Sum>;

    /// What stands before the first block.
    fn beginning(&self) -> Vec<u8>;

    /// Takes note of the next block, in order.
    fn add(&mut self, sum: Self::Sum);

    /// What stands behind the last block.
    fn end(&mut self) -> Vec<u8>;
}

/// How many blocks there are at most, raw or compressed: one in each worker's hands, one waiting for each, one
/// being filled.
pub(super) fn blocks_in_flight(workers: u32) -> u64 {
    2 * u64::from(workers) + 1
}

/// A raw block, and where its result goes.
struct Job<S> {
    raw: Vec<u8>,
    result: SyncSender<io::Result<Block<S>>>,
}

/// How far a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No block was sent to the workers yet.
    Empty,
    /// Blocks are on their way, and more may come.
    Filling,
    /// The last block was sent.
    Draining,
    /// The end was made.
    Ended,
}

/// Compresses block by block, on threads that end with it.
pub(super) struct Blocks<F: BlockFormat> {
    format: F,
    jobs: Option<SyncSender<Job<F::Sum>>>,
    /// Results that are awaited, in the input's order.
    awaited: VecDeque<Receiver<io::Result<Block<F::Sum>>>>,
    limit: usize,
    /// The block that is being filled.
    filling: Vec<u8>,
    phase: Phase,
    /// Compressed bytes, and how many of them were given out.
    ready: Vec<u8>,
    given: usize,
}

impl<F: BlockFormat> Blocks<F> {
    /// Starts the workers.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn new(format: F, compression: &Compression) -> io::Result<Self> {
        let workers = compression.workers();
        let (jobs, taken) = sync_channel(workers as usize);
        let taken = Arc::new(Mutex::new(taken));
        for _ in 0..workers {
            let (taken, compress) = (Arc::clone(&taken), format.worker());
            thread::Builder::new()
                .name("codec".to_owned())
                .spawn(move || work(&taken, compress))?;
        }
        Ok(Self {
            ready: format.beginning(),
            filling: Vec::with_capacity(format.block_len()),
            format,
            jobs: Some(jobs),
            awaited: VecDeque::new(),
            limit: 2 * workers as usize,
            phase: Phase::Empty,
            given: 0,
        })
    }

    /// Sends the block that is being filled to the workers.
    fn send(&mut self) -> io::Result<()> {
        let empty = Vec::with_capacity(self.format.block_len());
        let (result, awaited) = sync_channel(1);
        let job = Job {
            raw: std::mem::replace(&mut self.filling, empty),
            result,
        };
        let jobs = self.jobs.as_ref().ok_or_else(no_worker)?;
        jobs.send(job).map_err(|_| no_worker())?;
        self.awaited.push_back(awaited);
        self.phase = Phase::Filling;
        Ok(())
    }

    /// Takes the oldest result, if there is one already or `wait` says to wait for it; whether it did.
    fn receive(&mut self, wait: bool) -> io::Result<bool> {
        let Some(oldest) = self.awaited.front() else {
            return Ok(false);
        };
        let block = if wait {
            oldest.recv().map_err(|RecvError| no_worker())??
        } else {
            match oldest.try_recv() {
                Ok(block) => block?,
                Err(TryRecvError::Empty) => return Ok(false),
                Err(TryRecvError::Disconnected) => return Err(no_worker()),
            }
        };
        self.awaited.pop_front();
        self.ready = block.bytes;
        self.given = 0;
        self.format.add(block.sum);
        Ok(true)
    }

    /// Copies what is ready into `output`; how much that was.
    fn give(&mut self, output: &mut [u8]) -> usize {
        let ready = &self.ready[self.given..];
        let len = ready.len().min(output.len());
        output[..len].copy_from_slice(&ready[..len]);
        self.given += len;
        len
    }

    fn is_all_given(&self) -> bool {
        self.given == self.ready.len()
    }
}

impl<F: BlockFormat> Stage for Blocks<F> {
    fn run(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
        let mut produced = self.give(output);
        while self.is_all_given() && produced < output.len() && self.receive(false)? {
            produced += self.give(&mut output[produced..]);
        }
        if self.filling.len() == self.format.block_len() {
            if self.awaited.len() >= self.limit {
                if self.is_all_given() {
                    self.receive(true)?;
                }
                // The room that is left in `output` decides whether the input can go on.
                produced += self.give(&mut output[produced..]);
                return Ok(Step {
                    produced,
                    ..Step::default()
                });
            }
            self.send()?;
        }
        let room = self.format.block_len() - self.filling.len();
        let consumed = room.min(input.len());
        self.filling.extend_from_slice(&input[..consumed]);
        Ok(Step {
            consumed,
            produced,
            done: false,
        })
    }

    fn finish(&mut self, output: &mut [u8]) -> io::Result<Step> {
        if matches!(self.phase, Phase::Empty | Phase::Filling) {
            // An empty stream is one empty block.
            if self.phase == Phase::Empty || !self.filling.is_empty() {
                self.send()?;
            }
            self.jobs = None;
            self.phase = Phase::Draining;
        }
        let mut produced = self.give(output);
        while self.is_all_given() && produced < output.len() {
            if self.phase == Phase::Ended {
                return Ok(Step {
                    produced,
                    done: true,
                    ..Step::default()
                });
            }
            if !self.receive(true)? {
                self.ready = self.format.end();
                self.given = 0;
                self.phase = Phase::Ended;
            }
            produced += self.give(&mut output[produced..]);
        }
        Ok(Step {
            produced,
            ..Step::default()
        })
    }
}

/// What a worker does, until no more work can come. Whoever waited for a result may be gone.
fn work<S>(jobs: &Mutex<Receiver<Job<S>>>, mut compress: Worker<S>) {
    loop {
        // Nothing panics while it is locked.
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else {
            return;
        };
        let _ = job.result.send(compress(&job.raw));
    }
}

/// A worker ended early, by a bug.
fn no_worker() -> io::Error {
    io::Error::other("a thread that compresses is gone")
}
