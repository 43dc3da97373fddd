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
    head: Option<Head>,
}

/// Longest head that is remembered, in bytes.
const HEAD_BYTES_MAX: usize = 1024;

/// What all chunks of a stream begin with (id, time, model), up to their choices: once seen, it is only
/// compared.
struct Head {
    read: Vec<u8>,
    /// The same with the model that the client asked for, behind `data: `.
    written: Vec<u8>,
}

/// The top level of a chunk.
#[derive(Default)]
struct Chunk {
    model: Option<Range<usize>>,
    usage: Option<Range<usize>>,
    choices: Option<Range<usize>>,
    error: Option<Range<usize>>,
    id: Option<Range<usize>>,
    /// Where the key of `choices` is.
    head_end: Option<usize>,
}

impl PassOpenAi {
    pub(super) const fn new(dialect: Dialect) -> Self {
        Self { dialect, head: None }
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
        let head = self.head.as_ref().filter(|head| data.starts_with(&head.read));
        let members = match head {
            Some(head) => Ok(Members::resume(data, head.read.len())),
            None => Members::new(data),
        };
        let chunk = members
            .and_then(|members| Chunk::read(data, members))
            .map_err(|Malformed| DialectError::BadResponse("an event that is no JSON object".to_owned()))?;
        if chunk.error.is_some() {
            watch.error = Some(provider_error(self.dialect, 200, data));
            sse(out, None, data);
            return Ok(Progress::Failed);
        }
        if let Some(id) = chunk.id.clone() {
            watch.see_id(&data[id]);
        }
        let choices = chunk.choices.clone().map(|span| &data[span]);
        if let Some(choices) = choices {
            see_choices(choices, watch);
        }
        if let Some(usage) = chunk.usage.clone().and_then(|span| openai_chat::usage(&data[span])) {
            watch.usage = Some(usage);
            if choices.is_none_or(is_empty_array) && !context.wants_usage {
                return Ok(Progress::More);
            }
        }
        if let (Some(head), None) = (head, &chunk.model) {
            head.write(data, out);
            return Ok(Progress::More);
        }
        self.head = chunk.head(data, context);
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

impl Head {
    fn write(&self, data: &[u8], out: &mut Vec<u8>) {
        let rest = &data[self.read.len()..];
        if memchr::memchr2(b'\n', b'\r', data).is_some() {
            return sse(out, None, &[&self.written["data: ".len()..], rest].concat());
        }
        out.reserve(self.written.len() + rest.len() + 2);
        out.extend_from_slice(&self.written);
        out.extend_from_slice(rest);
        out.extend_from_slice(b"\n\n");
    }
}

impl Chunk {
    /// The head of this chunk, if it is one that the next chunks may share.
    fn head(&self, data: &[u8], context: &Context) -> Option<Head> {
        let read = data.get(..self.head_end?).filter(|head| head.len() <= HEAD_BYTES_MAX)?;
        let model = self.model.clone().filter(|model| model.end <= read.len())?;
        let beyond = |span: &Option<Range<usize>>| span.as_ref().is_none_or(|span| span.start > read.len());
        if !beyond(&self.usage) || !beyond(&self.error) {
            return None;
        }
        let written = [b"data: ", &read[..model.start], &context.model, &read[model.end..]].concat();
        Some(Head { read: read.to_vec(), written })
    }

    fn read(data: &[u8], mut members: Members<'_>) -> Result<Self, Malformed> {
        let mut chunk = Self::default();
        while let Some(member) = members.next()? {
            let place = match member.key {
                b"model" => &mut chunk.model,
                b"usage" => &mut chunk.usage,
                b"choices" => {
                    chunk.head_end = Some(member.key_start);
                    &mut chunk.choices
                }
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
