//! The grammar of `.env` files (compose-go, `dotenv`). Knows neither files nor precedence.
//!
//! A line that is wrong is reported and skipped; the rest is read.

use std::collections::BTreeMap;

use super::template::{self, Lookup, Problem};

/// How many problems of one file are reported.
const PROBLEM_LIMIT: usize = 100;

/// Variables of one file.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// Name to value, interpolated.
    pub(super) vars: BTreeMap<String, String>,
    /// Line, from 1, and what is wrong there.
    pub(super) problems: Vec<(u64, String)>,
}

/// Parses `text`. A value may refer to what `lookup` has, and to the file's earlier keys.
pub(super) fn parse<'a>(text: &str, lookup: &dyn Fn(&str) -> Lookup<'a>) -> Parsed {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser {
        text,
        at: 0,
        counted: (0, 1),
        lookup,
        parsed: Parsed::default(),
    };
    while parser.next_statement() {
        if let Err(message) = parser.statement() {
            parser.report(message);
            parser.skip_line();
        }
    }
    parser.parsed
}

struct Parser<'t, 'f, 'a> {
    text: &'t str,
    at: usize,
    /// A position whose line is known, and that line.
    counted: (usize, u64),
    lookup: &'f dyn Fn(&str) -> Lookup<'a>,
    parsed: Parsed,
}

impl<'t> Parser<'t, '_, '_> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn report(&mut self, message: String) {
        if self.parsed.problems.len() >= PROBLEM_LIMIT {
            return;
        }
        let (from, line) = self.counted;
        let passed = self.text[from..self.at].matches('\n').count() as u64;
        self.counted = (self.at, line + passed);
        self.parsed.problems.push((line + passed, message));
    }

    /// Moves behind the end of the line.
    fn skip_line(&mut self) {
        self.at += self
            .rest()
            .find('\n')
            .map_or(self.rest().len(), |at| at + 1);
    }

    /// Moves to the next statement; false at the end.
    fn next_statement(&mut self) -> bool {
        loop {
            self.at = self.text.len() - self.rest().trim_start().len();
            if !self.rest().starts_with('#') {
                return !self.rest().is_empty();
            }
            self.skip_line();
        }
    }

    /// Reads one statement. On an error the position is still at or in it.
    fn statement(&mut self) -> Result<(), String> {
        if let Some(after) = self.rest().strip_prefix("export")
            && after.starts_with(is_blank)
        {
            self.at = self.text.len() - after.trim_start_matches(is_blank).len();
        }
        let (key, separator) = self.key()?;
        if separator == Some('\n') || separator.is_none() {
            if let Lookup::Set(value) = (self.lookup)(&key) {
                self.parsed.vars.insert(key, value.to_owned());
            }
            return Ok(());
        }
        self.at = self.text.len() - self.rest().trim_start_matches(is_blank).len();
        let value = self.value()?;
        // Compose reads keys that start with a digit, and drops them.
        if !key.starts_with(|c: char| c.is_ascii_digit()) {
            self.parsed.vars.insert(key, value);
        }
        Ok(())
    }

    /// The key and what ends it; the position is behind that.
    fn key(&mut self) -> Result<(String, Option<char>), String> {
        let rest = self.rest();
        let is_key = |c: char| c.is_alphanumeric() || "_.-[]".contains(c);
        let end = rest
            .find(|c| !is_key(c) && !is_blank(c))
            .unwrap_or(rest.len());
        let separator = rest[end..].chars().next();
        let key = rest[..end].trim_end();
        match separator {
            Some('=' | ':' | '\n') | None => {}
            Some(other) => return Err(format!("unexpected character `{other}` in a name")),
        }
        if key.contains(is_blank) || key.is_empty() {
            return Err("a name cannot be empty or contain a space".to_owned());
        }
        self.at += end + separator.map_or(0, char::len_utf8);
        Ok((key.to_owned(), separator))
    }

    /// The value at the position; the position is behind it.
    fn value(&mut self) -> Result<String, String> {
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            let line = rest.split('\n').next().unwrap_or_default();
            let value = line.split(" #").next().unwrap_or_default().trim_end();
            let value = self.interpolate(value);
            self.at += line.len();
            return Ok(value);
        };
        let Some(end) = closing_quote(rest, quote) else {
            return Err("a quoted value has no end".to_owned());
        };
        let inner = &rest[1..end];
        let value = if quote == '"' {
            self.interpolate(&unescape(inner))
        } else {
            inner.replace("\\'", "'")
        };
        self.at += end + 1;
        Ok(value)
    }

    fn interpolate(&mut self, value: &str) -> String {
        let vars = &self.parsed.vars;
        let expanded = template::expand(value, &|name| match (self.lookup)(name) {
            Lookup::Unset => vars
                .get(name)
                .map_or(Lookup::Unset, |value| Lookup::Set(value)),
            known => known,
        });
        for problem in &expanded.problems {
            self.report(describe(problem));
        }
        expanded.text
    }
}

