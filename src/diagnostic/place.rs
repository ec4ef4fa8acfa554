//! Where in a text something stands.

use std::ops::Range;
use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// The longest line, in bytes, that is shown: no hostile file floods a terminal.
const LONGEST_LINE: usize = 400;

/// A text with the name that it is known by.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceText {
    /// As it was given: a path, or `<stdin>`.
    pub name: String,
    /// The text.
    pub text: String,
}

impl SourceCode for SourceText {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let part = self.text.read_span(span, before, after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            part.data(),
            *part.span(),
            part.line(),
            part.column(),
            part.line_count(),
        )))
    }
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub source: Arc<SourceText>,
    /// The part, in bytes.
    pub span: Range<usize>,
    /// Where it starts: the line, from 1.
    pub line: usize,
    /// Where it starts in its line: the character, from 1.
    pub column: usize,
    /// The keys that lead to it: `volumes.cache`; empty for the whole text.
    pub path: String,
}

impl Place {
    /// The part of `source` that starts at that line and column, from 1. What lies behind the end
    /// of the line or the text is taken for that end.
    #[must_use]
    pub fn new(source: &Arc<SourceText>, (line, column): (usize, usize), path: String) -> Self {
        let line_start = start_of_line(&source.text, line);
        let rest = source.text[line_start..].lines().next().unwrap_or_default();
        let within = rest
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(rest.len(), |(at, _)| at);
        let start = line_start + within;
        let length = token(&rest[within..]);
        Self {
            source: Arc::clone(source),
            span: start..start + length,
            line,
            column,
            path,
        }
    }

    /// `line 3, column 7`.
    #[must_use]
    pub fn position(&self) -> String {
        format!("line {}, column {}", self.line, self.column)
    }

    /// Whether its line may be printed: it is not too long and holds nothing that a terminal obeys, nor what may be
    /// a secret.
    #[must_use]
    pub fn can_be_shown(&self) -> bool {
        let text = &self.source.text;
        let near = |line: usize| text[start_of_line(text, line)..].lines().next();
        // The line before and the line after are shown, too.
        [self.line.saturating_sub(1).max(1), self.line, self.line + 1]
            .into_iter()
            .filter_map(near)
            .all(|line| {
                line.len() <= LONGEST_LINE
                    && line.chars().all(|c| c == '\t' || !c.is_control())
                    && !may_hold_secret(line)
            })
    }
}

/// Whether a line gives a password in a URL, or a value to a key whose name sounds like a secret, however it is
/// spelled. A variable (`${NAME}`), and the name of a file that holds it, are none.
fn may_hold_secret(line: &str) -> bool {
    let mut urls = line.split("://").skip(1);
    let in_url = urls.any(|rest| {
        let ends = |c: char| c.is_whitespace() || "/?#'\"".contains(c);
        rest.split(ends)
            .next()
            .is_some_and(|authority| authority.contains('@'))
    });
    let is_in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut pairs = line.match_indices(": ").map(|(at, _)| line.split_at(at));
    in_url
        || pairs.any(|(before, after)| {
            let key = before.trim_end_matches(['"', '\'']);
            let key = key.rsplit(|c| !is_in_word(c)).next().unwrap_or_default();
            let value = after[1..].trim_start_matches([' ', '"', '\'']);
            sounds_secret(&key.to_lowercase()) && !value.is_empty() && !value.starts_with('$')
        })
}

fn sounds_secret(key: &str) -> bool {
    let sounds = ["secret", "token", "passw", "sas_"];
    let is_key = key.contains("key") && !key.contains("key_id");
    !key.ends_with("_file") && (is_key || sounds.iter().any(|word| key.contains(word)))
}

/// Where the line with that number, from 1, starts.
fn start_of_line(text: &str, line: usize) -> usize {
    text.split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum()
}

/// How many bytes of a line the YAML word at its start has; what is not a word is one character.
fn token(rest: &str) -> usize {
    let Some(first) = rest.chars().next() else {
        return 0;
    };
    let quoted = |quote: char| rest[1..].find(quote).map(|end| end + 2);
    let plain = || {
        let ends = [": ", " #", ", ", "]", "}"];
        let end = ends.iter().filter_map(|end| rest.find(end)).min();
        let word = rest[..end.unwrap_or(rest.len())].trim_end();
        word.strip_suffix(':').unwrap_or(word).len()
    };
    let length = match first {
        '"' | '\'' => quoted(first).unwrap_or(rest.len()),
        '[' | '{' => 1,
        _ => plain(),
    };
    length.max(first.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, at: (usize, usize)) -> String {
        let source = Arc::new(SourceText {
            name: "x".to_owned(),
            text: text.to_owned(),
        });
        let place = Place::new(&source, at, String::new());
        source.text[place.span].to_owned()
    }

    #[test]
    fn the_word_at_a_position_is_found() {
        let text = "a: b c # d\n\"ü x\": ['y', z]\nlast:\n";
        assert_eq!(word(text, (1, 1)), "a");
        assert_eq!(word(text, (1, 4)), "b c");
        assert_eq!(word(text, (2, 1)), "\"ü x\"");
        assert_eq!(word(text, (2, 9)), "'y'");
        assert_eq!(word(text, (2, 14)), "z");
        assert_eq!(word(text, (3, 1)), "last");
        assert_eq!(word(text, (9, 9)), "");
    }

    #[test]
    fn a_line_that_a_terminal_would_obey_or_that_may_be_secret_is_not_shown() {
        for (text, shown) in [
            ("a: b".to_owned(), true),
            ("a: \u{1b}[2J".to_owned(), false),
            ("x".repeat(LONGEST_LINE + 1), false),
            ("url: 's3://key:secret@bucket/x'".to_owned(), false),
            ("endpoint: https://h/p@q".to_owned(), true),
            ("{secret_acces_key: x}".to_owned(), false),
            ("'account_key': \"x\"".to_owned(), false),
            ("a: b\nsas_token: x".to_owned(), false),
            ("secret_access_key: ${KEY}".to_owned(), true),
            ("secret_access_key_file: x".to_owned(), true),
            ("acces_key_id: x".to_owned(), true),
            ("account_key:".to_owned(), true),
        ] {
            let source = Arc::new(SourceText {
                name: "x".to_owned(),
                text,
            });
            let place = Place::new(&source, (1, 1), String::new());
            assert_eq!(place.can_be_shown(), shown, "{}", source.text);
        }
    }
}
