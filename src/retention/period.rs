//! Hours, days, weeks, months and years of UTC.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A length of time that a policy counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// An hour.
    Hourly,
    /// A day.
    Daily,
    /// A week of ISO 8601, which begins on Monday.
    Weekly,
    /// A month.
    Monthly,
    /// A year.
    Yearly,
}

impl Period {
    /// Every period, the shortest first.
    pub const ALL: [Self; 5] = [
        Self::Hourly,
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Yearly,
    ];

    /// Two moments are of the same period if, and only if, this is the same.
    pub(super) fn of(self, time: Timestamp) -> (i16, i16, i8) {
        let time = time.to_zoned(TimeZone::UTC).datetime();
        let week = || time.date().iso_week_date();
        match self {
            Self::Hourly => (time.year(), time.date().day_of_year(), time.hour()),
            Self::Daily => (time.year(), time.date().day_of_year(), 0),
            Self::Weekly => (week().year(), week().week().into(), 0),
            Self::Monthly => (time.year(), time.month().into(), 0),
            Self::Yearly => (time.year(), 0, 0),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        })
    }
}
