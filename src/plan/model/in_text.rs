//! Values that serialize as the text that messages show for them.

use std::path::{Path, PathBuf};

use serde::Serializer;

use crate::store::StoreUrl;
use crate::text;

pub(super) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text::path(path))
}

pub(super) fn paths<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| text::path(path)))
}

pub(super) fn url<S: Serializer>(url: &StoreUrl, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(url)
}
