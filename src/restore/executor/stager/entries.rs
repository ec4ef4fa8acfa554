//! The entries of a member, on their way to whoever takes them.

use super::mounted::Turn;
use super::{Open, StageError, Stager};
use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::tar::TarVisitor;
use crate::restore::content::{ContentError, Place, Stage};

impl Stager<'_> {
    /// Decides what a mounted path is as soon as that can be seen; `false` as long as it cannot.
    fn decide(&mut self, entry: &Entry) -> Result<bool, SinkClosed> {
        let Open::Unknown(mounted) = &mut self.open else {
            return Ok(true);
        };
        match mounted.turn(entry) {
            Turn::Later => {
                mounted.ways.push(entry.clone());
                Ok(false)
            }
            Turn::Folder => {
                let place = Place {
                    root: self.options.folder.clone(),
                    below: mounted.path.clone(),
                };
                let (member, path) = (mounted.member.clone(), mounted.path.clone());
                let carried = std::mem::take(&mut mounted.carried);
                self.whole(&member, &place, &path, carried)?;
                Ok(true)
            }
            Turn::Among => {
                let ways = std::mem::take(&mut mounted.ways);
                self.open = Open::Among;
                for way in ways {
                    self.give(|to| to.begin(&way, 0))?;
                    self.give(|to| to.end())?;
                }
                Ok(true)
            }
        }
    }

    /// Calls whoever takes what comes, and keeps the reason if it takes no more.
    fn give(
        &mut self,
        call: impl FnOnce(&mut dyn TarVisitor) -> Result<(), SinkClosed>,
    ) -> Result<(), SinkClosed> {
        if self.options.cancel.is_cancelled() {
            self.error.get_or_insert(StageError::Interrupted);
            return Err(SinkClosed);
        }
        match &mut self.open {
            Open::Nothing | Open::Unknown(_) => Ok(()),
            Open::Engine(member, upload) => {
                if call(&mut **upload).is_ok() {
                    return Ok(());
                }
                let (member, error) = (member.clone(), upload.take_error());
                self.refused(&member, error)
            }
            Open::Among => {
                let stage = self.among()?;
                if call(stage).is_ok() {
                    return Ok(());
                }
                let error = stage.take_error().unwrap_or(ContentError::OutOfOrder);
                self.fail("config", error)
            }
            Open::Whole(number) => {
                let whole = &mut self.folders[*number];
                if call(&mut whole.to).is_ok() {
                    return Ok(());
                }
                let member = whole.member.clone();
                let error = whole.to.inner_mut().take_error();
                self.fail(&member, error.unwrap_or(ContentError::OutOfOrder))
            }
        }
    }

    /// The stage for files that go among others, made when the first one comes.
    fn among(&mut self) -> Result<&mut Stage, SinkClosed> {
        if self.files.is_none() {
            let place = Place::new(&self.options.folder);
            match Stage::create(&place, &self.options.token, self.options.stage) {
                Ok(stage) => self.files = Some(stage),
                Err(error) => return self.fail("config", error),
            }
        }
        Ok(self.files.as_mut().expect("it was just made"))
    }
}

impl TarVisitor for Stager<'_> {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        if !self.decide(entry)? {
            return Ok(());
        }
        self.give(|to| to.begin(entry, at))
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        self.give(|to| to.data(part))
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.give(|to| to.end())
    }
}
