//! Reading JSON objects member by member, so that what nobody took can be named afterwards.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// Most entries that a report of dropped or refused parameters names.
const NOTES_MAX: usize = 64;

/// Where in a document something is, as `messages[2].content[0].text`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl<'p> Path<'p> {
    pub(crate) const fn key(&'p self, key: &'p str) -> Self {
        Self::Key(self, key)
    }

    pub(crate) const fn index(&'p self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Path::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// A value that is not what its place calls for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` must be {expected}")]
pub(crate) struct ReadError {
    pub(crate) path: String,
    pub(crate) expected: &'static str,
}

impl ReadError {
    pub(crate) fn new(path: &Path<'_>, expected: &'static str) -> Self {
        let path = path.to_string();
        Self { path: if path.is_empty() { "body".to_owned() } else { path }, expected }
    }
}

/// What a conversion could not carry over.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Left out, and said so.
    pub(crate) dropped: Vec<String>,
    /// Parameters that change the answer and cannot be said: refused unless they may be dropped.
    pub(crate) unsupported: Vec<String>,
}

impl Notes {
    pub(crate) fn drop(&mut self, what: impl fmt::Display) {
        note(&mut self.dropped, what);
    }

    pub(crate) fn refuse(&mut self, what: impl fmt::Display) {
        note(&mut self.unsupported, what);
    }
}

fn note(list: &mut Vec<String>, what: impl fmt::Display) {
    match list.len() {
        len if len < NOTES_MAX => list.push(what.to_string()),
        NOTES_MAX => list.push("and more".to_owned()),
        _ => {}
    }
}

/// A string's value, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The string that `raw` is, if it is one.
pub(crate) fn text(raw: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw).ok().map(|text| text.0)
}

/// The elements of the array that `raw` is, if it is one.
pub(crate) fn elements(raw: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw).ok()
}

pub(crate) fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

/// The members of one object; each is taken at most once.
pub(crate) struct Object<'a, 'p> {
    pub(crate) path: &'p Path<'p>,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((key, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((key.0, value));
                }
                Ok(Members(members))
            }
        }
        json.deserialize_map(Collect)
    }
}

impl<'a, 'p> Object<'a, 'p> {
    pub(crate) fn parse(raw: &'a str, path: &'p Path<'p>) -> Result<Self, ReadError> {
        let members: Members<'a> =
            serde_json::from_str(raw).map_err(|_| ReadError::new(path, "an object"))?;
        Ok(Self { path, members: members.0 })
    }

    pub(crate) fn of(raw: &'a RawValue, path: &'p Path<'p>) -> Result<Self, ReadError> {
        Self::parse(raw.get(), path)
    }

    /// Takes a member; `null` counts as absent.
    pub(crate) fn take(&mut self, key: &str) -> Option<&'a RawValue> {
        let place = self.members.iter().position(|(name, _)| name == key)?;
        let (_, value) = self.members.swap_remove(place);
        (value.get() != "null").then_some(value)
    }

    /// A look at a member that leaves it where it is.
    pub(crate) fn peek(&self, key: &str) -> Option<&'a RawValue> {
        let (_, value) = self.members.iter().find(|(name, _)| name == key)?;
        (value.get() != "null").then_some(*value)
    }

    fn wrong(&self, key: &str, expected: &'static str) -> ReadError {
        ReadError::new(&self.path.key(key), expected)
    }

    fn parsed<T: Deserialize<'a>>(
        &mut self,
        key: &str,
        expected: &'static str,
    ) -> Result<Option<T>, ReadError> {
        match self.take(key) {
            None => Ok(None),
            Some(raw) => serde_json::from_str(raw.get()).map(Some).map_err(|_| self.wrong(key, expected)),
        }
    }

    pub(crate) fn text(&mut self, key: &str) -> Result<Option<Cow<'a, str>>, ReadError> {
        Ok(self.parsed::<Text<'a>>(key, "a string")?.map(|text| text.0))
    }

    pub(crate) fn required_text(&mut self, key: &str) -> Result<Cow<'a, str>, ReadError> {
        self.text(key)?.ok_or_else(|| self.wrong(key, "a string"))
    }

    pub(crate) fn required(&mut self, key: &str, expected: &'static str) -> Result<&'a RawValue, ReadError> {
        self.take(key).ok_or_else(|| self.wrong(key, expected))
    }

    pub(crate) fn flag(&mut self, key: &str) -> Result<Option<bool>, ReadError> {
        self.parsed(key, "true or false")
    }

    pub(crate) fn whole(&mut self, key: &str) -> Result<Option<u64>, ReadError> {
        self.parsed(key, "a whole number, not negative")
    }

    pub(crate) fn float(&mut self, key: &str) -> Result<Option<f64>, ReadError> {
        self.parsed(key, "a number")
    }

    pub(crate) fn array(&mut self, key: &str) -> Result<Option<Vec<&'a RawValue>>, ReadError> {
        self.parsed(key, "an array")
    }

    /// Takes a member and forgets it: known to carry nothing for the other side.
    pub(crate) fn ignore(&mut self, keys: &[&str]) {
        self.members.retain(|(name, _)| !keys.contains(&name.as_ref()));
    }

    /// Names each member that nobody took.
    pub(crate) fn finish(self, notes: &mut Notes) {
        for (name, value) in &self.members {
            if value.get() != "null" {
                notes.drop(self.path.key(name));
            }
        }
    }

    /// What nobody took.
    pub(crate) fn rest(self) -> Vec<(Cow<'a, str>, &'a RawValue)> {
        self.members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_took_is_named_with_its_path() {
        let root = Path::Root;
        let list = root.key("messages");
        let at = list.index(2);
        let mut object = Object::parse(r#"{"role":"user","n\u0061me":"x","y":null}"#, &at).unwrap();
        assert_eq!(object.text("role").unwrap().unwrap(), "user");
        let mut notes = Notes::default();
        object.finish(&mut notes);
        assert_eq!(notes.dropped, ["messages[2].name"]);
    }

    #[test]
    fn a_wrong_type_names_its_place() {
        let root = Path::Root;
        let mut object = Object::parse(r#"{"n":"x"}"#, &root).unwrap();
        assert_eq!(object.whole("n").unwrap_err().to_string(), "`n` must be a whole number, not negative");
    }
}
