//! OpenAI streams (chat and completions) whose client speaks the same dialect.

use std::ops::Range;

use domain::Dialect;

use super::watch::Watch;
use super::{Context, Progress};
use crate::error::{DialectError, provider_error};
use crate::openai_chat;
use crate::shallow::{Malformed, Members, chars, leaves};
use crate::write::{self, DONE, sse};

pub(super) struct PassOpenAi {
    dialect: Dialect,
}

/// The top level of a chunk.
#[derive(Default)]
struct Chunk {
    model: Option<Range<usize>>,
    usage: Option<Range<usize>>,
    choices: Option<Range<usize>>,
    error: Option<Range<usize>>,
    id: Option<Range<usize>>,
}

impl PassOpenAi {
    pub(super) const fn new(dialect: Dialect) -> Self {
        Self { dialect }
    }

    pub(super) fn event(
        &mut self,
        data: &[u8],
        context: &Context,
        watch: &mut Watch,
        out: &mut Vec<u8>,
    ) -> Result<Progress, DialectError> {
        if data == b"[DONE]" {
            out.extend_from_slice(DONE);
            return Ok(Progress::Done);
        }
        let chunk = Chunk::read(data)
            .map_err(|Malformed| DialectError::BadResponse("an event that is no JSON object".to_owned()))?;
        if chunk.error.is_some() {
            watch.error = Some(provider_error(self.dialect, 200, data));
            sse(out, None, data);
            return Ok(Progress::Failed);
        }
        if let Some(id) = chunk.id {
            watch.see_id(&data[id]);
        }
        let choices = chunk.choices.map(|span| &data[span]);
        if let Some(choices) = choices {
            see_choices(choices, watch);
        }
        if let Some(usage) = chunk.usage.and_then(|span| openai_chat::usage(&data[span])) {
            watch.usage = Some(usage);
            if choices.is_none_or(is_empty_array) && !context.wants_usage {
                return Ok(Progress::More);
            }
        }
        match chunk.model {
            Some(span) if data[span.clone()] != context.model[..] => spliced(data, span, &context.model, out),
            _ => sse(out, None, data),
        }
        Ok(Progress::More)
    }

    /// Ends a stream that the provider left without `[DONE]`.
    pub(super) fn close(&mut self, context: &Context, watch: &Watch, out: &mut Vec<u8>) {
        if watch.stop.is_none() {
            let chat = self.dialect == Dialect::OpenAiChat;
            let mut data = Vec::with_capacity(160);
            let mut object = write::Object::open(&mut data);
            object.put("id", watch.id.as_deref().unwrap_or(&context.id));
            object.put("object", if chat { "chat.completion.chunk" } else { "text_completion" });
            object.put("created", &context.created);
            object.key("model").extend_from_slice(&context.model);
            object.key("choices").extend_from_slice(match chat {
                true => br#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#,
                false => br#"[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}]"#,
            });
            object.close();
            sse(out, None, &data);
        }
        out.extend_from_slice(DONE);
    }
}

impl Chunk {
    fn read(data: &[u8]) -> Result<Self, Malformed> {
        let mut chunk = Self::default();
        let mut members = Members::new(data)?;
        while let Some(member) = members.next()? {
            let place = match member.key {
                b"model" => &mut chunk.model,
                b"usage" => &mut chunk.usage,
                b"choices" => &mut chunk.choices,
                b"error" => &mut chunk.error,
                b"id" => &mut chunk.id,
                _ => continue,
            };
            if &data[member.value.clone()] != b"null" {
                *place = Some(member.value);
            }
        }
        Ok(chunk)
    }
}

/// Counts what the model said, and notes why it stopped.
fn see_choices(choices: &[u8], watch: &mut Watch) {
    let mut said = 0;
    leaves(choices, |key, leaf| match key {
        b"content" | b"text" | b"reasoning_content" | b"reasoning" | b"refusal" | b"arguments" => {
            said += if leaf[0] == b'"' { chars(leaf) } else { 0 };
        }
        b"name" => watch.content = true,
        b"finish_reason" if leaf != b"null" => watch.see_stop(leaf),
        _ => {}
    });
    watch.add_chars(said);
}

fn is_empty_array(raw: &[u8]) -> bool {
    raw.strip_prefix(b"[").is_some_and(|rest| rest.trim_ascii() == b"]")
}

/// Writes `data` with one range replaced.
pub(super) fn spliced(data: &[u8], span: Range<usize>, with: &[u8], out: &mut Vec<u8>) {
    let (head, tail) = (&data[..span.start], &data[span.end..]);
    if memchr::memchr2(b'\n', b'\r', data).is_some() {
        return sse(out, None, &[head, with, tail].concat());
    }
    out.reserve(data.len() + with.len() + 8);
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(head);
    out.extend_from_slice(with);
    out.extend_from_slice(tail);
    out.extend_from_slice(b"\n\n");
}
