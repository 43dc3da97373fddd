//! Token counts as Anthropic reports them.
//!
//! `input_tokens` leave out what was read from and written to the prompt cache: the whole prompt is the
//! sum of `input_tokens`, `cache_read_input_tokens` and `cache_creation_input_tokens`, the last split by
//! lifetime in `cache_creation`. `output_tokens` are a total; since 2026 `output_tokens_details` may tell
//! how many were thoughts. In a stream, `message_start` brings the first count and each `message_delta`
//! one that is cumulative: it replaces, never adds. Source: `anthropic.types.Usage`, `MessageDeltaUsage`.

use domain::Usage;
use serde::{Deserialize, Serialize};

/// Counts as they stand in a message or a stream so far.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<Creation>,
    output_tokens_details: Option<Details>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Creation {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    thinking_tokens: Option<u64>,
}

impl Counts {
    pub(crate) fn read(raw: &[u8]) -> Option<Self> {
        serde_json::from_slice(raw).ok()
    }

    /// What a later event of the stream says takes the place of what an earlier one said.
    pub(crate) fn update(&mut self, later: Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.cache_read_input_tokens = later.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.cache_creation_input_tokens =
            later.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_creation = later.cache_creation.or(self.cache_creation);
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
    }

    pub(crate) fn usage(&self) -> Option<Usage> {
        if self.input_tokens.is_none() && self.output_tokens.is_none() {
            return None;
        }
        let (read, write) = (self.cache_read_input_tokens, self.cache_creation_input_tokens);
        let parts = [self.input_tokens, read, write];
        Some(Usage {
            input: parts.into_iter().flatten().fold(0, u64::saturating_add),
            output: self.output_tokens.unwrap_or(0),
            cache_read: read,
            cache_write: write,
            cache_write_1h: self.cache_creation.map(|creation| creation.ephemeral_1h_input_tokens),
            reasoning: self.output_tokens_details.and_then(|details| details.thinking_tokens),
            audio_input: None,
            audio_output: None,
        })
    }
}

/// Reads a `usage` object.
pub fn read(raw: &[u8]) -> Option<Usage> {
    Counts::read(raw)?.usage()
}

#[derive(Serialize)]
struct Written {
    input_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation: Option<Creation>,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<WrittenDetails>,
}

#[derive(Serialize)]
struct WrittenDetails {
    thinking_tokens: u64,
}

/// Writes a `usage` object.
pub(crate) fn write(usage: &Usage, out: &mut Vec<u8>) {
    let cached = usage.cache_read.unwrap_or(0).saturating_add(usage.cache_write.unwrap_or(0));
    let wire = Written {
        input_tokens: usage.input.saturating_sub(cached),
        cache_creation_input_tokens: usage.cache_write,
        cache_read_input_tokens: usage.cache_read,
        cache_creation: usage.cache_write_1h.map(|hour| Creation {
            ephemeral_5m_input_tokens: usage.cache_write.unwrap_or(0).saturating_sub(hour),
            ephemeral_1h_input_tokens: hour,
        }),
        output_tokens: usage.output,
        output_tokens_details: usage.reasoning.map(|thinking_tokens| WrittenDetails { thinking_tokens }),
    };
    crate::write::json_into(out, &wire);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_part_of_the_input() {
        let raw = br#"{"input_tokens":10,"output_tokens":5,"cache_read_input_tokens":100,
            "cache_creation_input_tokens":50,
            "cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":30}}"#;
        let usage = read(raw).unwrap();
        assert_eq!((usage.input, usage.output), (160, 5));
        assert_eq!(
            (usage.cache_read, usage.cache_write, usage.cache_write_1h),
            (Some(100), Some(50), Some(30))
        );
        let mut out = Vec::new();
        write(&usage, &mut out);
        assert_eq!(read(&out), Some(usage));
    }

    #[test]
    fn a_later_count_replaces_an_earlier_one() {
        let mut counts = Counts::read(br#"{"input_tokens":7,"output_tokens":1}"#).unwrap();
        counts.update(Counts::read(br#"{"output_tokens":9}"#).unwrap());
        counts.update(Counts::read(br#"{"output_tokens":12,"cache_read_input_tokens":null}"#).unwrap());
        let usage = counts.usage().unwrap();
        assert_eq!((usage.input, usage.output, usage.cache_read), (7, 12, None));
    }
}
