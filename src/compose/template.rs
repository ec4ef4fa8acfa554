//! Compose's interpolation grammar (compose-go, `template`). Knows nothing of YAML or of where
//! variables come from.
//!
//! Nothing fails: an expression that cannot be resolved stays as it is written, and is reported.

/// How deep defaults may be nested in defaults.
const DEPTH_LIMIT: u32 = 32;
/// How long a result may get, in bytes: values may hold values (`.env`), which grows exponentially.
const LENGTH_LIMIT: usize = 1 << 20;

/// What a variable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup<'a> {
    /// Set, maybe to nothing.
    Set(&'a str),
    /// Not set.
    Unset,
    /// Set to bytes that are no text.
    NotText,
}

/// Something that the text says and that could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// A variable without a default is not set; it became nothing.
    Unset(String),
    /// Not an expression of the grammar; left as it is.
    Invalid(String),
    /// `${NAME:?message}` without a value; left as it is.
    Required {
        /// The variable.
        name: String,
        /// The message, interpolated.
        message: String,
    },
    /// The variable's value is not UTF-8; the expression is left as it is.
    NotText(String),
    /// The result would get too long; the rest is left as it is.
    TooLong,
}

/// An interpolated text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    /// The text.
    pub(super) text: String,
    /// What could not be done.
    pub(super) problems: Vec<Problem>,
}

/// Replaces `$NAME`, `${NAME}` and `${NAME<operator>word}` in `template`.
pub(super) fn expand<'a>(template: &str, lookup: &dyn Fn(&str) -> Lookup<'a>) -> Expanded {
    let mut expander = Expander {
        lookup,
        problems: Vec::new(),
    };
    let text = expander.expand(template, 0);
    Expanded {
        text,
        problems: expander.problems,
    }
}

struct Expander<'f, 'a> {
    lookup: &'f dyn Fn(&str) -> Lookup<'a>,
    problems: Vec<Problem>,
}

impl Expander<'_, '_> {
    fn expand(&mut self, template: &str, depth: u32) -> String {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            if out.len() > LENGTH_LIMIT {
                self.problems.push(Problem::TooLong);
                break;
            }
            let after = &rest[1..];
            if let Some(tail) = after.strip_prefix('$') {
                out.push('$');
                rest = tail;
            } else if after.starts_with('{') {
                let Some(end) = closing_brace(rest) else {
                    self.problems.push(Problem::Invalid(excerpt(rest)));
                    break;
                };
                let (expression, tail) = rest.split_at(end + 1);
                let value = self.braced(&expression[2..end], depth);
                out.push_str(value.as_deref().unwrap_or(expression));
                rest = tail;
            } else {
                let name = name_prefix(after);
                let (expression, tail) = rest.split_at(1 + name.len());
                // `$` before anything else is itself.
                let value = if name.is_empty() {
                    None
                } else {
                    self.plain(name)
                };
                out.push_str(value.as_deref().unwrap_or(expression));
                rest = tail;
            }
        }
        out.push_str(rest);
        out
    }

    /// The value of `${inner}`; `None` leaves the expression as it is.
    fn braced(&mut self, inner: &str, depth: u32) -> Option<String> {
        let name = name_prefix(inner);
        let operation = &inner[name.len()..];
        if name.is_empty() || depth >= DEPTH_LIMIT {
            return self.invalid(inner);
        }
        if operation.is_empty() {
            return self.plain(name);
        }
        // With a colon, an empty value counts as none.
        let (colon, operation) = match operation.strip_prefix(':') {
            Some(operation) => (true, operation),
            None => (false, operation),
        };
        let Some(operator) = operation.chars().next().filter(|c| "-+?".contains(*c)) else {
            return self.invalid(inner);
        };
        let word = &operation[1..];
        let value = match (self.lookup)(name) {
            Lookup::Set(value) if colon && value.is_empty() => None,
            Lookup::Set(value) => Some(value.to_owned()),
            Lookup::Unset => None,
            Lookup::NotText => {
                self.problems.push(Problem::NotText(name.to_owned()));
                return None;
            }
        };
        match (operator, value) {
            ('+', Some(_)) | ('-', None) => Some(self.expand(word, depth + 1)),
            ('+', None) => Some(String::new()),
            (_, Some(value)) => Some(value),
            (_, None) => {
                let message = self.expand(word, depth + 1);
                self.problems.push(Problem::Required {
                    name: name.to_owned(),
                    message,
                });
                None
            }
        }
    }

    /// The value of `$name`.
    fn plain(&mut self, name: &str) -> Option<String> {
        match (self.lookup)(name) {
            Lookup::Set(value) => Some(value.to_owned()),
            Lookup::Unset => {
                self.problems.push(Problem::Unset(name.to_owned()));
                Some(String::new())
            }
            Lookup::NotText => {
                self.problems.push(Problem::NotText(name.to_owned()));
                None
            }
        }
    }

    fn invalid(&mut self, inner: &str) -> Option<String> {
        self.problems
            .push(Problem::Invalid(excerpt(&format!("${{{inner}}}"))));
        None
    }
}

