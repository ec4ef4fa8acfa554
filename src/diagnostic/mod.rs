//! What is wrong with the input, as sentences for the person who has to change it.
//!
//! A [`Finding`] is about options, configuration or the project; it is found before anything is
//! touched, and all of them are shown together.

mod nearest;
mod place;

use std::fmt;

pub use nearest::did_you_mean;
pub use place::{Place, SourceText};

/// One thing that has to be changed before a run can start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable name of the rule: `plan::target_inside_source`.
    pub code: &'static str,
    /// One sentence without a final period: what is wrong with what.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where it stands, for what stands in a file.
    pub place: Option<Box<Place>>,
}

impl Finding {
    /// A finding without help.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: None,
            place: None,
        }
    }

    /// The same finding with a sentence that says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same finding with the place that it is about.
    #[must_use]
    pub fn with_place(mut self, place: Place) -> Self {
        self.place = Some(Box::new(place));
        self
    }
}

/// Orders findings as their lines stand in the file; those without a place come last.
pub fn sort_by_place(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| {
        let place = finding.place.as_ref();
        place.map_or((usize::MAX, 0), |place| (place.line, place.column))
    });
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        match &self.place {
            Some(place) if !place.can_be_shown() => write!(formatter, " ({})", place.position()),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Finding {}

impl miette::Diagnostic for Finding {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        let place = self.place.as_ref().filter(|place| place.can_be_shown())?;
        Some(&*place.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let place = self.place.as_ref().filter(|place| place.can_be_shown())?;
        let path = Some(place.path.clone()).filter(|path| !path.is_empty());
        let label = miette::LabeledSpan::new(path, place.span.start, place.span.len());
        Some(Box::new(std::iter::once(label)))
    }
}
