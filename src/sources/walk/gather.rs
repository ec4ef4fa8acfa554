//! Many small things for another thread, in few sends: a thread would be woken at each.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Bytes up to which things are gathered.
const GATHERED_BYTES: usize = 256 * 1024;
/// Things that are gathered.
pub(super) const GATHERED_COUNT: usize = 512;
/// Gatherings that wait. With the one that is filled and the one that is being taken, that is less than 4 MiB as long
/// as no single thing is longer than 768 KiB.
const QUEUE: usize = 2;

/// The other thread takes nothing any more.
pub(super) struct Gone;

impl From<Gone> for io::Error {
    fn from(Gone: Gone) -> Self {
        io::ErrorKind::BrokenPipe.into()
    }
}

/// Where things are put.
pub(super) struct Gather<T> {
    queue: SyncSender<Vec<T>>,
    things: Vec<T>,
    bytes: usize,
}

/// Where they are taken, in their order.
pub(super) struct Gathered<T>(Receiver<Vec<T>>);

/// Both ends. Whoever has put everything must [`Gather::send`] what is left.
pub(super) fn gather<T>() -> (Gather<T>, Gathered<T>) {
    let (queue, gathered) = sync_channel(QUEUE);
    let gather = Gather {
        queue,
        things: Vec::with_capacity(GATHERED_COUNT),
        bytes: 0,
    };
    (gather, Gathered(gathered))
}

impl<T> Gather<T> {
    /// Puts a thing that keeps `bytes` bytes in memory beside itself.
    pub(super) fn put(&mut self, thing: T, bytes: usize) -> Result<(), Gone> {
        self.things.push(thing);
        self.bytes += bytes;
        if self.things.len() >= GATHERED_COUNT || self.bytes >= GATHERED_BYTES {
            self.send()
        } else {
            Ok(())
        }
    }

    /// Sends what is gathered so far.
    pub(super) fn send(&mut self) -> Result<(), Gone> {
        let next = Vec::with_capacity(GATHERED_COUNT);
        self.bytes = 0;
        let things = std::mem::replace(&mut self.things, next);
        self.queue.send(things).map_err(|_| Gone)
    }
}

impl<T> Gathered<T> {
    /// The things as they come, until whoever puts them is gone.
    pub(super) fn iter(&self) -> impl Iterator<Item = T> {
        self.0.iter().flatten()
    }
}
