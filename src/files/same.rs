//! Whether two files have the same content.

use std::fs::File;
use std::io::{self, Read};

/// Bytes of each that are compared at a time.
const PIECE_LEN: usize = 128 * 1024;

/// Reads both from where they are to their ends.
pub(crate) fn same_content(mut one: File, mut other: File) -> io::Result<bool> {
    let mut pieces = [vec![0; PIECE_LEN], vec![0; PIECE_LEN]];
    loop {
        let [left, right] = &mut pieces;
        let len = fill(&mut one, left)?;
        if len != fill(&mut other, right)? || left[..len] != right[..len] {
            return Ok(false);
        }
        if len == 0 {
            return Ok(true);
        }
    }
}

/// Reads until the piece is full or the file ends.
fn fill(file: &mut File, piece: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < piece.len() {
        match file.read(&mut piece[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn content_and_length_count() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            File::create(&path).unwrap().write_all(content).unwrap();
            File::open(path).unwrap()
        };
        let long = vec![7; 3 * PIECE_LEN + 5];
        let mut other = long.clone();
        other[2 * PIECE_LEN] = 8;
        for (left, right, is_same) in [
            (&long[..], &long[..], true),
            (&long, &other, false),
            (&long, &long[1..], false),
            (b"", b"", true),
            (b"", b"a", false),
        ] {
            let found = same_content(file("a", left), file("b", right)).unwrap();
            assert_eq!(found, is_same, "{} and {}", left.len(), right.len());
        }
    }
}