/// The longest variable name at the start of `text`.
fn name_prefix(text: &str) -> &str {
    let end = text
        .char_indices()
        .find(|(at, c)| !(*c == '_' || c.is_ascii_alphabetic() || (*at > 0 && c.is_ascii_digit())))
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// Where the brace closes that opens at the second byte of `text`. Every brace counts, so that a
/// default may hold balanced braces of its own; where they are not balanced, only those of nested
/// expressions count, as in older versions of Compose.
fn closing_brace(text: &str) -> Option<usize> {
    let (mut open, mut expressions) = (0_u32, 0_u32);
    let mut candidate = None;
    let mut previous = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte == b'{' {
            open += 1;
            expressions += u32::from(previous == b'$');
        } else if byte == b'}' {
            open -= 1;
            expressions = expressions.saturating_sub(1);
            if open == 0 {
                return Some(at);
            }
            if expressions == 0 {
                candidate = candidate.or(Some(at));
            }
        }
        previous = byte;
    }
    candidate
}

/// At most 40 characters of `text`, for a message.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// `V=v`, `E` is empty, `B` is not text, everything else is unset.
    fn run(template: &str) -> Expanded {
        expand(template, &|name| match name {
            "V" => Lookup::Set("v"),
            "E" => Lookup::Set(""),
            "B" => Lookup::NotText,
            _ => Lookup::Unset,
        })
    }

    #[test]
    fn the_grammar() {
        for (template, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("$V", "v"),
            ("${V}", "v"),
            ("a$V-b", "av-b"),
            ("$$V", "$V"),
            ("$$$V", "$v"),
            ("$1", "$1"),
            ("a$", "a$"),
            ("$ V", "$ V"),
            ("${E}", ""),
            ("${V:-d}", "v"),
            ("${E:-d}", "d"),
            ("${U:-d}", "d"),
            ("${V-d}", "v"),
            ("${E-d}", ""),
            ("${U-d}", "d"),
            ("${V:+w}", "w"),
            ("${E:+w}", ""),
            ("${U:+w}", ""),
            ("${V+w}", "w"),
            ("${E+w}", "w"),
            ("${U+w}", ""),
            ("${V:?m}", "v"),
            ("${E?m}", ""),
            ("${U:-${E:-x}}y", "xy"),
            ("${U:-${E:-${V}}}", "v"),
            ("${U:-a:b}", "a:b"),
            ("${U:-a?b}", "a?b"),
            ("${U:-{\"a\": {}}}", "{\"a\": {}}"),
            ("${U:-{}a", "{a"),
            ("${U:-$$}", "$"),
            ("$V$V", "vv"),
            ("/x/${V}/y:/z", "/x/v/y:/z"),
            ("ü${V}ü", "üvü"),
        ] {
            let got = run(template);
            assert_eq!(got.text, expected, "{template}");
            assert_eq!(got.problems, [], "{template}");
        }
    }

    #[test]
    fn what_cannot_be_done_stays_and_is_reported() {
        let invalid = |text: &str| Problem::Invalid(text.to_owned());
        let required = |name: &str, message: &str| Problem::Required {
            name: name.to_owned(),
            message: message.to_owned(),
        };
        for (template, expected, problem) in [
            ("a$U", "a", Problem::Unset("U".into())),
            ("a${U}b", "ab", Problem::Unset("U".into())),
            ("${", "${", invalid("${")),
            ("a${V", "a${V", invalid("${V")),
            ("${}$V", "${}v", invalid("${}")),
            ("${1}$V", "${1}v", invalid("${1}")),
            ("${V!}", "${V!}", invalid("${V!}")),
            ("${V:}", "${V:}", invalid("${V:}")),
            ("${U:?no $V}/x", "${U:?no $V}/x", required("U", "no v")),
            ("${E:?}", "${E:?}", required("E", "")),
            ("${U?m}", "${U?m}", required("U", "m")),
            ("$B/$V", "$B/v", Problem::NotText("B".into())),
            ("${B:-x}", "${B:-x}", Problem::NotText("B".into())),
        ] {
            let got = run(template);
            assert_eq!(got.text, expected, "{template}");
            assert_eq!(got.problems, [problem], "{template}");
        }
    }

    #[test]
    fn nesting_and_growth_are_bounded() {
        let deep = format!("{}{}", "${U:-".repeat(10_000), "}".repeat(10_000));
        assert_eq!(run(&deep).problems.len(), 1);
        let long = "x".repeat(100_000);
        let many = "$L".repeat(1_000_000);
        let got = expand(&many, &|_| Lookup::Set(&long));
        assert_eq!(got.problems, [Problem::TooLong]);
        assert!(got.text.len() < 4 << 20);
    }

    #[test]
    fn arbitrary_text_never_panics() {
        proptest::proptest!(|(template in "[\\$\\{\\}:?+\\-A-Zü1_ ]{0,40}")| { run(&template); });
    }
}
