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
/// top-level `model` is replaced; every other byte survives, and what is inside the other values is not
/// checked.
///
/// # Errors
/// [`DialectError::BadResponse`] where the body is not what the provider's dialect says.
pub fn response(
    provider: Dialect,
    client: Dialect,
    body: &Bytes,
    context: &ResponseContext<'_>,
) -> Result<Answer, DialectError> {
    let unreadable = |Malformed| DialectError::BadResponse("no JSON object".to_owned());
    let seen = look(provider, body).map_err(unreadable)?;
    let (pieces, dropped) = if provider == client {
        let mut edits = Edits::new();
        if let Some(model) = seen.model {
            edits.replace(model, write::json(context.model));
        }
        (edits.apply(body), Vec::new())
    } else {
        let text = std::str::from_utf8(body)
            .map_err(|error| DialectError::BadResponse(format!("no JSON: {error}")))?;
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

fn look(provider: Dialect, body: &[u8]) -> Result<Seen, Malformed> {
    let mut seen = Seen::default();
    let mut members = Members::new(body)?;
    while let Some(member) = members.next()? {
        let value = &body[member.value.clone()];
        match (member.key, provider) {
            (b"model", _) if value.starts_with(b"\"") => seen.model = Some(member.value),
            (b"id", _) => seen.id = word(value),
            (b"usage", Dialect::AnthropicMessages) => seen.usage = anthropic_messages::usage(value),
            (b"usage", _) => seen.usage = openai_chat::usage(value),
            (b"stop_reason", Dialect::AnthropicMessages) => seen.stop = word(value),
            (b"choices", _) => seen.stop = finish_reason(value),
            _ => {}
        }
    }
    if members.is_last() { Ok(seen) } else { Err(Malformed) }
}

/// The string that `raw` is, if it is one.
fn word(raw: &[u8]) -> Option<String> {
    raw.starts_with(b"\"").then(|| serde_json::from_slice(raw).ok()).flatten()
}

/// That of the first choice.
fn finish_reason(choices: &[u8]) -> Option<String> {
    let first = choices.get(1..)?;
    let mut members = Members::new(first).ok()?;
    while let Ok(Some(member)) = members.next() {
        if member.key == b"finish_reason" {
            return word(&first[member.value]);
        }
    }
    None
}
