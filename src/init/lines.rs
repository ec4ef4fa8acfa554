//! Lines of the file: `key: value`, and comments that stand below one another.

use super::scalar::{PLAIN_KEY_LIMIT, in_comment, scalar};

/// From here on a comment does not move further to the right for one long key.
const WIDEST: usize = 40;

/// How many of several things a comment names.
const SHOWN: usize = 3;

/// A `key: value` with a comment behind it.
pub(super) struct Line {
    key: String,
    value: String,
    comment: String,
}

impl Line {
    /// `key` is any text; `value` is YAML; of `comment` only what a comment can hold is shown.
    pub(super) fn new(key: &str, value: impl Into<String>, comment: &str) -> Self {
        Self {
            key: scalar(key),
            value: value.into(),
            comment: in_comment(comment),
        }
    }

    fn left(&self, indent: &str) -> String {
        let Self { key, value, .. } = self;
        if key.len() > PLAIN_KEY_LIMIT {
            format!("{indent}? {key}\n{indent}: {value}")
        } else {
            format!("{indent}{key}: {value}")
        }
    }
}

/// The lines at `depth` levels, their comments aligned.
pub(super) fn lines(depth: usize, lines: &[Line]) -> String {
    let indent = "  ".repeat(depth);
    let lefts: Vec<String> = lines.iter().map(|line| line.left(&indent)).collect();
    let widths = lefts.iter().map(|left| left.chars().count());
    let widest = widths.filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let both = lefts.iter().zip(lines);
    let texts = both.map(|(left, line)| match line.comment.as_str() {
        "" => format!("{left}\n"),
        comment => format!("{left:widest$}  # {comment}\n"),
    });
    texts.collect()
}

/// The first few of several things, and how many more there are.
pub(super) fn some(things: &[String]) -> String {
    let shown = things.iter().take(SHOWN).cloned().collect::<Vec<_>>();
    match things.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_aligned_but_for_long_keys() {
        let long = "x".repeat(50);
        let text = lines(
            1,
            &[
                Line::new("data", "{}", "db:/data"),
                Line::new("c:d", "skip", ""),
                Line::new("uploads", "{}", "web:/up\nloads"),
                Line::new(&long, "{}", "far"),
            ],
        );
        let expected = format!(
            "  data: {{}}     # db:/data\n  \"c:d\": skip\n  uploads: {{}}  # web:/up\\u{{a}}loads\n  {long}: {{}}  # far\n"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_key_of_any_length_is_read_back() {
        let key = "k ".repeat(2000);
        let text = format!("map:\n{}", lines(1, &[Line::new(&key, "{}", "x")]));
        let read: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        assert!(read["map"][key].is_object());
    }

    #[test]
    fn of_many_things_three_are_named() {
        let things = |count: u32| (1..=count).map(|one| one.to_string()).collect::<Vec<_>>();
        assert_eq!(some(&things(3)), "1, 2, 3");
        assert_eq!(some(&things(5)), "1, 2, 3 and 2 more");
    }
}
