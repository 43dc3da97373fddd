//! What the gateway must know of a request body, found in one pass and without building a tree.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::field::Field;
use crate::read;

/// Most top-level fields a body may have.
pub const TOP_LEVEL_FIELDS_MAX: usize = 512;

/// Largest body that can be scanned: spans are kept as 32-bit offsets.
pub const BODY_BYTES_MAX: usize = u32::MAX as usize;

/// Why a body is no request at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    #[error("the body is empty; expected a JSON object")]
    Empty,
    #[error("the body is not valid UTF-8 (byte {at})")]
    NotUtf8 { at: usize },
    #[error("Invalid JSON payload: {0}")]
    NotJson(String),
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// Two values for one field: a policy check might see the one and the provider the other.
    #[error("`{0}` appears more than once in the body")]
    Duplicate(&'static str),
    #[error("`{field}` must be {expected}")]
    WrongType { field: &'static str, expected: &'static str },
    #[error("the body has more than {TOP_LEVEL_FIELDS_MAX} top-level fields")]
    TooManyFields,
    #[error("the body is larger than {BODY_BYTES_MAX} bytes")]
    TooLarge,
}

impl EnvelopeError {
    /// The field at fault, if it is one.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Duplicate(field) | Self::WrongType { field, .. } => Some(field),
            _ => None,
        }
    }
}

/// One `"key": value` of the top level, as byte ranges of the body.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    key: Range<u32>,
    value: Range<u32>,
    /// The key where it was written with escapes.
    unescaped: Option<Box<str>>,
}

impl Member {
    /// Key, colon and value.
    pub(crate) const fn span(&self) -> Range<usize> {
        self.key.start as usize..self.value.end as usize
    }

    pub(crate) const fn value(&self) -> Range<usize> {
        self.value.start as usize..self.value.end as usize
    }
}

/// The top level of a request body. Holds the body itself (shared, not copied), so it can be kept.
#[derive(Clone, Debug)]
pub struct Envelope {
    body: Bytes,
    members: Vec<Member>,
    /// For each [`Field`], one more than its index in `members`; 0 where it is absent.
    inspected: [u16; Field::ALL.len()],
    /// Just behind the opening brace.
    inside: u32,
}

/// Reads the top level of `body`: one pass that checks all of the JSON and keeps nothing but offsets.
///
/// # Errors
/// Says what is wrong with a body that is not one JSON object in UTF-8, in which an inspected field
/// appears twice, or where `model`, `stream`, `stream_options` or a token limit has a wrong type.
pub fn scan(body: &Bytes) -> Result<Envelope, EnvelopeError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(EnvelopeError::TooLarge);
    }
    let text =
        std::str::from_utf8(body).map_err(|error| EnvelopeError::NotUtf8 { at: error.valid_up_to() })?;
    let start = text.len() - text.trim_ascii_start().len();
    match text.as_bytes().get(start) {
        None => return Err(EnvelopeError::Empty),
        Some(b'{') => {}
        Some(_) => {
            return Err(match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => EnvelopeError::NotAnObject,
                Err(error) => EnvelopeError::NotJson(error.to_string()),
            });
        }
    }
    let mut envelope = Envelope {
        body: body.clone(),
        members: Vec::with_capacity(16),
        inspected: [0; Field::ALL.len()],
        inside: start as u32 + 1,
    };
    let mut problem = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let walk = Walk { text, envelope: &mut envelope, problem: &mut problem };
    let walked = walk.deserialize(&mut json).and_then(|()| json.end());
    match (problem, walked) {
        (Some(problem), _) => Err(problem),
        (None, Err(error)) => Err(EnvelopeError::NotJson(error.to_string())),
        (None, Ok(())) => envelope.checked(),
    }
}

