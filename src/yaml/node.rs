//! A YAML value that knows where it comes from. Knows nothing of Compose but its two merge tags.
//!
//! Values of several files end up in one model; each keeps its [`Origin`], so that a relative path
//! is resolved against its own file's base, and a warning names its own file and line.

use std::collections::BTreeMap;

/// Where a value stands: which loaded file, and which value in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    /// Index in the session's list of sources.
    pub(crate) source: usize,
    /// How many values the parser had met in the file before this one.
    pub(crate) ordinal: u32,
}

/// Compose's own YAML tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeTag {
    /// `!reset`: drop what earlier layers have here, and this value, too.
    Reset,
    /// `!override`: put this value in the place of what earlier layers have here.
    Override,
}

/// A mapping; YAML's order has no meaning for what is read here.
pub(crate) type Map = BTreeMap<String, Node>;

/// A value without its origin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Data {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number as text: only its digits matter here.
    Number(String),
    /// A string.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping.
    Map(Map),
}

/// A value with its origin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// The value.
    pub(crate) data: Data,
    /// Its merge tag, until the layer that carries it is applied.
    pub(crate) tag: Option<MergeTag>,
    /// Where it stands.
    pub(crate) origin: Origin,
}

impl Node {
    /// A value without a tag.
    pub(crate) fn new(data: Data, origin: Origin) -> Self {
        Self {
            data,
            tag: None,
            origin,
        }
    }

    /// The mapping in it.
    pub(crate) fn as_map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The mapping in it, to be changed.
    pub(crate) fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The value of `key` if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// The text of any scalar but null.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.data {
            Data::Bool(true) => Some("true"),
            Data::Bool(false) => Some("false"),
            Data::Number(text) | Data::Text(text) => Some(text),
            Data::Null | Data::List(_) | Data::Map(_) => None,
        }
    }

    /// Whether it is null.
    pub(crate) fn is_null(&self) -> bool {
        self.data == Data::Null
    }

    /// How many values it consists of, itself included.
    pub(crate) fn count(&self) -> u32 {
        let inner = match &self.data {
            Data::List(items) => items.iter().map(Self::count).sum(),
            Data::Map(map) => map.values().map(Self::count).sum(),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => 0,
        };
        1 + inner
    }

    /// What it is, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "a boolean",
            Data::Number(_) => "a number",
            Data::Text(_) => "a string",
            Data::List(_) => "a list",
            Data::Map(_) => "a mapping",
        }
    }
}
