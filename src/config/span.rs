//! Lengths of time as people write them: `30s`, `10m`, `1h 30m`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

/// A length of time, in humantime's words: `3m` is three minutes, `3M` three months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl Span {
    /// Reads a length of time.
    ///
    /// # Errors
    /// A sentence that says what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text.trim()).map(Self).map_err(|_| {
            format!("`{text}` is no length of time; write a number with a unit: `30s`, `10m`, `1h 30m`")
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written_with_units() {
        for (text, seconds) in [("30s", 30), ("1h 30m", 5400), ("0s", 0), ("2days", 172_800)] {
            assert_eq!(
                Span::parse(text),
                Ok(Span(Duration::from_secs(seconds))),
                "{text}"
            );
        }
        for text in ["", "30", "-1s", "soon"] {
            assert!(
                Span::parse(text).is_err_and(|said| said.contains("no length")),
                "{text}"
            );
        }
        assert_eq!(Span(Duration::from_secs(5400)).to_string(), "1h 30m");
    }
}