struct Walk<'e, 'b> {
    text: &'b str,
    envelope: &'e mut Envelope,
    problem: &'e mut Option<EnvelopeError>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<&'de RawValue>()? {
            let value = map.next_value::<&'de RawValue>()?;
            let (key, value) = (span_of(self.text, key.get()), span_of(self.text, value.get()));
            if let Err(problem) = self.envelope.add(self.text, key, value) {
                self.problem.get_or_insert(problem);
                return Err(serde::de::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

/// Where `part`, a slice of `whole`, lies in it.
fn span_of(whole: &str, part: &str) -> Range<u32> {
    let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    start as u32..(start + part.len()) as u32
}

impl Envelope {
    fn add(&mut self, text: &str, key: Range<u32>, value: Range<u32>) -> Result<(), EnvelopeError> {
        if self.members.len() >= TOP_LEVEL_FIELDS_MAX {
            return Err(EnvelopeError::TooManyFields);
        }
        let written = &text[key.start as usize..key.end as usize];
        let unescaped = match written.contains('\\') {
            false => None,
            true => Some(
                serde_json::from_str::<Box<str>>(written)
                    .map_err(|error| EnvelopeError::NotJson(error.to_string()))?,
            ),
        };
        let name = unescaped.as_deref().unwrap_or(&written[1..written.len() - 1]);
        if let Some(field) = Field::of(name) {
            let place = &mut self.inspected[field as usize];
            if *place != 0 {
                return Err(EnvelopeError::Duplicate(field.name()));
            }
            *place = self.members.len() as u16 + 1;
        }
        self.members.push(Member { key, value, unescaped });
        Ok(())
    }

    /// Fields that every stage relies on have the type that they must have.
    fn checked(self) -> Result<Self, EnvelopeError> {
        let wrong = |field: Field, expected| Err(EnvelopeError::WrongType { field: field.name(), expected });
        let is = |field, shape: fn(&str) -> bool| self.raw(field).is_none_or(shape);
        if !is(Field::Model, |raw| raw.starts_with('"') && read::text(raw).is_some()) {
            return wrong(Field::Model, "a string");
        }
        if !is(Field::Stream, |raw| matches!(raw, "true" | "false")) {
            return wrong(Field::Stream, "true or false");
        }
        if !is(Field::StreamOptions, |raw| raw.starts_with('{')) {
            return wrong(Field::StreamOptions, "an object");
        }
        for field in [Field::MaxTokens, Field::MaxCompletionTokens, Field::N, Field::BestOf] {
            if !is(field, |raw| raw.parse::<u64>().is_ok()) {
                return wrong(field, "a whole number, not negative");
            }
        }
        Ok(self)
    }

    /// The body that was scanned.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// Is the field there (`null` counts as absent)?
    pub fn has(&self, field: Field) -> bool {
        let place = usize::from(self.inspected[field as usize]).checked_sub(1);
        place.and_then(|place| self.members.get(place)).is_some_and(|member| !self.is_null(member))
    }

    /// The JSON text of a field's value; `None` when it is absent or `null`.
    pub fn raw(&self, field: Field) -> Option<&str> {
        let place = usize::from(self.inspected[field as usize]).checked_sub(1)?;
        let member = self.members.get(place).filter(|member| !self.is_null(member))?;
        Some(self.slice(member.value()))
    }

    /// The byte range of a field's value, `null` included.
    pub fn span(&self, field: Field) -> Option<Range<usize>> {
        let place = usize::from(self.inspected[field as usize]).checked_sub(1)?;
        Some(self.members.get(place)?.value())
    }

    /// A field that holds a string.
    pub fn text(&self, field: Field) -> Option<Cow<'_, str>> {
        read::text(self.raw(field)?)
    }

    /// A field that holds a number.
    pub fn number(&self, field: Field) -> Option<f64> {
        self.raw(field)?.parse().ok()
    }

    /// A field that holds `true` or `false`.
    pub fn flag(&self, field: Field) -> Option<bool> {
        self.raw(field)?.parse().ok()
    }

    /// A field as a tree, for the few places that need one.
    pub fn value(&self, field: Field) -> Option<serde_json::Value> {
        serde_json::from_str(self.raw(field)?).ok()
    }

    pub fn model(&self) -> Option<Cow<'_, str>> {
        self.text(Field::Model)
    }

    pub fn stream(&self) -> bool {
        self.flag(Field::Stream).unwrap_or(false)
    }

    /// The client's own bound on the answer: `max_completion_tokens`, else `max_tokens`.
    pub fn max_tokens(&self) -> Option<u64> {
        let number = |field| self.raw(field)?.parse().ok();
        number(Field::MaxCompletionTokens).or_else(|| number(Field::MaxTokens))
    }

    /// How many answers are asked for (`n`), at least 1.
    pub fn choices(&self) -> u64 {
        self.raw(Field::N).and_then(|raw| raw.parse().ok()).unwrap_or(1).max(1)
    }

    /// Did the client ask for `stream_options.include_usage`?
    pub fn wants_usage(&self) -> bool {
        self.raw(Field::StreamOptions).is_some_and(|raw| {
            crate::shallow::member(raw.as_bytes(), b"include_usage")
                .is_some_and(|span| &raw.as_bytes()[span] == b"true")
        })
    }

    /// Is there a top-level field of that name, inspected or not (`null` counts as absent)?
    pub fn contains(&self, name: &str) -> bool {
        self.members().any(|(key, member)| key == name && !self.is_null(member))
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Member)> {
        self.members.iter().map(|member| (self.name_of(member), member))
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Where the first member begins or could begin.
    pub(crate) const fn inside(&self) -> usize {
        self.inside as usize
    }

    pub(crate) fn is_null(&self, member: &Member) -> bool {
        self.body.get(member.value()) == Some(b"null")
    }

    fn name_of<'a>(&'a self, member: &'a Member) -> &'a str {
        let quoted = member.key.start as usize + 1..(member.key.end as usize).saturating_sub(1);
        member.unescaped.as_deref().unwrap_or_else(|| self.slice(quoted))
    }

    /// Spans come from valid UTF-8 and end at its borders, so nothing is ever lost here.
    fn slice(&self, range: Range<usize>) -> &str {
        self.body.get(range).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}
