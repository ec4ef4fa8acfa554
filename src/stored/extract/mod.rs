//! Single paths out of a member, without the rest: the index says what there is to find, and so when all of it has
//! been found. Of a tar that is not compressed, what is not wanted is skipped unread.
//!
//! Only what passes is read, so a digest of the whole member proves nothing here: files of a tree are held
//! against their own digests, and a volume's tar against the number of entries that its index has there.

mod hop;
mod pick;

use std::sync::Arc;

use super::codec::codec_of;
use super::contents::ContentsError;
use super::contract::{Contract, in_dump, tree_base};
use super::fault::Fault;
use super::folder::content;
use super::objects::Objects;
use super::open::{Dump, Place};
use super::section::Section;
use super::takers::{Hand, Takers, Wish};
use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::index::DataAt;
use crate::archive::manifest::model::{Member, MemberKind, TreeFile};
use crate::archive::tar::TarVisitor;
use crate::codecs::Codec;
use crate::files::Beneath;

use pick::Pick;

/// Paths cannot be taken out of a member.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// Its entries are not known.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// Nothing of that name is in it.
    #[error("`{member}` holds no `{}`", crate::archive::escape::display(.path))]
    NotThere {
        /// The member.
        member: String,
        /// What was looked for.
        path: Vec<u8>,
    },
    /// The dump is not what was stored.
    #[error("`{member}` is damaged")]
    Damaged {
        /// The member.
        member: String,
        /// What is wrong with it.
        source: Damage,
    },
    /// Who takes the content wants no more; the cause is theirs.
    #[error(transparent)]
    Closed(#[from] SinkClosed),
}

/// What is wrong with a member, as a sentence of its own.
#[derive(Debug, thiserror::Error)]
#[error("it {0}")]
pub struct Damage(#[source] pub Fault);

impl Dump {
    /// Hands the entry at `path` of a member to `to`, and everything below it. Paths are those of
    /// [`Dump::contents`]; an empty one is everything.
    ///
    /// A further name of a file that is not among them comes as the file itself.
    ///
    /// # Errors
    /// When there is no such path, or what is read is not what was stored.
    pub fn extract(
        &mut self,
        member: &Member,
        path: &[u8],
        to: &mut dyn TarVisitor,
    ) -> Result<(), ExtractError> {
        let damaged = |fault| ExtractError::Damaged {
            member: member.path.clone(),
            source: Damage(fault),
        };
        let mut pick = Pick::new(path, to);
        let mut contents = self.contents(member)?;
        let contract = Contract::new(&self.manifest);
        let contract = contract.map_err(|what| damaged(Fault::Contract { what }))?;
        let base = tree_base(member);
        while let Some(entry) = contents.next_entry().map_err(damaged)? {
            let is_shared =
                member.kind == MemberKind::Tree && contract.is_above(&in_dump(base, &entry.path));
            pick.expect(&entry, is_shared).map_err(damaged)?;
        }
        if pick.expects_nothing() {
            let (member, path) = (member.path.clone(), path.to_vec());
            return Err(ExtractError::NotThere { member, path });
        }
        let taken = match (&self.place, member.kind) {
            (Place::Folder(_), MemberKind::Tree) => self.extract_files(member, &mut pick),
            (Place::Folder(_), _) => self.extract_stream(member, &mut pick),
            (Place::Archive(archive), _) => {
                hop::from_archive(archive, &contract, member, &mut pick)
            }
            (Place::Objects(objects), MemberKind::Tree) => {
                from_tree_object(objects, &contract, member, &mut pick)
            }
            (Place::Objects(objects), _) => objects
                .section(&self.manifest, &member.path)
                .and_then(|section| from_stream(section, member, &mut pick)),
        };
        match taken {
            _ if pick.is_closed() => Err(SinkClosed.into()),
            Ok(()) if !pick.has_all() => Err(damaged(Fault::NotReached)),
            Ok(()) => Ok(()),
            Err(fault) => Err(damaged(fault)),
        }
    }

    /// Reads plain files as the index has them.
    fn extract_files(&mut self, member: &Member, pick: &mut Pick<'_>) -> Result<(), Fault> {
        let lines = self.contents(member);
        let mut lines = lines.map_err(|_| Fault::Missing)?;
        let Place::Folder(beneath) = &mut self.place else {
            return Err(Fault::NoFolder);
        };
        let base = tree_base(member);
        while let Some((entry, at)) = lines.next_line()? {
            if pick.wants(&entry) {
                let path = in_dump(base, &entry.path);
                hand_on(beneath, &path, (&entry, at), pick)?;
            }
            if pick.has_all() || pick.is_closed() {
                break;
            }
        }
        Ok(())
    }

    fn extract_stream(&mut self, member: &Member, pick: &mut Pick<'_>) -> Result<(), Fault> {
        let Place::Folder(beneath) = &mut self.place else {
            return Err(Fault::NoFolder);
        };
        let (file, _) = beneath.file(member.path.as_bytes())?;
        from_stream(Section::new(&Arc::new(file), 0, member.bytes), member, pick)
    }
}

fn from_stream(section: Section, member: &Member, pick: &mut Pick<'_>) -> Result<(), Fault> {
    match codec_of(member).ok_or(Fault::NoCodec)? {
        Codec::None => hop::from_plain(section, pick),
        codec => hop::from_compressed(section, codec, pick),
    }
}

/// Out of the tar that holds the trees below a folder of the layout.
fn from_tree_object(
    objects: &Objects,
    contract: &Contract<'_>,
    member: &Member,
    pick: &mut Pick<'_>,
) -> Result<(), Fault> {
    let holds = |tree: &&TreeFile| tree.root.as_bytes() == tree_base(member);
    let tree = contract.manifest.trees.iter().find(holds);
    let tree = tree.ok_or(Fault::Missing)?;
    let codec = Codec::split_archive_name(tree.path.as_bytes()).map(|(_, codec)| codec);
    let section = objects.section(contract.manifest, &tree.path)?;
    let codec = codec.ok_or(Fault::NoCodec)?;
    hop::from_trees((section, codec), contract, member, pick)
}

fn hand_on(
    beneath: &mut Beneath,
    path: &[u8],
    (entry, at): (&Entry, DataAt),
    pick: &mut Pick<'_>,
) -> Result<(), Fault> {
    let mut alone = Alone(pick);
    let hand = Hand::new(&mut alone);
    match entry.kind {
        EntryKind::File => {
            content::check_file(beneath, path, (entry, at), Some(&hand))?;
            Ok(())
        }
        _ => content::hand_on(beneath, path, entry, &hand),
    }
}

/// Takes the entries of a single member.
struct Alone<'p, 't>(&'p mut Pick<'t>);

impl Takers for Alone<'_, '_> {
    fn offer(&mut self, _: &Member) -> Result<Wish, SinkClosed> {
        Ok(Wish::Take)
    }

    fn judged(&mut self, _: &Member, _: bool) -> Result<(), SinkClosed> {
        Ok(())
    }
}

impl TarVisitor for Alone<'_, '_> {
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
