//! Anthropic streams whose client speaks the same dialect.

use std::borrow::Cow;

use domain::Dialect;

use super::pass_openai::spliced;
use super::watch::Watch;
use super::{Context, Progress};
use crate::anthropic_messages::Counts;
use crate::error::{DialectError, provider_error};
use crate::shallow::{Malformed, Members, chars, leaves, member};
use crate::write::sse;

#[derive(Default)]
pub(super) struct PassAnthropic {
    counts: Counts,
}

impl PassAnthropic {
    pub(super) fn event(
        &mut self,
        name: Option<&str>,
        data: &[u8],
        context: &Context,
        watch: &mut Watch,
        out: &mut Vec<u8>,
    ) -> Result<Progress, DialectError> {
        check(data)
            .map_err(|Malformed| DialectError::BadResponse("an event that is no JSON object".to_owned()))?;
        let kind = match name {
            Some(name) => Cow::Borrowed(name),
            None => kind_of(data),
        };
        match kind.as_ref() {
            "message_start" => return Ok(self.start(data, context, watch, out)),
            "content_block_start" | "content_block_delta" => see_block(data, watch),
            "message_delta" => self.delta(data, watch),
            "error" => watch.error = Some(provider_error(Dialect::AnthropicMessages, 200, data)),
            _ => {}
        }
        sse(out, name_to_write(&kind), data);
        Ok(match kind.as_ref() {
            "message_stop" => Progress::Done,
            "error" => Progress::Failed,
            _ => Progress::More,
        })
    }

    /// The opening event carries id, model and the first count.
    fn start(&mut self, data: &[u8], context: &Context, watch: &mut Watch, out: &mut Vec<u8>) -> Progress {
        let mut model = None;
        if let Some(outer) = member(data, b"message") {
            let message = &data[outer.clone()];
            if let Some(id) = member(message, b"id") {
                watch.see_id(&message[id]);
            }
            self.count(message, watch);
            model = member(message, b"model").map(|span| outer.start + span.start..outer.start + span.end);
        }
        match model {
            Some(span) if data[span.clone()] != context.model[..] => {
                out.extend_from_slice(b"event: message_start\n");
                spliced(data, span, &context.model, out);
            }
            _ => sse(out, Some("message_start"), data),
        }
        Progress::More
    }

    fn delta(&mut self, data: &[u8], watch: &mut Watch) {
        self.count(data, watch);
        if let Some(span) = member(data, b"delta") {
            let delta = &data[span];
            if let Some(stop) = member(delta, b"stop_reason") {
                watch.see_stop(&delta[stop]);
            }
        }
    }

    fn count(&mut self, object: &[u8], watch: &mut Watch) {
        if let Some(counts) = member(object, b"usage").and_then(|span| Counts::read(&object[span])) {
            self.counts.update(counts);
            watch.usage = self.counts.usage();
        }
    }

    /// Ends a stream that the provider left without `message_stop`; `false` when the message is incomplete.
    pub(super) fn close(&mut self, watch: &Watch, out: &mut Vec<u8>) -> bool {
        if watch.stop.is_some() {
            sse(out, Some("message_stop"), br#"{"type":"message_stop"}"#);
        }
        watch.stop.is_some()
    }
}

/// Is it an object, as far as one pass over its top level can tell?
fn check(data: &[u8]) -> Result<(), Malformed> {
    let mut members = Members::new(data)?;
    while members.next()?.is_some() {}
    Ok(())
}

/// The type as the data tells it, for providers that leave out the event's name.
fn kind_of(data: &[u8]) -> Cow<'static, str> {
    let kind = member(data, b"type").and_then(|span| serde_json::from_slice::<String>(&data[span]).ok());
    Cow::Owned(kind.unwrap_or_default())
}

/// A name that could break the frame is left out.
fn name_to_write(kind: &str) -> Option<&str> {
    (!kind.is_empty() && !kind.contains(['\n', '\r'])).then_some(kind)
}

fn see_block(data: &[u8], watch: &mut Watch) {
    let mut said = 0;
    leaves(data, |key, leaf| match key {
        b"text" | b"thinking" | b"partial_json" if leaf[0] == b'"' => said += chars(leaf),
        b"name" | b"data" | b"signature" => watch.content = true,
        _ => {}
    });
    watch.add_chars(said);
}
