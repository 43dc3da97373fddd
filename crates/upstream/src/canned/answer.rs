use bytes::Bytes;
use serde_json::{Value, json};

/// Marks every canned answer, so that nobody takes it for a model's.
const FINGERPRINT: &str = "bulkhead-demo";

/// What to say, and how to count it.
pub(super) struct Answer {
    /// The text, cut as it is streamed.
    pub(super) chunks: Vec<String>,
    pub(super) finish_reason: &'static str,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
}

/// What every frame of one answer repeats.
pub(super) struct Head<'a> {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) model: &'a str,
    /// Chat, or the legacy completions.
    pub(super) chat: bool,
}

impl Answer {
    pub(super) fn whole(&self, head: &Head<'_>) -> Value {
        let text = self.chunks.concat();
        let mut choice = json!({"index": 0, "finish_reason": self.finish_reason, "logprobs": null});
        if head.chat {
            choice["message"] = json!({"role": "assistant", "content": text, "refusal": null});
        } else {
            choice["text"] = text.into();
        }
        let object = if head.chat { "chat.completion" } else { "text_completion" };
        let mut whole = head.frame(object, json!([choice]));
        whole["usage"] = self.usage();
        whole
    }

    /// The frames of a stream, `[DONE]` included.
    pub(super) fn events(&self, head: &Head<'_>, with_usage: bool) -> Vec<Bytes> {
        let object = if head.chat { "chat.completion.chunk" } else { "text_completion" };
        let last = self.choice(head.chat, None, false, Some(self.finish_reason));
        let choices = self.chunks.iter().enumerate();
        let mut frames = choices
            .map(|(at, text)| self.choice(head.chat, Some(text), at == 0, None))
            .chain([last])
            .map(|choice| head.frame(object, json!([choice])))
            .collect::<Vec<_>>();
        if with_usage {
            let mut frame = head.frame(object, json!([]));
            frame["usage"] = self.usage();
            frames.push(frame);
        }
        let done = Bytes::from_static(b"data: [DONE]\n\n");
        frames.iter().map(|frame| Bytes::from(format!("data: {frame}\n\n"))).chain([done]).collect()
    }

    fn choice(&self, chat: bool, text: Option<&str>, first: bool, finish_reason: Option<&str>) -> Value {
        let mut choice = json!({"index": 0, "finish_reason": finish_reason});
        match (chat, text) {
            (true, Some(text)) if first => choice["delta"] = json!({"role": "assistant", "content": text}),
            (true, Some(text)) => choice["delta"] = json!({"content": text}),
            (true, None) => choice["delta"] = json!({}),
            (false, text) => choice["text"] = text.unwrap_or_default().into(),
        }
        choice
    }

    fn usage(&self) -> Value {
        json!({
            "prompt_tokens": self.input_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
        })
    }
}

impl Head<'_> {
    fn frame(&self, object: &str, choices: Value) -> Value {
        json!({
            "id": self.id,
            "object": object,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
            "demo": true,
            "choices": choices,
        })
    }
}
