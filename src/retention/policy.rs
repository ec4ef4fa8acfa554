//! What is kept: `keep` of a target, as the job file has it.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Period;

/// What `within` has to be at least.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How many dumps are kept, and which. Each rule counts by itself, and a dump stays if one keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// So many of the newest.
    pub last: Option<u32>,
    /// All that are at most so much older than the newest.
    pub within: Option<Within>,
    /// The newest of each of so many hours that have one.
    pub hourly: Option<u32>,
    /// The newest of each of so many days that have one.
    pub daily: Option<u32>,
    /// The newest of each of so many weeks that have one.
    pub weekly: Option<u32>,
    /// The newest of each of so many months that have one.
    pub monthly: Option<u32>,
    /// The newest of each of so many years that have one.
    pub yearly: Option<u32>,
}

impl Policy {
    /// How many periods of that kind have a place.
    pub(super) fn places(&self, period: Period) -> Option<u32> {
        match period {
            Period::Hourly => self.hourly,
            Period::Daily => self.daily,
            Period::Weekly => self.weekly,
            Period::Monthly => self.monthly,
            Period::Yearly => self.yearly,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.last.map(|count| format!("last {count}")));
        words.extend(self.within.map(|within| format!("within {within}")));
        for period in Period::ALL {
            words.extend(self.places(period).map(|count| format!("{period} {count}")));
        }
        formatter.write_str(&words.join(", "))
    }
}

/// A length of time that is a day at least: `90d`, `3M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Within(Duration);

/// A text is no such length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WithinError {
    /// It is no length of time at all.
    #[error("`{}` is no length of time", .text.escape_debug())]
    Form {
        /// What was written.
        text: String,
    },
    /// It is shorter than a day: most likely minutes that were meant to be months.
    #[error("`{}` is {}, and `within` has to be a day at least", .text.escape_debug(), humantime::format_duration(*.length))]
    TooShort {
        /// What was written.
        text: String,
        /// What it means.
        length: Duration,
    },
}

impl WithinError {
    /// What a user can do about it.
    #[must_use]
    pub fn help(&self) -> String {
        let example = "write a number with a unit: `90d`, `12w`, `6M`, `1y`";
        match self {
            Self::Form { .. } => example.to_owned(),
            Self::TooShort { text, .. } => {
                let number: String = text.chars().take_while(char::is_ascii_digit).collect();
                match text.strip_prefix(&*number) {
                    Some("m") => {
                        format!("`m` are minutes; months are `M`: write `{number}M`, or {example}")
                    }
                    _ => format!("{example}; `last` keeps a number of dumps whatever their age"),
                }
            }
        }
    }
}

impl Within {
    /// Reads a length of time as humantime writes it.
    ///
    /// # Errors
    /// When it is none, or shorter than a day.
    pub fn parse(text: &str) -> Result<Self, WithinError> {
        let text = text.to_owned();
        match humantime::parse_duration(&text) {
            Err(_) => Err(WithinError::Form { text }),
            Ok(length) if length < DAY => Err(WithinError::TooShort { text, length }),
            Ok(length) => Ok(Self(length)),
        }
    }

    /// The moment so long before `time`, or the first one that there is.
    pub(super) fn before(self, time: Timestamp) -> Timestamp {
        SignedDuration::try_from(self.0)
            .ok()
            .and_then(|length| time.checked_sub(length).ok())
            .unwrap_or(Timestamp::MIN)
    }
}

impl TryFrom<String> for Within {
    type Error = WithinError;

    fn try_from(text: String) -> Result<Self, WithinError> {
        Self::parse(&text)
    }
}

impl From<Within> for String {
    fn from(within: Within) -> Self {
        within.to_string()
    }
}

impl fmt::Display for Within {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = humantime::format_duration(self.0).to_string();
        formatter.write_str(&text.replace(' ', ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_a_day_at_least() {
        assert_eq!(Within::parse("90d").map(|within| within.0), Ok(90 * DAY));
        assert_eq!(Within::parse("1d").map(|within| within.0), Ok(DAY));
        let again = |text: &str| Within::parse(text).map(|within| within.to_string());
        assert_eq!(again("36h"), Ok("1day12h".to_owned()));
        assert_eq!(again(&again("6M").unwrap_or_default()), again("6M"));
        let help = |text: &str| Within::parse(text).map_err(|error| error.help());
        assert!(help("3m").is_err_and(|help| help.contains("write `3M`")));
        assert!(help("23h").is_err_and(|help| help.contains("`last` keeps")));
        for text in ["", "90", "soon", "-3d"] {
            let form = Err(WithinError::Form {
                text: text.to_owned(),
            });
            assert_eq!(Within::parse(text), form);
        }
    }

    #[test]
    fn no_length_of_time_is_too_long() {
        let ages = Within::parse("500000y").map(|within| within.before(Timestamp::UNIX_EPOCH));
        assert_eq!(ages, Ok(Timestamp::MIN));
    }
}
