use std::borrow::Cow;

use domain::Dialect;

use crate::anthropic_messages::{Counts, JSON_TOOL, stop_of};
use crate::error::{DialectError, provider_error};
use crate::hub::{Stop, StreamEvent};
use crate::read::{Object, Path, ReadError};
use crate::stream::Decoded;

/// Most content blocks open at a time; the provider opens one after the other.
const OPEN_BLOCKS_MAX: usize = 16;

/// Reads the events of an Anthropic provider.
#[derive(Default)]
pub(crate) struct Decoder {
    counts: Counts,
    open: Vec<(u64, Block)>,
    tools: u32,
    stopped: bool,
}

#[derive(Clone, Copy)]
enum Block {
    /// Text, thoughts, and what the hub has no word for: their deltas say what they are.
    Plain,
    Tool {
        index: u32,
        any_input: bool,
    },
    /// The tool that stands for a JSON answer: its input is the text.
    JsonAnswer,
}

impl Decoder {
    pub(crate) fn event<'a>(
        &mut self,
        name: Option<&str>,
        data: &'a str,
    ) -> Result<Decoded<'a>, DialectError> {
        let root = Path::Root;
        let mut object = Object::parse(data, &root).map_err(DialectError::bad_response)?;
        let kind = object.text("type").ok().flatten();
        let kind = kind.as_deref().or(name).unwrap_or_default();
        if kind == "error" {
            return Ok(Decoded::Error(provider_error(Dialect::AnthropicMessages, 200, data.as_bytes())));
        }
        let mut events = Vec::new();
        self.read(kind, object, &mut events).map_err(DialectError::bad_response)?;
        Ok(Decoded::Events(events))
    }

    fn read<'a>(
        &mut self,
        kind: &str,
        mut object: Object<'a, '_>,
        events: &mut Vec<StreamEvent<'a>>,
    ) -> Result<(), ReadError> {
        match kind {
            "message_start" => {
                let path = object.path.key("message");
                let mut message = Object::of(object.required("message", "an object")?, &path)?;
                events.extend(message.text("id")?.map(StreamEvent::Id));
                self.count(&mut message, events);
            }
            "content_block_start" => self.block_start(&mut object, events)?,
            "content_block_delta" => self.block_delta(&mut object, events)?,
            "content_block_stop" => self.block_stop(&mut object, events)?,
            "message_delta" => {
                self.count(&mut object, events);
                self.stop(&mut object, events)?;
            }
            "message_stop" => events.push(StreamEvent::Done),
            _ => {}
        }
        Ok(())
    }

    fn count<'a>(&mut self, object: &mut Object<'a, '_>, events: &mut Vec<StreamEvent<'a>>) {
        if let Some(counts) = object.take("usage").and_then(|raw| Counts::read(raw.get().as_bytes())) {
            self.counts.update(counts);
            events.extend(self.counts.usage().map(StreamEvent::Usage));
        }
    }

    fn stop<'a>(
        &mut self,
        object: &mut Object<'a, '_>,
        events: &mut Vec<StreamEvent<'a>>,
    ) -> Result<(), ReadError> {
        let path = object.path.key("delta");
        let Some(raw) = object.take("delta") else { return Ok(()) };
        let mut delta = Object::of(raw, &path)?;
        let Some(word) = delta.text("stop_reason")? else { return Ok(()) };
        if std::mem::replace(&mut self.stopped, true) {
            return Ok(());
        }
        let reason = match stop_of(&word) {
            Stop::ToolUse if self.tools == 0 => Stop::End,
            reason => reason,
        };
        events.push(StreamEvent::Stop { reason, sequence: delta.text("stop_sequence")? });
        Ok(())
    }

    fn block_start<'a>(
        &mut self,
        object: &mut Object<'a, '_>,
        events: &mut Vec<StreamEvent<'a>>,
    ) -> Result<(), ReadError> {
        let index = object.whole("index")?.unwrap_or(0);
        let path = object.path.key("content_block");
        let mut block = Object::of(object.required("content_block", "an object")?, &path)?;
        if self.open.len() >= OPEN_BLOCKS_MAX {
            return Err(ReadError::new(&path, "one of at most 16 open blocks"));
        }
        let some = |text: &Cow<'a, str>| !text.is_empty();
        let mut open = Block::Plain;
        match block.required_text("type")?.as_ref() {
            "text" => events.extend(block.text("text")?.filter(some).map(StreamEvent::Text)),
            "thinking" => {
                events.extend(block.text("thinking")?.filter(some).map(StreamEvent::Thinking));
                events.extend(block.text("signature")?.filter(some).map(StreamEvent::Signature));
            }
            "redacted_thinking" => {
                events.push(StreamEvent::RedactedThinking(block.required_text("data")?));
            }
            "tool_use" => open = self.tool(&mut block, events)?,
            _ => {}
        }
        self.open.retain(|(at, _)| *at != index);
        self.open.push((index, open));
        Ok(())
    }

    fn tool<'a>(
        &mut self,
        block: &mut Object<'a, '_>,
        events: &mut Vec<StreamEvent<'a>>,
    ) -> Result<Block, ReadError> {
        let (id, name) = (block.required_text("id")?, block.required_text("name")?);
        let input = block.take("input").map(|raw| raw.get()).filter(|input| is_filled_object(input));
        if name == JSON_TOOL {
            events.extend(input.map(|input| StreamEvent::Text(Cow::Borrowed(input))));
            return Ok(Block::JsonAnswer);
        }
        let index = self.tools;
        self.tools = self.tools.saturating_add(1);
        events.push(StreamEvent::ToolStart { index, id, name });
        if let Some(json) = input {
            events.push(StreamEvent::ToolInput { index, json: Cow::Borrowed(json) });
        }
        Ok(Block::Tool { index, any_input: input.is_some() })
    }

    fn block_delta<'a>(
        &mut self,
        object: &mut Object<'a, '_>,
        events: &mut Vec<StreamEvent<'a>>,
    ) -> Result<(), ReadError> {
        let index = object.whole("index")?.unwrap_or(0);
        let path = object.path.key("delta");
        let mut delta = Object::of(object.required("delta", "an object")?, &path)?;
        match delta.required_text("type")?.as_ref() {
            "text_delta" => events.extend(filled(delta.text("text")?).map(StreamEvent::Text)),
            "thinking_delta" => events.extend(filled(delta.text("thinking")?).map(StreamEvent::Thinking)),
            "signature_delta" => events.extend(filled(delta.text("signature")?).map(StreamEvent::Signature)),
            "input_json_delta" => {
                let Some(json) = filled(delta.text("partial_json")?) else { return Ok(()) };
                match self.open.iter_mut().find(|(at, _)| *at == index) {
                    Some((_, Block::Tool { index, any_input })) => {
                        *any_input = true;
                        events.push(StreamEvent::ToolInput { index: *index, json });
                    }
                    Some((_, Block::JsonAnswer)) => events.push(StreamEvent::Text(json)),
                    // The input of a tool that the provider runs itself.
                    Some((_, Block::Plain)) | None => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A tool without input is one of an empty object, which no delta says.
    fn block_stop<'a>(
        &mut self,
        object: &mut Object<'a, '_>,
        events: &mut Vec<StreamEvent<'a>>,
    ) -> Result<(), ReadError> {
        let index = object.whole("index")?.unwrap_or(0);
        if let Some(at) = self.open.iter().position(|(open, _)| *open == index)
            && let (_, Block::Tool { index, any_input: false }) = self.open.swap_remove(at)
        {
            events.push(StreamEvent::ToolInput { index, json: Cow::Borrowed("{}") });
        }
        Ok(())
    }
}

fn filled(text: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    text.filter(|text| !text.is_empty())
}

fn is_filled_object(raw: &str) -> bool {
    raw.strip_prefix('{').is_some_and(|rest| rest.trim_start() != "}")
}
