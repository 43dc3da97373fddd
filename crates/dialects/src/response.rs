//! Makes the client's answer out of the provider's.

use std::ops::Range;

use bytes::Bytes;
use domain::{Dialect, Usage};

use crate::edit::Edits;
use crate::error::DialectError;
use crate::read::Notes;
use crate::shallow::{Malformed, Members};
use crate::{anthropic_messages, openai_chat, openai_completions, write};

/// What the client is to see of the gateway.
#[derive(Clone, Copy, Debug)]
pub struct ResponseContext<'a> {
    /// The name of the model that the client asked for.
    pub model: &'a str,
    /// The id of an answer that is translated, given the dialect's own prefix (`chatcmpl-`, `msg_`); the
    /// same dialect keeps the provider's.
    pub id: &'a str,
    /// Unix time in seconds, for dialects that tell it.
    pub created: i64,
}

/// An answer ready to be sent.
#[derive(Clone, Debug)]
pub struct Answer {
    /// In order; where the dialects are the same, these are slices of the provider's body and the edits.
    pub pieces: Vec<Bytes>,
    pub usage: Option<Usage>,
    /// The provider's own id of the answer.
    pub id: Option<String>,
    /// The provider's own word for why it stopped.
    pub stop: Option<String>,
    /// What of the provider's answer the client's dialect cannot say.
    pub dropped: Vec<String>,
}

impl Answer {
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Makes the client's answer out of a provider's successful one. In the same dialect only the value of the
/// top-level `model` is replaced; every other byte survives.
///
/// # Errors
/// [`DialectError::BadResponse`] where the body is not what the provider's dialect says.
pub fn response(
    provider: Dialect,
    client: Dialect,
    body: &Bytes,
    context: &ResponseContext<'_>,
) -> Result<Answer, DialectError> {
    let not_json = |error: &dyn std::fmt::Display| DialectError::BadResponse(format!("no JSON: {error}"));
    let text = std::str::from_utf8(body).map_err(|error| not_json(&error))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| not_json(&error))?;
    let seen =
        look(provider, text).map_err(|Malformed| DialectError::BadResponse("no JSON object".into()))?;
    let (pieces, dropped) = if provider == client {
        let mut edits = Edits::new();
        if let Some(model) = seen.model {
            edits.replace(model, write::json(context.model));
        }
        (edits.apply(body), Vec::new())
    } else {
        let (body, notes) = translated(provider, client, text, context)?;
        (vec![body], notes.dropped)
    };
    Ok(Answer { pieces, usage: seen.usage, id: seen.id, stop: seen.stop, dropped })
}

fn translated(
    provider: Dialect,
    client: Dialect,
    text: &str,
    context: &ResponseContext<'_>,
) -> Result<(Bytes, Notes), DialectError> {
    let mut notes = Notes::default();
    let answer = match provider {
        Dialect::OpenAiChat => openai_chat::read_response(text, &mut notes),
        Dialect::AnthropicMessages => anthropic_messages::read_response(text, &mut notes),
        Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings => {
            return Err(DialectError::NoCrossing { client, provider });
        }
    }
    .map_err(DialectError::bad_response)?;
    let body = match client {
        Dialect::OpenAiChat => openai_chat::write_response(&answer, context, &mut notes),
        Dialect::OpenAiCompletions => openai_completions::write_response(&answer, context, &mut notes),
        Dialect::AnthropicMessages => anthropic_messages::write_response(&answer, context, &mut notes),
        Dialect::OpenAiEmbeddings => return Err(DialectError::NoCrossing { client, provider }),
    };
    Ok((body.into(), notes))
}

/// What the gateway reads of any answer.
#[derive(Default)]
struct Seen {
    model: Option<Range<usize>>,
    usage: Option<Usage>,
    id: Option<String>,
    stop: Option<String>,
}

fn look(provider: Dialect, text: &str) -> Result<Seen, Malformed> {
    let body = text.as_bytes();
    let mut seen = Seen::default();
    let mut members = Members::new(body)?;
    let word = |span: &Range<usize>| crate::read::text(text.get(span.clone())?).map(|text| text.into_owned());
    while let Some(member) = members.next()? {
        let value = &body[member.value.clone()];
        match (member.key, provider) {
            (b"model", _) if value.starts_with(b"\"") => seen.model = Some(member.value),
            (b"id", _) => seen.id = word(&member.value),
            (b"usage", Dialect::AnthropicMessages) => seen.usage = anthropic_messages::usage(value),
            (b"usage", _) => seen.usage = openai_chat::usage(value),
            (b"stop_reason", Dialect::AnthropicMessages) => seen.stop = word(&member.value),
            (b"choices", _) => seen.stop = finish_reason(value),
            _ => {}
        }
    }
    Ok(seen)
}

fn finish_reason(choices: &[u8]) -> Option<String> {
    let choices: Vec<&serde_json::value::RawValue> = serde_json::from_slice(choices).ok()?;
    let first = choices.first()?.get().as_bytes();
    let span = crate::shallow::member(first, b"finish_reason")?;
    serde_json::from_slice(&first[span]).ok()
}
