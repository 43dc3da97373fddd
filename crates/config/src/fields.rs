use std::time::Duration;

use crate::diagnostic::Severity;
use crate::keys::{self, Key, Kind, Support};
use crate::node::{Entry, Node};
use crate::problems::{At, Problems};

/// A section of the file, checked against its table. Getters return only what has the right
/// type; what has not was reported by [`Fields::check`].
#[derive(Clone, Copy)]
pub struct Fields<'n> {
    node: &'n Node,
    path: &'n str,
}

/// What becomes of a key that the table does not know.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// It has no effect: warn, and name the key that it resembles.
    Ignored,
    /// It is sent to the provider, unless it resembles a key for the gateway: then it is held back,
    /// since it may be a misspelt `api_key`.
    Sent,
    /// It is kept and echoed; warn only when it resembles a known key.
    Kept,
}

impl<'n> Fields<'n> {
    /// `None`, and an error, when the node is neither a map nor null.
    pub fn new(node: &'n Node, path: &'n str, problems: &mut Problems) -> Option<Self> {
        if node.entries().is_some() || node.is_null() {
            return Some(Self { node, path });
        }
        let at = At { place: node.place, path };
        problems.error(at, format!("expected a map, found {}", node.describe()), None);
        None
    }

    pub fn entries(&self) -> &'n [Entry] {
        self.node.entries().unwrap_or_default()
    }

    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.into() } else { format!("{}.{key}", self.path) }
    }

    /// Reports wrong types, unknown keys and keys without effect.
    pub fn check(&self, table: &'static [Key], unknown: Unknown, problems: &mut Problems) {
        for entry in self.entries() {
            let path = self.path_of(&entry.key);
            match keys::find(table, &entry.key) {
                Some(key) => check_known(key, entry, &path, problems),
                None => check_unknown(table, entry, unknown, &path, problems),
            }
        }
    }

    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.node.get(key).filter(|node| !node.is_null())
    }

    pub fn text(&self, key: &str) -> Option<&'n str> {
        self.get(key)?.text().filter(|text| !text.is_empty())
    }

    pub fn string(&self, key: &str) -> Option<String> {
        self.text(key).map(Into::into)
    }

    pub fn boolean(&self, key: &str) -> Option<bool> {
        self.get(key)?.boolean()
    }

    pub fn seconds(&self, key: &str) -> Option<Duration> {
        self.get(key)?.seconds()
    }

    pub fn texts(&self, key: &str) -> Vec<String> {
        self.get(key).and_then(Node::texts).unwrap_or_default()
    }

    pub fn signed(&self, key: &str) -> Option<i64> {
        self.get(key)?.integer()
    }

    /// A whole number from `min` to the largest that `N` holds; anything else is reported.
    pub fn whole<N: TryFrom<i64>>(&self, key: &str, min: i64, problems: &mut Problems) -> Option<N> {
        let node = self.get(key)?;
        let number = node.integer()?;
        let fitting = (number >= min).then(|| N::try_from(number).ok()).flatten();
        if fitting.is_none() {
            let path = self.path_of(key);
            let at = At { place: node.place, path: &path };
            problems.error(
                at,
                format!("`{key}` must be at least {min} and not absurdly large, found {number}"),
                None,
            );
        }
        fitting
    }
}

fn check_known(key: &'static Key, entry: &Entry, path: &str, problems: &mut Problems) {
    if !key.kind.takes(&entry.value) {
        let at = At { place: entry.value.place, path };
        let message = format!("expected {}, found {}", key.kind.expected(), found(&entry.value, key, path));
        problems.error(at, message, hint(key, &entry.value));
        return;
    }
    if key.support == Support::Later && !entry.value.is_null() {
        let at = At { place: entry.key_place, path };
        problems.warn(at, format!("`{}` is not supported yet and is ignored", key.name), None);
    }
}

fn found(node: &Node, key: &Key, path: &str) -> String {
    const SENSITIVE: [&str; 5] = ["key", "secret", "password", "token", "credential"];
    let may_be_secret = SENSITIVE.iter().any(|word| key.name.contains(word) || path.ends_with(word));
    if may_be_secret && node.items().is_none() && node.entries().is_none() {
        "something else".into()
    } else {
        node.describe()
    }
}

fn hint(key: &Key, node: &Node) -> Option<String> {
    match key.kind {
        Kind::Text if node.boolean().is_some() => Some("put it in quotes if the text is meant".into()),
        Kind::Texts if node.text().is_some() => Some("write it as a list: `[…]`".into()),
        Kind::Seconds if node.text().is_some() => {
            Some("write seconds as a plain number, such as `600`".into())
        }
        _ => None,
    }
}

fn check_unknown(
    table: &'static [Key],
    entry: &Entry,
    unknown: Unknown,
    path: &str,
    problems: &mut Problems,
) {
    let near = match unknown {
        // Nobody will read the suggestion, and looking for it is work.
        Unknown::Ignored if problems.is_full(Severity::Warning) => None,
        Unknown::Sent => keys::misspelt_param(&entry.key),
        Unknown::Ignored | Unknown::Kept => keys::nearest(table, &entry.key),
    };
    if near.is_none() && unknown != Unknown::Ignored {
        return;
    }
    let consequence = match unknown {
        Unknown::Ignored => " and is ignored",
        Unknown::Sent => " and is not sent to the provider, since it looks like a misspelt one",
        Unknown::Kept => "",
    };
    let at = At { place: entry.key_place, path };
    let suggestion = near.map(|near| format!("did you mean `{near}`?"));
    problems.warn(at, format!("`{}` is not a known key{consequence}", entry.key), suggestion);
}
