//! A text that is never shown: keys and tokens between the file or variable that holds them and the
//! client that needs them.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// What stands in place of a secret.
const HIDDEN: &str = "***";

/// A secret. It has no `Display`, and `Debug` and `Serialize` give a placeholder.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the client that sends it or signs with it. It goes nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HIDDEN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_shown() {
        let secret: Secret = serde_json::from_str("\"hunter2\"").expect("a text");
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{:?}", Some(&secret)), "Some(***)");
        let written = serde_json::to_string(&secret).expect("it can be written");
        assert_eq!(written, "\"***\"");
    }
}
