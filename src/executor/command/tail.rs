//! The last lines of what a command says, in bounded memory.

use std::collections::VecDeque;

/// Lines that are kept.
const LINES: usize = 5;

/// Length in bytes up to which a line is kept.
const LINE_BYTES: usize = 300;

/// The last lines of a stream.
#[derive(Default)]
pub(super) struct Tail {
    lines: VecDeque<Vec<u8>>,
    line: Vec<u8>,
}

impl Tail {
    /// Takes more of the stream; gives the lines that are whole by it.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut whole = Vec::new();
        for &byte in bytes {
            if byte == b'\n' {
                whole.extend(self.end_line());
            } else if self.line.len() < LINE_BYTES {
                self.line.push(byte);
            }
        }
        whole
    }

    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let text = shown(&line);
        if text.is_empty() {
            return None;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
        Some(text)
    }

    /// The last lines in one, without what could steer a terminal.
    pub(super) fn text(&self) -> String {
        let lines = self.lines.iter().chain([&self.line]);
        let texts = lines
            .map(|line| shown(line))
            .filter(|text| !text.is_empty());
        texts.collect::<Vec<_>>().join(" | ")
    }
}

fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.chars()
        .filter(|letter| !letter.is_control())
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_stay_whatever_comes() {
        let mut tail = Tail::default();
        let mut whole = Vec::new();
        for number in 0..2000 {
            whole.extend(tail.push(format!("line {number}\r\n\n").as_bytes()));
        }
        assert_eq!(whole.len(), 2000);
        tail.push(b"\x1b[31mno ");
        tail.push(b"end");
        let text = tail.text();
        assert_eq!(
            text,
            "line 1995 | line 1996 | line 1997 | line 1998 | line 1999 | [31mno end"
        );
        tail.push(&vec![b'x'; 1 << 20]);
        assert!(tail.line.len() <= LINE_BYTES && tail.line.capacity() <= 4 * LINE_BYTES);
    }
}
