//! The short form of a service's volume, `SOURCE:TARGET:OPTIONS`, as text (compose-go, `format`).

/// A volume's short form, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Short {
    /// Host path or volume name; `None` is an anonymous volume.
    pub(super) source: Option<String>,
    /// Path in the container, as written.
    pub(super) target: String,
    /// Whether the options say `ro`.
    pub(super) read_only: bool,
}

impl Short {
    /// Whether the source is a path of the host, not the name of a volume.
    pub(super) fn is_bind(&self) -> bool {
        self.source.as_deref().is_some_and(is_host_path)
    }
}

/// Takes a short form apart. The error is the end of a sentence.
///
/// As in Compose, a single letter before a colon is taken for a drive of Windows, so a volume with
/// a name of one letter cannot be mounted this way: `v:/data` is an anonymous volume there.
pub(super) fn parse_short(spec: &str) -> Result<Short, &'static str> {
    if spec.is_empty() {
        return Err("is empty");
    }
    let mut short = Short {
        source: None,
        target: spec.to_owned(),
        read_only: false,
    };
    if spec.len() <= 2 {
        return Ok(short);
    }
    let sections = sections(spec);
    if sections.iter().any(String::is_empty) {
        return Err("has an empty section between colons");
    }
    match sections.as_slice() {
        [_] => {}
        [source, target] => {
            short.source = Some(source.clone());
            short.target = target.clone();
        }
        [source, target, options] => {
            short.source = Some(source.clone());
            short.target = target.clone();
            let access = options
                .split(',')
                .rfind(|option| matches!(*option, "ro" | "rw"));
            short.read_only = access == Some("ro");
        }
        _ => return Err("has too many colons"),
    }
    Ok(short)
}

/// The sections between colons. The colon after a drive's letter, and those within `${}` that could
/// not be interpolated, do not separate.
fn sections(spec: &str) -> Vec<String> {
    let mut sections = Vec::new();
    let mut current = String::new();
    let mut open = 0_u32;
    let mut previous = ' ';
    for c in spec.chars() {
        match c {
            '{' if previous == '$' => open += 1,
            '}' => open = open.saturating_sub(1),
            _ => {}
        }
        let drive = current.chars().count() == 1 && current.starts_with(char::is_alphabetic);
        if c == ':' && open == 0 && !drive {
            sections.push(std::mem::take(&mut current));
        } else {
            current.push(c);
        }
        previous = c;
    }
    sections.push(current);
    sections
}

/// Whether a source is a path: it starts like one, or like a drive or pipe of Windows.
fn is_host_path(source: &str) -> bool {
    let mut chars = source.chars();
    let (first, second) = (chars.next(), chars.next());
    source.starts_with(['.', '/', '~'])
        || source.starts_with("\\\\")
        || (first.is_some_and(char::is_alphabetic) && second == Some(':'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_forms() {
        for (spec, source, target, read_only, bind) in [
            ("/data", None, "/data", false, false),
            ("/data/", None, "/data/", false, false),
            ("/a", None, "/a", false, false),
            ("d", None, "d", false, false),
            ("db:/data", Some("db"), "/data", false, false),
            ("db:/data:ro", Some("db"), "/data", true, false),
            ("db:/data:rw", Some("db"), "/data", false, false),
            ("db:/data:ro,z,nocopy", Some("db"), "/data", true, false),
            ("db:/data:x-unknown", Some("db"), "/data", false, false),
            ("./a:/b", Some("./a"), "/b", false, true),
            (".:/b/.", Some("."), "/b/.", false, true),
            ("../a:/b:ro", Some("../a"), "/b", true, true),
            ("~/a:/b", Some("~/a"), "/b", false, true),
            ("/a:/b:rshared", Some("/a"), "/b", false, true),
            ("v:/data", None, "v:/data", false, false),
            (r"C:\a:/b", Some(r"C:\a"), "/b", false, true),
            (r"C:\a:D:\b", Some(r"C:\a"), r"D:\b", false, true),
            (r"\\.\pipe\x:/b", Some(r"\\.\pipe\x"), "/b", false, true),
            ("${A:-b}/x:/b", Some("${A:-b}/x"), "/b", false, false),
            ("foo/bar:/b", Some("foo/bar"), "/b", false, false),
        ] {
            let short = parse_short(spec).unwrap();
            assert_eq!(short.source.as_deref(), source, "{spec}");
            assert_eq!(
                (short.target.as_str(), short.read_only),
                (target, read_only),
                "{spec}"
            );
            assert_eq!(short.is_bind(), bind, "{spec}");
        }
    }

    #[test]
    fn what_is_no_form() {
        for spec in ["", ":/data", "db:", "db::ro", "aa:/b:ro:dd", ":::"] {
            assert!(parse_short(spec).is_err(), "{spec}");
        }
    }
}
