//! Visits the parser's values and makes [`Node`]s of them: counted, with their tags, merge keys
//! resolved. The part of reading YAML that serde's visitors make long; see [`super`].

use std::cell::{Cell, RefCell};
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use super::node::{Data, Map, MergeTag, Node, Origin};

/// How many values a file may have with its aliases resolved; Compose's own limit (compose-go,
/// `DefaultMaxNodeVisits`).
pub(crate) const NODE_LIMIT: u32 = 100_000;

/// How many bytes of text a file may have with its aliases resolved: a long one may have many aliases.
const TEXT_LIMIT: usize = 32 << 20;

/// What one run of the parser shares among its values.
pub(crate) struct State {
    source: usize,
    next: Cell<u32>,
    text: Cell<usize>,
    stop_at: Option<u32>,
    /// Whether there were more than [`NODE_LIMIT`] values, or more than [`TEXT_LIMIT`] text.
    pub(crate) exhausted: Cell<bool>,
    /// Merge keys whose value cannot be merged.
    pub(crate) bad_merge_keys: RefCell<Vec<Origin>>,
    /// The first value with a tag of its own.
    pub(crate) tagged: RefCell<Option<(String, Origin)>>,
    /// A key that is there twice, with its second place.
    pub(crate) duplicate: RefCell<Option<(String, Origin)>>,
}

impl State {
    /// For values with the origin `source`; fails at the value with the ordinal `stop_at`.
    pub(crate) fn new(source: usize, stop_at: Option<u32>) -> Self {
        Self {
            source,
            next: Cell::new(0),
            text: Cell::new(0),
            stop_at,
            exhausted: Cell::new(false),
            bad_merge_keys: RefCell::default(),
            tagged: RefCell::default(),
            duplicate: RefCell::default(),
        }
    }

    /// Counts one more value.
    fn count<E: serde::de::Error>(&self) -> Result<Origin, E> {
        let ordinal = self.next.get();
        if ordinal >= NODE_LIMIT {
            self.exhausted.set(true);
            return Err(E::custom("too many nodes"));
        }
        self.next.set(ordinal + 1);
        Ok(Origin {
            source: self.source,
            ordinal,
        })
    }
}

/// Makes a [`Node`] of any value.
#[derive(Clone, Copy)]
pub(crate) struct NodeSeed<'a> {
    /// The run that it belongs to.
    pub(crate) state: &'a State,
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let origin = self.state.count()?;
        deserializer.deserialize_any(NodeVisitor {
            state: self.state,
            origin,
        })
    }
}

struct NodeVisitor<'a> {
    state: &'a State,
    origin: Origin,
}

impl NodeVisitor<'_> {
    /// Fails where the run is to stop. The error has to come from within a visit: that is where
    /// the parser adds the position.
    fn check<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.state.stop_at == Some(self.origin.ordinal) {
            return Err(E::custom("here"));
        }
        Ok(())
    }

    fn node<E: serde::de::Error>(&self, data: Data) -> Result<Node, E> {
        self.check()?;
        Ok(Node::new(data, self.origin))
    }
}

impl<'de> Visitor<'de> for NodeVisitor<'_> {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Node, E> {
        self.node(Data::Null)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Node, E> {
        self.node(Data::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Node, E> {
        self.node(Data::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Node, E> {
        self.node(Data::Number(value.to_string()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Node, E> {
        self.node(Data::Number(value.to_string()))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Node, E> {
        self.node(Data::Number(value.to_string()))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Node, E> {
        self.node(Data::Number(value.to_string()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
        self.node(Data::Number(value.to_string()))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Node, E> {
        let text = self.state.text.get() + value.len();
        self.state.text.set(text);
        if text > TEXT_LIMIT {
            self.state.exhausted.set(true);
            return Err(E::custom("too much text"));
        }
        self.node(Data::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        self.check()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(NodeSeed { state: self.state })? {
            items.push(item);
        }
        Ok(Node::new(Data::List(items), self.origin))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        self.check()?;
        let mut map = Map::new();
        let mut merged = Vec::new();
        while let Some(key) = access.next_key_seed(KeySeed { state: self.state })? {
            let value = access.next_value_seed(NodeSeed { state: self.state })?;
            if key == "<<" {
                merged.push(value);
            } else {
                match map.entry(key) {
                    Entry::Vacant(place) => place.insert(value),
                    Entry::Occupied(place) => {
                        // A key is counted right before its value.
                        let ordinal = value.origin.ordinal - 1;
                        let origin = Origin {
                            ordinal,
                            ..value.origin
                        };
                        *self.state.duplicate.borrow_mut() = Some((place.key().clone(), origin));
                        return Err(A::Error::custom("a key is there twice in a mapping"));
                    }
                };
            }
        }
        for source in merged {
            merge_key(&mut map, source, self.state);
        }
        Ok(Node::new(Data::Map(map), self.origin))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Node, A::Error> {
        self.check()?;
        let (tag, content) = access.variant::<String>()?;
        let mut tagged = self.state.tagged.borrow_mut();
        tagged.get_or_insert_with(|| (tag.clone(), self.origin));
        drop(tagged);
        let mut node = content.newtype_variant_seed(NodeSeed { state: self.state })?;
        node.tag = match tag.trim_start_matches('!') {
            "reset" => Some(MergeTag::Reset),
            "override" => Some(MergeTag::Override),
            _ => node.tag,
        };
        Ok(node)
    }
}

/// YAML 1.1's merge key: what `map` lacks is taken from `source`, a mapping or a list of mappings
/// of which an earlier one wins.
fn merge_key(map: &mut Map, source: Node, state: &State) {
    match source.data {
        Data::Map(other) => {
            for (key, value) in other {
                map.entry(key).or_insert(value);
            }
        }
        Data::List(items) if items.iter().all(|item| item.as_map().is_some()) => {
            for item in items {
                merge_key(map, item, state);
            }
        }
        _ => state.bad_merge_keys.borrow_mut().push(source.origin),
    }
}

/// Reads a mapping's key as text, whatever scalar it is: Compose wants strings, and what a service
/// called `1` is must not depend on quotes.
#[derive(Clone, Copy)]
struct KeySeed<'a> {
    state: &'a State,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        let node = NodeSeed { state: self.state }.deserialize(deserializer)?;
        match (&node.data, node.scalar()) {
            (_, Some(text)) => Ok(text.to_owned()),
            (Data::Null, None) => Ok("null".to_owned()),
            _ => Err(D::Error::custom("a mapping's key has to be a string")),
        }
    }
}
