//! Bytes as text on one line, and back: how names appear in index lines and messages.
//!
//! UTF-8 stays as it is. A backslash is `\\`, a tab `\t`, a newline `\n`; every other control
//! character, every mark that turns the direction of text, and every byte that is not UTF-8 is `\xHH` with two lower-case hexadecimal digits.

use std::fmt;

/// The text of any bytes. [`unescape`] takes it back.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    display(bytes).to_string()
}

/// As [`escape`], to be formatted without a copy.
#[must_use]
pub fn display(bytes: &[u8]) -> impl fmt::Display {
    Escaped { bytes, is_escaped }
}

/// Text that is escaped already, or made for people, and may come from a forged dump: what deceives is escaped, a
/// backslash stays.
#[must_use]
pub fn once(text: &str) -> String {
    let escaped = Escaped {
        bytes: text.as_bytes(),
        is_escaped: deceives,
    };
    escaped.to_string()
}

struct Escaped<'a> {
    bytes: &'a [u8],
    is_escaped: fn(char) -> bool,
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.bytes.utf8_chunks() {
            let mut rest = part.valid();
            // Names rarely have anything to escape: what lies between is written in one piece.
            while let Some((at, character)) =
                rest.char_indices().find(|(_, c)| (self.is_escaped)(*c))
            {
                f.write_str(&rest[..at])?;
                match character {
                    '\\' => f.write_str("\\\\")?,
                    '\t' => f.write_str("\\t")?,
                    '\n' => f.write_str("\\n")?,
                    deceiving => write_hex(f, deceiving.encode_utf8(&mut [0; 4]).as_bytes())?,
                }
                rest = &rest[at + character.len_utf8()..];
            }
            f.write_str(rest)?;
            write_hex(f, part.invalid())?;
        }
        Ok(())
    }
}

fn is_escaped(character: char) -> bool {
    character == '\\' || deceives(character)
}

/// Control characters, and those that change the direction of the text around them: a file name must
/// not be able to rewrite the line that tells of it.
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
}

/// The bytes that [`escape`] made `text` of; `None` if it contains a backslash that says nothing.
#[must_use]
pub fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'\\' => b'\\',
            b't' => b'\t',
            b'n' => b'\n',
            b'x' => hex_digit(*rest.next()?)? << 4 | hex_digit(*rest.next()?)?,
            _ => return None,
        });
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_break_a_line_or_a_terminal_is_escaped() {
        assert_eq!(escape(b"a\tb\nc\\d"), r"a\tb\nc\\d");
        assert_eq!(escape(b"\x1b[31m\x7f\xff\x00"), r"\x1b[31m\x7f\xff\x00");
        assert_eq!(escape("naïve \u{9b}".as_bytes()), "naïve \\xc2\\x9b");
    }

    #[test]
    fn what_is_escaped_stays_as_it_is() {
        assert_eq!(once(&escape(b"a\tb\xff")), r"a\tb\xff");
        assert_eq!(once("a\u{1b}[31m\\"), r"a\x1b[31m\");
    }

    #[test]
    fn a_lone_backslash_is_refused() {
        assert_eq!(unescape(br"a\"), None);
        assert_eq!(unescape(br"a\q"), None);
        assert_eq!(unescape(br"a\x1"), None);
    }

    proptest! {
        #[test]
        fn comes_back(bytes: Vec<u8>) {
            let text = escape(&bytes);
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert_eq!(unescape(text.as_bytes()), Some(bytes));
        }
    }
}
