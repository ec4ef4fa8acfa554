//! Goes through a tar, or through an archive to a tar in it, for a few of its entries.

use std::io::Read;

use super::super::archive::{Archive, below};
use super::super::contract::{Contract, Owner, tree_base};
use super::super::fault::Fault;
use super::super::hashing::{BUFFER_LEN, Wanted, each_piece};
use super::super::section::Section;
use super::pick::Pick;
use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::manifest::model::{Member, MemberKind};
use crate::archive::tar::{BLOCK, TarParser, TarVisitor};
use crate::codecs::{Codec, decoder};

/// A visitor that says of an entry whether its data is needed.
trait Picky: TarVisitor {
    fn wants_data(&self) -> bool;

    /// Whether nothing more is needed at all.
    fn is_done(&self) -> bool;
}

/// Takes what is wanted out of a tar.
pub(super) fn from_plain(section: Section, pick: &mut Pick<'_>) -> Result<(), Fault> {
    hop(section, &mut TarParser::new(Tar(pick)))
}

/// The same of a compressed one, which has to be read up to the last entry that is wanted.
pub(super) fn from_compressed(
    section: Section,
    codec: Codec,
    pick: &mut Pick<'_>,
) -> Result<(), Fault> {
    read(section, codec, &mut TarParser::new(Tar(pick)))
}

/// The same of a member in an archive.
pub(super) fn from_archive(
    archive: &Archive,
    contract: &Contract<'_>,
    member: &Member,
    pick: &mut Pick<'_>,
) -> Result<(), Fault> {
    let section = || Section::of(&archive.source, 0, archive.bytes);
    let is_plain = archive.codec == Codec::None;
    if member.kind == MemberKind::Tree {
        return from_trees((section(), archive.codec), contract, member, pick);
    }
    let mut parser = TarParser::new(Nested {
        member,
        is_plain,
        found: None,
        is_open: false,
        inner: TarParser::new(Tar(pick)),
        broken: None,
    });
    if !is_plain {
        return read(section(), archive.codec, &mut parser).and_then(|()| {
            let broken = parser.visitor_mut().broken.take();
            broken.map_or(Ok(()), Err)
        });
    }
    hop(section(), &mut parser)?;
    let nested = parser.visitor_mut();
    let (at, len) = nested.found.ok_or(Fault::Missing)?;
    hop(
        Section::of(&archive.source, at, at.saturating_add(len)),
        &mut nested.inner,
    )
}

/// The same of a tree in a tar that may hold others, too.
pub(super) fn from_trees(
    (section, codec): (Section, Codec),
    contract: &Contract<'_>,
    member: &Member,
    pick: &mut Pick<'_>,
) -> Result<(), Fault> {
    let mut parser = TarParser::new(Tree {
        contract,
        member,
        pick,
        is_open: false,
    });
    match codec {
        Codec::None => hop(section, &mut parser),
        codec => read(section, codec, &mut parser),
    }
}

/// Feeds a parser from a file, without the data that its visitor does not need.
fn hop<V: Picky>(mut section: Section, parser: &mut TarParser<V>) -> Result<(), Fault> {
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        if parser.visitor_mut().is_done() {
            return Ok(());
        }
        let left = parser.data_left();
        let fed = if left > 0 && !parser.visitor_mut().wants_data() {
            section.skip(left);
            parser.skip_data()
        } else {
            let len = match left {
                0 => BLOCK,
                left => usize::try_from(left).map_or(BUFFER_LEN, |left| left.min(BUFFER_LEN)),
            };
            match section.read(&mut buffer[..len]).map_err(Fault::Read)? {
                0 => return Ok(()),
                len => parser.feed(&buffer[..len]),
            }
        };
        match fed {
            Err(_) if parser.visitor_mut().is_done() => return Ok(()),
            fed => fed.map_err(Fault::Tar)?,
        }
    }
}

/// Feeds a parser with what comes out of a codec, until its visitor has what it needs.
fn read<V: Picky>(section: Section, codec: Codec, parser: &mut TarParser<V>) -> Result<(), Fault> {
    let mut broken = None;
    let mut raw = decoder(codec, section).map_err(Fault::Decompress)?;
    let fed = each_piece(&mut raw, |piece| match parser.feed(piece) {
        Ok(()) => Wanted::More,
        Err(error) => {
            broken = Some(error);
            Wanted::Nothing
        }
    });
    if parser.visitor_mut().is_done() {
        return Ok(());
    }
    fed.map_err(Fault::Decompress)?;
    broken.map_or(Ok(()), |error| Err(Fault::Tar(error)))
}

/// The entries of a volume's tar.
struct Tar<'p, 't>(&'p mut Pick<'t>);

impl Picky for Tar<'_, '_> {
    fn wants_data(&self) -> bool {
        self.0.wants_data()
    }

    fn is_done(&self) -> bool {
        self.0.has_all() && !self.0.wants_data() || self.0.is_closed()
    }
}

impl TarVisitor for Tar<'_, '_> {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        self.0.begin(entry, at)
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        self.0.data(part)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.0.end()
    }
}

/// The entries of an archive that belong to a tree.
struct Tree<'a, 'p, 't> {
    contract: &'a Contract<'a>,
    member: &'a Member,
    pick: &'p mut Pick<'t>,
    is_open: bool,
}

impl Tree<'_, '_, '_> {
    /// The entry as the tree's index has it, if it is the tree's.
    fn own(&self, entry: &Entry) -> Option<Entry> {
        let is_own = match self.contract.owner(&entry.path) {
            Owner::Tree(number) => self.contract.manifest.members[number].path == self.member.path,
            Owner::Above => true,
            _ => false,
        };
        is_own.then(|| below(tree_base(self.member), entry))?
    }
}

impl Picky for Tree<'_, '_, '_> {
    fn wants_data(&self) -> bool {
        self.is_open && self.pick.wants_data()
    }

    fn is_done(&self) -> bool {
        self.pick.has_all() && !self.pick.wants_data() || self.pick.is_closed()
    }
}

impl TarVisitor for Tree<'_, '_, '_> {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        let own = self.own(entry);
        self.is_open = own.is_some();
        own.map_or(Ok(()), |own| self.pick.begin(&own, at))
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        if self.is_open {
            self.pick.data(part)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        if std::mem::take(&mut self.is_open) {
            self.pick.end()?;
        }
        Ok(())
    }
}

/// A tar in an archive: where it lies, or its entries as they pass.
struct Nested<'a, 'p, 't> {
    member: &'a Member,
    is_plain: bool,
    found: Option<(u64, u64)>,
    is_open: bool,
    inner: TarParser<Tar<'p, 't>>,
    broken: Option<Fault>,
}

impl Picky for Nested<'_, '_, '_> {
    fn wants_data(&self) -> bool {
        self.is_open
    }

    fn is_done(&self) -> bool {
        self.broken.is_some()
            || self.is_plain && self.found.is_some()
            || self.inner.visitor().is_done()
    }
}

impl TarVisitor for Nested<'_, '_, '_> {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        self.is_open = entry.path == self.member.path.as_bytes();
        if self.is_open {
            self.found = Some((at, entry.size));
        }
        if self.is_open && self.is_plain {
            return Err(SinkClosed);
        }
        Ok(())
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        if !self.is_open {
            return Ok(());
        }
        self.inner.feed(part).map_err(|error| {
            if !self.inner.visitor().is_done() {
                self.broken = Some(Fault::Tar(error));
            }
            SinkClosed
        })
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.is_open = false;
        Ok(())
    }
}
