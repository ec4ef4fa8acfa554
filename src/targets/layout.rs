//! Which folders belong to the layout of a dump, and which to the project.
//!
//! An archive makes entries up for the former, root's alone, so that an unpacked dump has their modes;
//! the latter come as entries of their tree.

/// The folders of the layout above `path`.
pub(super) fn layout_folders(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let above = slashes.map(|(at, _)| &path[..at]);
    above.filter(|folder| is_layout_folder(folder))
}

/// Whether the layout, not the project, has this folder.
pub(super) fn is_layout_folder(path: &[u8]) -> bool {
    let names: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    matches!(
        names[..],
        [_] | [b"volumes", b"mounted" | b"project" | b"services"]
            | [b"volumes", b"services", _]
            | [b"exports" | b"index", ..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_the_layout_are_made_up() {
        let folders = |path: &'static str| -> Vec<&str> {
            let folders = layout_folders(path.as_bytes());
            folders
                .map(|path| std::str::from_utf8(path).unwrap_or(""))
                .collect()
        };
        assert_eq!(folders("config/a/b"), ["config"]);
        assert_eq!(
            folders("volumes/mounted/a/b"),
            ["volumes", "volumes/mounted"]
        );
        assert_eq!(
            folders("volumes/project/db.tar"),
            ["volumes", "volumes/project"]
        );
        assert_eq!(
            folders("volumes/services/web/1-x.tar"),
            ["volumes", "volumes/services", "volumes/services/web"]
        );
        assert_eq!(folders("exports/db/all.sql"), ["exports", "exports/db"]);
    }
}
