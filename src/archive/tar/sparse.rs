//! Maps of sparse files, in the formats that GNU tar has had for PAX archives (GNU tar manual,
//! "Storing Sparse Files"): 0.0 and 0.1 in records of the extended header, 1.0 before the data.

use super::{BLOCK, pax};
use crate::archive::entry::Segment;

/// Longest map of format 1.0 that is taken, in bytes.
pub(super) const MAX_MAP_BYTES: usize = 1 << 20;

/// The map of format 1.0: the number of segments, then offset and length of each, one decimal
/// number per line, filled up to whole blocks.
pub(super) fn encode_map(segments: &[Segment], size: u64) -> Vec<u8> {
    let end = segments.last().map_or(0, |last| last.offset + last.len);
    // Readers make the file as long as its map reaches: a hole at the end needs an empty segment.
    let end_mark = (end < size).then_some(Segment {
        offset: size,
        len: 0,
    });
    let count = segments.len() + usize::from(end_mark.is_some());
    let mut map = format!("{count}\n").into_bytes();
    for Segment { offset, len } in segments.iter().copied().chain(end_mark) {
        map.extend_from_slice(format!("{offset}\n{len}\n").as_bytes());
    }
    map.resize(map.len().next_multiple_of(BLOCK), 0);
    map
}

/// Collects a map of format 1.0 from its blocks.
#[derive(Debug, Default)]
pub(super) struct MapReader {
    map: Vec<u8>,
    line_count: usize,
    /// Lines that the map has, once its first one is known.
    wanted_lines: Option<usize>,
}

/// A map that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadMap;

impl MapReader {
    /// Takes part of the map; whole blocks have to be told by [`MapReader::is_complete`].
    pub(super) fn push(&mut self, part: &[u8]) -> Result<(), BadMap> {
        self.map.extend_from_slice(part);
        self.line_count += part.iter().filter(|&&byte| byte == b'\n').count();
        if self.wanted_lines.is_none() && self.line_count > 0 {
            let count = self.lines().next().and_then(pax::parse_u64).ok_or(BadMap)?;
            let count = usize::try_from(count).map_err(|_| BadMap)?;
            self.wanted_lines = Some(
                count
                    .checked_mul(2)
                    .and_then(|lines| lines.checked_add(1))
                    .ok_or(BadMap)?,
            );
        }
        if self.map.len() > MAX_MAP_BYTES {
            Err(BadMap)
        } else {
            Ok(())
        }
    }

    /// Whether the last block of the map was taken.
    pub(super) fn is_complete(&self) -> bool {
        self.map.len().is_multiple_of(BLOCK)
            && self
                .wanted_lines
                .is_some_and(|wanted| self.line_count >= wanted)
    }

    /// Whether nothing but zeros follows the lines of a complete map.
    pub(super) fn is_filled_up_with_zeros(&self) -> bool {
        let lines = self.wanted_lines.unwrap_or(0);
        self.lines().skip(lines).flatten().all(|byte| *byte == 0)
    }

    /// The segments.
    pub(super) fn segments(&self) -> Result<Vec<Segment>, BadMap> {
        let count = self.wanted_lines.ok_or(BadMap)? / 2;
        let mut numbers = self.lines().skip(1).map(pax::parse_u64);
        (0..count)
            .map(|_| {
                let offset = numbers.next().flatten().ok_or(BadMap)?;
                let len = numbers.next().flatten().ok_or(BadMap)?;
                Ok(Segment { offset, len })
            })
            .collect()
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.map.split(|&byte| byte == b'\n')
    }
}

/// The map without its empty segments, if it is in order and within the file.
pub(super) fn checked(map: Vec<Segment>, size: u64) -> Result<Vec<Segment>, BadMap> {
    let mut end = 0;
    for segment in &map {
        let next = segment.offset.checked_add(segment.len).ok_or(BadMap)?;
        if segment.offset < end || next > size {
            return Err(BadMap);
        }
        end = next;
    }
    Ok(map.into_iter().filter(|segment| segment.len > 0).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_map_comes_back() {
        for count in [0, 1, 30, 300] {
            let segments: Vec<_> = (0..count)
                .map(|i| Segment {
                    offset: i * 8192,
                    len: 4096,
                })
                .collect();
            for tail in [0, 5000] {
                let size = segments.last().map_or(0, |last| last.offset + last.len) + tail;
                let map = encode_map(&segments, size);
                let mut reader = MapReader::default();
                for block in map.chunks(BLOCK) {
                    assert!(!reader.is_complete());
                    reader.push(block).unwrap();
                }
                assert!(reader.is_complete());
                assert_eq!(
                    checked(reader.segments().unwrap(), size),
                    Ok(segments.clone())
                );
            }
        }
    }

    #[test]
    fn overlaps_and_segments_outside_are_refused() {
        let map = |pairs: &[(u64, u64)]| {
            pairs
                .iter()
                .map(|&(offset, len)| Segment { offset, len })
                .collect()
        };
        assert_eq!(checked(map(&[(0, 10), (5, 10)]), 100), Err(BadMap));
        assert_eq!(checked(map(&[(90, 11)]), 100), Err(BadMap));
        assert_eq!(checked(map(&[(u64::MAX, 2)]), 100), Err(BadMap));
        assert_eq!(checked(map(&[(100, 0)]), 100), Ok(Vec::new()));
    }
}
