//! The keys and indexes that lead to a value of the file.

use std::fmt;

/// The way from the top of the file to a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(Vec<String>);

impl KeyPath {
    /// The path of these keys.
    #[must_use]
    pub fn new<const N: usize>(keys: [&str; N]) -> Self {
        Self(keys.map(str::to_owned).to_vec())
    }

    /// The path that a JSON pointer (RFC 6901) stands for.
    #[must_use]
    pub(super) fn from_pointer(pointer: &str) -> Self {
        let keys = pointer.split('/').skip(1);
        Self(
            keys.map(|key| key.replace("~1", "/").replace("~0", "~"))
                .collect(),
        )
    }

    /// The path to what `key`, a name or an index, leads to from here.
    #[must_use]
    pub fn join(&self, key: impl fmt::Display) -> Self {
        let mut keys = self.0.clone();
        keys.push(key.to_string());
        Self(keys)
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.0
    }

    /// The path without its last key; `None` for the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, parent) = self.0.split_last()?;
        Some(Self(parent.to_vec()))
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.0.iter().enumerate() {
            if key.parse::<usize>().is_ok() {
                write!(formatter, "[{key}]")?;
            } else if index == 0 {
                formatter.write_str(key)?;
            } else {
                write!(formatter, ".{key}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_unescaped_and_read_well() {
        let path = KeyPath::from_pointer("/mounted/.~1media/exclude/0");
        assert_eq!(path.keys(), ["mounted", "./media", "exclude", "0"]);
        assert_eq!(path.to_string(), "mounted../media.exclude[0]");
        assert_eq!(KeyPath::from_pointer(""), KeyPath::default());
    }
}
