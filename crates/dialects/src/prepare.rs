//! Makes the provider's request body out of the client's.

use bytes::Bytes;
use domain::Dialect;
use serde_json::{Map, Value};

use crate::edit::Edits;
use crate::envelope::{Envelope, Member};
use crate::error::DialectError;
use crate::gateway_fields::is_gateway_only;
use crate::read::Notes;
use crate::{anthropic_messages, openai_chat, openai_completions, shallow, write};

/// What the deployment asks of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestOptions<'a> {
    /// The provider's name of the model.
    pub model: &'a str,
    /// Top-level fields, in the client's vocabulary, used where the client does not set them.
    pub defaults: &'a Map<String, Value>,
    /// Top-level fields, in the provider's vocabulary, that are always set.
    pub extra_body: &'a Map<String, Value>,
    /// Parameters that the provider refuses.
    pub unsupported: &'a [&'a str],
    /// Leave out what the provider does not take, instead of refusing the request.
    pub drop_params: bool,
    /// Parameters to leave out in any case.
    pub additional_drop: &'a [String],
    /// `max_tokens` where the provider needs one and the client gave none.
    pub default_max_tokens: u64,
}

/// A body ready to be sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// In order; where the dialects are the same, these are slices of the client's body and the edits.
    pub pieces: Vec<Bytes>,
    /// What was left out or changed on the way, for a log line or a header.
    pub dropped: Vec<String>,
}

impl Prepared {
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Makes the provider's request out of the client's.
///
/// In the same dialect only these edits are made, and every other byte survives: `model` is the
/// provider's name, gateway-only fields go, refused ones go or refuse the request, defaults and
/// `extra_body` come in, and a streamed OpenAI request asks for usage.
///
/// # Errors
/// [`DialectError::InvalidRequest`] where the body is not what its dialect says,
/// [`DialectError::Unsupported`] where parameters cannot be said and may not be dropped,
/// [`DialectError::NoCrossing`] where no translation exists.
pub fn prepare(
    client: Dialect,
    provider: Dialect,
    envelope: &Envelope,
    options: &RequestOptions<'_>,
) -> Result<Prepared, DialectError> {
    let mut notes = Notes::default();
    let pieces = if client == provider {
        same(client, envelope, options, &mut notes)
    } else {
        vec![translated(client, provider, envelope, options, &mut notes)?]
    };
    let Notes { mut dropped, unsupported } = notes;
    if !unsupported.is_empty() && !options.drop_params {
        return Err(DialectError::Unsupported { params: unsupported });
    }
    dropped.extend(unsupported);
    Ok(Prepared { pieces, dropped })
}

/// Which edits a pass over the client's body makes.
struct Pass<'a> {
    client: Dialect,
    options: &'a RequestOptions<'a>,
    /// The result goes to the provider as it is, rather than to the hub.
    last: bool,
}

fn same(client: Dialect, envelope: &Envelope, options: &RequestOptions<'_>, notes: &mut Notes) -> Vec<Bytes> {
    let pass = Pass { client, options, last: true };
    pass.edits(envelope, notes).apply(envelope.body())
}

impl Pass<'_> {
    fn edits(&self, envelope: &Envelope, notes: &mut Notes) -> Edits {
        let mut edits = Edits::new();
        let mut removed = Vec::new();
        let stored = envelope.flag(crate::Field::Store).unwrap_or(false);
        for (name, member) in envelope.members() {
            if is_gateway_only(name, self.client, stored) {
                removed.push(member);
            } else if name == "model" {
                edits.replace(member.value(), write::json(self.options.model));
            } else if self.leaves_out(name, envelope.is_null(member), notes) {
                removed.push(member);
            } else if let Some(value) = self.setting(name, envelope.is_null(member)) {
                edits.replace(member.value(), write::json(value));
            }
        }
        let mut added = Vec::new();
        if !envelope.members().any(|(name, _)| name == "model") {
            add(&mut added, "model", &Value::from(self.options.model));
        }
        if self.asks_for_usage(envelope) {
            ask_for_usage(envelope, &mut edits, &mut added);
        }
        self.add_settings(envelope, &mut added);
        remove(envelope, &removed, &mut edits);
        let empty = removed.len() == envelope.len();
        if !added.is_empty() {
            if empty {
                added.pop();
            }
            edits.insert(envelope.inside(), added);
        }
        edits
    }

    /// Is the parameter one that the provider refuses or that is always left out? Says so in `notes`.
    fn leaves_out(&self, name: &str, is_null: bool, notes: &mut Notes) -> bool {
        if self.options.additional_drop.iter().any(|drop| drop == name) {
            notes.drop(name);
            return true;
        }
        let refused = self.last && self.options.unsupported.contains(&name);
        if refused && !is_null {
            notes.refuse(name);
        }
        refused
    }

    /// The value that takes the place of the client's: one that is always set, or the default for a `null`.
    fn setting(&self, name: &str, is_null: bool) -> Option<&Value> {
        let always = self.options.extra_body.get(name).filter(|_| self.last);
        always.or_else(|| self.options.defaults.get(name).filter(|_| is_null))
    }

    fn asks_for_usage(&self, envelope: &Envelope) -> bool {
        self.last
            && matches!(self.client, Dialect::OpenAiChat | Dialect::OpenAiCompletions)
            && envelope.stream()
            && !envelope.wants_usage()
            && !self.options.unsupported.contains(&"stream_options")
            && !self.options.extra_body.contains_key("stream_options")
    }

    fn add_settings(&self, envelope: &Envelope, added: &mut Vec<u8>) {
        for (name, value) in self.options.defaults {
            let same_thing = match name.as_str() {
                "max_tokens" => "max_completion_tokens",
                "max_completion_tokens" => "max_tokens",
                other => other,
            };
            let set = envelope.members().any(|(key, _)| key == name) || envelope.contains(same_thing);
            let overruled = self.last && self.options.extra_body.contains_key(name);
            if !set && !overruled && !self.options.additional_drop.contains(name) {
                add(added, name, value);
            }
        }
        for (name, value) in self.options.extra_body.iter().filter(|_| self.last) {
            if !envelope.members().any(|(key, _)| key == name) {
                add(added, name, value);
            }
        }
    }
}