/// A [`Problem`] as the sentence of a warning.
pub(super) fn describe(problem: &Problem) -> String {
    match problem {
        Problem::Unset(name) => format!("the variable `{name}` is not set; it counts as empty"),
        Problem::Invalid(text) => {
            format!("`{text}` is no valid interpolation; it is kept as it is")
        }
        Problem::Required { name, message } if message.is_empty() => {
            format!("the required variable `{name}` has no value")
        }
        Problem::Required { name, message } => {
            format!("the required variable `{name}` has no value: {message}")
        }
        Problem::NotText(name) => format!("the value of the variable `{name}` is not UTF-8"),
        Problem::TooLong => "interpolation makes this value too long".to_owned(),
    }
}

/// White space that does not end a line.
fn is_blank(c: char) -> bool {
    c != '\n' && c.is_whitespace()
}

/// Where the quote closes that opens `text`.
fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

/// Resolves the escapes of a double-quoted value. `\$` becomes `$$`, which interpolation turns into
/// a plain `$`; an escape that is none stays as it is.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else {
            out.push('\\');
            break;
        };
        rest = &rest[c.len_utf8()..];
        match c {
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\u{b}'),
            '"' => out.push('"'),
            '\\' => out.push('\\'),
            '$' => out.push_str("$$"),
            '0' => {
                let digits =
                    rest.len() - rest.trim_start_matches(|c| ('0'..='7').contains(&c)).len();
                let (octal, tail) = rest.split_at(digits.min(3));
                let code = u8::from_str_radix(octal, 8).unwrap_or(0);
                out.push(char::from(code));
                rest = tail;
            }
            other => out.extend(['\\', other]),
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The environment has `HOST=h` and `EMPTY` empty.
    fn run(text: &str) -> Parsed {
        parse(text, &|name| match name {
            "HOST" => Lookup::Set("h"),
            "EMPTY" => Lookup::Set(""),
            _ => Lookup::Unset,
        })
    }

    #[test]
    fn the_grammar() {
        for (text, key, expected) in [
            ("A=b", "A", "b"),
            ("A = b ", "A", "b"),
            ("A: b", "A", "b"),
            ("\u{feff}A=b", "A", "b"),
            ("  export  A=b\n", "A", "b"),
            ("exportA=b", "exportA", "b"),
            ("# c\n\nA=b\n", "A", "b"),
            ("A=b # c", "A", "b"),
            ("A=b#c", "A", "b#c"),
            ("A=#c", "A", "#c"),
            ("A=", "A", ""),
            ("A=\nB=c", "A", ""),
            ("A=\r\nB=c\r\n", "B", "c"),
            ("A=x y", "A", "x y"),
            ("A.b-c[0]=d", "A.b-c[0]", "d"),
            ("HOST\nA=b", "HOST", "h"),
            ("HOST", "HOST", "h"),
            ("A=$HOST", "A", "h"),
            ("A=1\nB=${A}2", "B", "12"),
            ("A=$$x", "A", "$x"),
            ("A='$HOST # \\n'", "A", "$HOST # \\n"),
            ("A='it\\'s'", "A", "it's"),
            ("A='a\nb'\nB=c", "A", "a\nb"),
            ("A='a\nb'\nB=c", "B", "c"),
            ("A=\"a\\tb\\\"c\\\\d\\$HOST$HOST\"", "A", "a\tb\"c\\d$HOSTh"),
            ("A=\"a\nb\" # c\nB=d", "A", "a\nb"),
            ("A=\"a\" # c\nB=d", "B", "d"),
            ("A=\"\\0101\\q\"", "A", "A\\q"),
            ("A=${U:-d}", "A", "d"),
        ] {
            let got = run(text);
            assert_eq!(
                got.vars.get(key).map(String::as_str),
                Some(expected),
                "{text:?}"
            );
            assert_eq!(got.problems, [], "{text:?}");
        }
    }

    #[test]
    fn what_is_left_out() {
        for (text, key) in [
            ("UNSET\nA=b", "UNSET"),
            ("1A=b", "1A"),
            ("#A=b", "A"),
            ("", ""),
        ] {
            assert!(!run(text).vars.contains_key(key), "{text:?}");
        }
    }

    #[test]
    fn a_wrong_line_is_reported_and_skipped() {
        for (text, line) in [
            ("A=b\n%=c\nB=d\n", 2),
            ("A B=c\nB=d", 1),
            ("\n\n=c\nB=d", 3),
            ("A=\"b\nB=d", 1),
            ("A=$U\nB=d", 1),
        ] {
            let got = run(text);
            assert_eq!(got.problems.len(), 1, "{text:?}: {:?}", got.problems);
            assert_eq!(got.problems[0].0, line, "{text:?}");
            assert_eq!(got.vars.get("B").map(String::as_str), Some("d"), "{text:?}");
        }
    }

    #[test]
    fn arbitrary_text_never_panics() {
        proptest::proptest!(|(text in "[\\$\\{\\}A-Zü=:\"'\\\\0# \n\r-]{0,40}")| { run(&text); });
    }
}
