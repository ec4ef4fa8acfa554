//! The one place where an error becomes a sentence, its causes, help and an exit code.

mod drawing;
mod error;
mod verdict;

use std::error::Error;

use serde_json::{Value, json};

use super::args::Talk;
use super::finding_row::Row;
use super::talk::print_json;
use crate::diagnostic::Finding;
use crate::exit::Exit;

use drawing::{Shown, show};
pub(super) use error::CommandError;

/// Tells the error and gives its exit code: in words on standard error, and with `--json` as one
/// document on standard output too.
pub(super) fn tell(error: &CommandError, talk: &Talk, json: bool) -> Exit {
    match error {
        CommandError::Findings(findings) => findings.iter().for_each(|finding| show(finding, talk)),
        other => show(&Shown(other), talk),
    }
    if json {
        // Whoever reads it has the exit code as well, and standard error.
        let _ = print_json(&document(error));
    }
    error.exit()
}

/// What is printed where `--json` promised a document and there is none.
fn document(error: &CommandError) -> Value {
    let findings: &[Finding] = match error {
        CommandError::Findings(findings) => findings,
        _ => &[],
    };
    let told = match findings {
        [only] => json!({
            "message": only.to_string(),
            "causes": [],
            "help": only.help,
            "code": only.code,
        }),
        _ => json!({
            "message": error.to_string(),
            "causes": causes(error),
            "help": error.help(),
            "code": error.code(),
        }),
    };
    let rows: Vec<_> = findings.iter().map(Row::of).collect();
    json!({"error": told, "findings": rows, "exit": error.exit().code()})
}

/// The causes of an error, the nearest first, without those that repeat what was said before.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.ends_with(&text) {
            causes.push(text.clone());
        }
        said = text;
        next = cause.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_get_one_document_with_the_exit_code() {
        let one = Finding::new("plan::x", "it is wrong").with_help("mend it");
        let document_of_one = document(&one.clone().into());
        assert_eq!(document_of_one["error"]["message"], "it is wrong");
        assert_eq!(document_of_one["error"]["help"], "mend it");
        assert_eq!(document_of_one["error"]["code"], "plan::x");
        assert_eq!(document_of_one["exit"], 2);
        let two = document(&vec![one.clone(), one].into());
        assert_eq!(two["error"]["message"], "2 findings");
        assert_eq!(two["findings"][1]["code"], "plan::x");
        let lost = CommandError::Start(std::io::Error::from_raw_os_error(12));
        let document = document(&lost);
        assert_eq!(document["exit"], 1);
        assert_eq!(
            document["error"]["causes"],
            json!(["Cannot allocate memory (os error 12)"])
        );
    }
}
