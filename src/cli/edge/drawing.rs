//! How an error or a finding looks on standard error: its sentence, causes, place and help.

use std::error::Error;
use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, JSONReportHandler, LabeledSpan, SourceCode,
};

use super::{CommandError, causes};
use crate::cli::args::{LogFormat, Talk};
use crate::cli::talk::{colored, mark, say};

/// Prints one diagnostic: in words, or as JSON for machines.
pub(super) fn show(diagnostic: &dyn Diagnostic, talk: &Talk) {
    let mut text = String::new();
    match talk.log_format {
        LogFormat::Json => {
            let rendered = JSONReportHandler::new().render_report(&mut text, diagnostic);
            // A diagnostic that cannot be drawn still has its sentence.
            if rendered.is_err() {
                text = diagnostic.to_string();
            }
        }
        LogFormat::Text => text = in_words(diagnostic, colored(talk)),
    }
    say(text.trim_end());
}

/// `error:` and the sentence, its causes, the lines of a file that it is about, `help:`.
fn in_words(diagnostic: &dyn Diagnostic, colored: bool) -> String {
    let mut text = format!("{} {diagnostic}\n", mark("error", colored));
    for cause in causes(diagnostic) {
        text.push_str(&format!("  because: {cause}\n"));
    }
    text.push_str(&excerpt(diagnostic, colored));
    if let Some(help) = diagnostic.help() {
        text.push_str(&format!("{} {help}\n", mark("help", colored)));
    }
    text
}

/// The lines of the file, with marks under what is meant.
fn excerpt(diagnostic: &dyn Diagnostic, colored: bool) -> String {
    if diagnostic.source_code().is_none() {
        return String::new();
    }
    let theme = if colored {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::none()
    };
    let mut drawn = String::new();
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false);
    match handler.render_report(&mut drawn, &Excerpt(diagnostic)) {
        // Its first line would be the sentence, which is told already.
        Ok(()) => drawn
            .lines()
            .skip(1)
            .map(|line| format!("{}\n", line.trim_end()))
            .collect(),
        Err(_) => String::new(),
    }
}

/// An error of another layer with the help that belongs to it here.
#[derive(Debug)]
pub(super) struct Shown<'a>(pub(super) &'a CommandError);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Error for Shown<'_> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.0.code()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0
            .help()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
}

/// A diagnostic of which only its place is drawn.
#[derive(Debug)]
struct Excerpt<'a>(&'a dyn Diagnostic);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl Error for Excerpt<'_> {}

impl Diagnostic for Excerpt<'_> {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes_and_help_in_one_style() {
        let error = CommandError::Spool {
            dir: "/x".into(),
            source: std::io::Error::from_raw_os_error(28),
        };
        assert_eq!(
            in_words(&Shown(&error), false),
            "error: cannot make temporary files in `/x`\n  \
         because: No space left on device (os error 28)\n\
         help: name a folder on a disk with room in COMPOSE_DUMP_SPOOL__DIR or TMPDIR\n"
        );
    }
}
