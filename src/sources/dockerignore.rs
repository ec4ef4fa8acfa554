//! `.dockerignore` of a build context, as the builder reads it.
//!
//! Not gitignore: patterns are anchored at the context, the last one that matches a path or one of
//! its parents wins, and `!` brings back files below an ignored folder (moby/patternmatcher).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

/// The patterns of one context.
#[derive(Debug, Clone, Default)]
pub struct Dockerignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    glob: GlobMatcher,
    /// The pattern name by name as far as its first `**`.
    names: Vec<GlobMatcher>,
    /// Whether there is a `**` behind them.
    is_deep: bool,
    brings_back: bool,
}

impl Dockerignore {
    /// Reads the patterns; lines that are no pattern, which the builder refuses too, match nothing.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let lines = text.split(|&byte| byte == b'\n');
        Self {
            patterns: lines
                .filter_map(|line| Pattern::parse(&String::from_utf8_lossy(line)))
                .collect(),
        }
    }

    /// Whether the builder would not see `path`, relative to the context.
    #[must_use]
    pub fn ignores(&self, path: &[u8]) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        let with_parents: Vec<&Path> = path
            .ancestors()
            .filter(|part| !part.as_os_str().is_empty())
            .collect();
        let mut ignored = false;
        for pattern in &self.patterns {
            if with_parents.iter().any(|part| pattern.glob.is_match(part)) {
                ignored = !pattern.brings_back;
            }
        }
        ignored
    }

    /// Whether something below `folder`, which is ignored itself, may be brought back.
    #[must_use]
    pub fn may_bring_back_below(&self, folder: &[u8]) -> bool {
        let names: Vec<&[u8]> = folder.split(|byte| *byte == b'/').collect();
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| pattern.brings_back && pattern.may_match_below(&names))
    }
}

impl Pattern {
    fn parse(line: &str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let line = line.trim();
        let (brings_back, pattern) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        let pattern = clean(pattern)?;
        let parts: Vec<&str> = pattern.split('/').collect();
        let deep_at = parts.iter().position(|part| *part == "**");
        let names = &parts[..deep_at.unwrap_or(parts.len())];
        Some(Self {
            glob: glob(&pattern)?,
            names: names
                .iter()
                .map(|name| glob(name))
                .collect::<Option<Vec<_>>>()?,
            is_deep: deep_at.is_some(),
            brings_back,
        })
    }

    /// Whether it may match something below the folder of these names.
    fn may_match_below(&self, folder: &[&[u8]]) -> bool {
        let is_way = self
            .names
            .iter()
            .zip(folder)
            .all(|(pattern, name)| pattern.is_match(OsStr::from_bytes(name)));
        is_way && (self.is_deep || self.names.len() > folder.len())
    }
}

fn glob(pattern: &str) -> Option<GlobMatcher> {
    let glob = GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build();
    Some(glob.ok()?.compile_matcher())
}

/// The pattern as `filepath.Clean` leaves it, without leading slash; `None` for the context itself.
/// Braces are ordinary characters to the builder.
fn clean(pattern: &str) -> Option<String> {
    let mut parts = PathBuf::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.file_name().is_some() => {
                parts.pop();
            }
            // Above the context there is nothing; a rooted pattern cannot leave it.
            ".." if pattern.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    let cleaned = parts.to_str()?.replace('{', "[{]").replace('}', "[}]");
    (!cleaned.is_empty()).then_some(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(patterns: &str, path: &str) -> bool {
        Dockerignore::parse(patterns.as_bytes()).ignores(path.as_bytes())
    }

    #[test]
    fn patterns_are_anchored_and_cover_what_is_below() {
        assert!(ignored("node_modules", "node_modules/a/b.js"));
        assert!(!ignored("node_modules", "app/node_modules/a"));
        assert!(ignored("**/node_modules", "app/x/node_modules/a"));
        assert!(ignored("/dist/", "dist/main.js"));
        assert!(ignored("*.log", "a.log"));
        assert!(!ignored("*.log", "logs/a.log"));
        assert!(ignored("*/*.log", "logs/a.log"));
    }

    #[test]
    fn the_last_match_wins_and_can_bring_back_what_is_below_an_ignored_folder() {
        assert!(!ignored("docs\n!docs/keep.md", "docs/keep.md"));
        assert!(ignored("docs\n!docs/keep.md", "docs/other.md"));
        assert!(ignored("!docs/keep.md\ndocs", "docs/keep.md"));
    }

    #[test]
    fn only_folders_on_the_way_to_what_is_brought_back_are_of_interest() {
        let below = |patterns: &str, folder: &str| {
            Dockerignore::parse(patterns.as_bytes()).may_bring_back_below(folder.as_bytes())
        };
        assert!(!below("*\n!src", "node_modules"));
        assert!(!below("*\n!src", "src"), "it is brought back as a whole");
        assert!(below("*\n!src/*/main.c", "src"));
        assert!(below("*\n!src/*/main.c", "src/a"));
        assert!(!below("*\n!src/*/main.c", "src/a/b"));
        assert!(!below("*\n!src/*/main.c", "lib/a"));
        assert!(below("*\n!**/*.md", "node_modules/a"));
        assert!(below("*\n!docs/**/*.md", "docs/a/b"));
        assert!(!below("*\n!docs/**/*.md", "lib"));
        assert!(!below("*\nsrc", "src"));
    }

    #[test]
    fn patterns_that_leave_the_context_match_nothing_in_it() {
        assert!(!ignored("../secret", "secret"));
        assert!(!ignored("a/../../secret", "secret"));
        assert!(ignored("/../secret", "secret"));
        assert!(ignored("a/../secret", "secret"));
        assert!(ignored("./a/./b/", "a/b/c"));
    }

    #[test]
    fn lines_end_as_any_editor_ends_them() {
        assert!(ignored("a\r\nb\r\n", "b"));
        assert!(ignored("  a  ", "a"));
        assert!(ignored("! a\na", "a"));
        assert!(!ignored("a\n! a", "a"));
    }

    #[test]
    fn classes_and_escapes_are_those_of_go() {
        assert!(ignored("[^a-c]x", "dx"));
        assert!(!ignored("[^a-c]x", "bx"));
        assert!(ignored("\\*", "*"));
        assert!(!ignored("\\*", "a"));
        assert!(ignored("a?c", "abc"));
        assert!(!ignored("a?c", "a/c"));
        assert!(ignored("a/**/z", "a/b/c/z"));
        assert!(ignored("a/**/z", "a/z"));
    }

    #[test]
    fn comments_blanks_and_odd_lines_match_nothing() {
        for patterns in ["# a", "", ".", "/", "!", "[", "\u{feff}# a"] {
            assert!(!ignored(patterns, "a"), "{patterns:?}");
        }
        assert!(ignored("a{b}", "a{b}"));
        assert!(ignored("\u{feff}a", "a"));
    }
}