/// Writes `"name":value,`.
fn add(added: &mut Vec<u8>, name: &str, value: &Value) {
    write::json_into(added, name);
    added.push(b':');
    write::json_into(added, value);
    added.push(b',');
}

fn ask_for_usage(envelope: &Envelope, edits: &mut Edits, added: &mut Vec<u8>) {
    let Some(span) = envelope.span(crate::Field::StreamOptions) else {
        added.extend_from_slice(br#""stream_options":{"include_usage":true},"#);
        return;
    };
    let options = &envelope.body()[span.clone()];
    if options == b"null" {
        edits.replace(span, &br#"{"include_usage":true}"#[..]);
    } else if let Some(said) = member_span(options, b"include_usage") {
        edits.replace(span.start + said.start..span.start + said.end, &b"true"[..]);
    } else {
        let empty = options[1..].trim_ascii_start() == b"}";
        let what: &[u8] = if empty { br#""include_usage":true"# } else { br#""include_usage":true,"# };
        edits.insert(span.start + 1, Bytes::copy_from_slice(what));
    }
}

/// The byte range of a member's value, `null` included.
fn member_span(object: &[u8], key: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut members = shallow::Members::new(object).ok()?;
    while let Ok(Some(member)) = members.next() {
        if member.key == key {
            return Some(member.value);
        }
    }
    None
}

/// Cuts whole members, each with the comma that it needs no more: the one behind it, or, at the end of
/// the object, the one before it.
fn remove(envelope: &Envelope, removed: &[&Member], edits: &mut Edits) {
    let body = envelope.body();
    let mut tail_start = None;
    for member in removed.iter().rev() {
        let span = member.span();
        let next = shallow::skip_space(body, span.end);
        let is_last = body.get(next) != Some(&b',');
        let before_tail = tail_start.is_some_and(|tail| shallow::skip_space(body, next + 1) == tail);
        if is_last || before_tail {
            tail_start = Some(span.start);
            let start = comma_before(body, span.start).unwrap_or(span.start);
            edits.remove(start..span.end);
        } else {
            edits.remove(span.start..shallow::skip_space(body, next + 1));
        }
    }
}

/// Where the comma before the member at `start` is; `None` for the first member.
fn comma_before(body: &[u8], start: usize) -> Option<usize> {
    let at = body[..start].iter().rposition(|byte| !byte.is_ascii_whitespace())?;
    (body[at] == b',').then_some(at)
}

fn translated(
    client: Dialect,
    provider: Dialect,
    envelope: &Envelope,
    options: &RequestOptions<'_>,
    notes: &mut Notes,
) -> Result<Bytes, DialectError> {
    let clean = Pass { client, options, last: false }.edits(envelope, notes).apply(envelope.body());
    let clean = joined(clean);
    let text = std::str::from_utf8(&clean).unwrap_or_default();
    let request = match client {
        Dialect::OpenAiChat => openai_chat::to_hub(text, notes)?,
        Dialect::OpenAiCompletions => openai_completions::to_hub(text, notes)?,
        Dialect::AnthropicMessages => anthropic_messages::to_hub(text, notes)?,
        Dialect::OpenAiEmbeddings => return Err(DialectError::NoCrossing { client, provider }),
    };
    let mut body = Vec::with_capacity(clean.len() + 256);
    match provider {
        Dialect::OpenAiChat => openai_chat::from_hub(&request, client, options, notes, &mut body)?,
        Dialect::AnthropicMessages => {
            anthropic_messages::from_hub(&request, client, options, notes, &mut body)?;
        }
        Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings => {
            return Err(DialectError::NoCrossing { client, provider });
        }
    }
    Ok(body.into())
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        1 => pieces.remove(0),
        _ => pieces.concat().into(),
    }
}
