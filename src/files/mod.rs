//! Files beneath an open folder: made from entries, read back as entries, removed and renamed.
//!
//! Everything goes from an open folder down, one component after the other and never through a link. A
//! dump that is a folder is written so, and a restore writes so: what they make is the same, and so is
//! what a file system or the lack of privileges keeps from being made, which is a [`Losses`], no error.
//! It knows neither dumps nor projects.

mod beneath;
mod create;
mod cursor;
mod digest;
mod error;
mod holes;
mod losses;
mod metadata;
mod remove;
mod rename;
mod same;
mod tree;
mod xattrs;

pub(crate) use beneath::{Beneath, Unfit, demand, kind_name, open_beneath, split};
pub(crate) use create::{create_file, open_new_folder};
pub(crate) use digest::content_digest;
pub(crate) use error::FileError;
pub(crate) use holes::data_segments;
pub(crate) use losses::Losses;
pub(crate) use metadata::{Metadata, mtime_of, times};
pub(crate) use remove::remove_entry;
pub(crate) use rename::{Kind, rename_new};
pub(crate) use same::same_content;
pub(crate) use tree::{Tree, check_path};
pub(crate) use xattrs::{XattrReader, XattrsMissing, drop_inherited_acls, read_xattrs};
