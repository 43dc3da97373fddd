//! Token counts as OpenAI and its kin report them.
//!
//! | who | where the cached part of the prompt is |
//! | --- | --- |
//! | OpenAI, Azure, xAI, Groq, Mistral | `prompt_tokens_details.cached_tokens` |
//! | DeepSeek | `prompt_cache_hit_tokens` |
//! | Moonshot | `cached_tokens` |
//! | LiteLLM, for Anthropic models | `prompt_tokens_details`, and `cache_read_input_tokens`, `cache_creation_input_tokens` beside it |
//!
//! `prompt_tokens` and `completion_tokens` are totals, save for xAI, whose `completion_tokens` leave
//! reasoning out while `total_tokens` counts it: where the sum says so, it is added.

use domain::Usage;
use serde::{Deserialize, Serialize};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    prompt_cache_hit_tokens: Option<u64>,
    cached_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Option<u64>,
    audio_tokens: Option<u64>,
    cache_creation_tokens: Option<u64>,
    cache_creation_token_details: Option<CreationDetails>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CreationDetails {
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
    audio_tokens: Option<u64>,
}

/// Reads a `usage` object; `None` when it is none, or says neither prompt nor completion.
pub fn read(raw: &[u8]) -> Option<Usage> {
    let wire: Wire = serde_json::from_slice(raw).ok()?;
    if wire.prompt_tokens.is_none() && wire.completion_tokens.is_none() {
        return None;
    }
    let prompt = wire.prompt_tokens_details.unwrap_or_default();
    let completion = wire.completion_tokens_details.unwrap_or_default();
    let input = wire.prompt_tokens.unwrap_or(0);
    let said = wire.completion_tokens.unwrap_or(0);
    let reasoning = completion.reasoning_tokens;
    let apart = said.saturating_add(reasoning.unwrap_or(0));
    let output = if wire.total_tokens == Some(input.saturating_add(apart)) { apart } else { said };
    Some(Usage {
        input,
        output,
        cache_read: prompt
            .cached_tokens
            .or(wire.cache_read_input_tokens)
            .or(wire.prompt_cache_hit_tokens)
            .or(wire.cached_tokens),
        cache_write: prompt.cache_creation_tokens.or(wire.cache_creation_input_tokens),
        cache_write_1h: prompt.cache_creation_token_details.and_then(|it| it.ephemeral_1h_input_tokens),
        reasoning,
        audio_input: prompt.audio_tokens,
        audio_output: completion.audio_tokens,
    })
}

#[derive(Serialize)]
struct Written {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<WrittenPrompt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<WrittenCompletion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation_input_tokens: Option<u64>,
}

#[derive(Serialize)]
struct WrittenPrompt {
    cached_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation_token_details: Option<WrittenCreation>,
}

#[derive(Serialize)]
struct WrittenCreation {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Serialize)]
struct WrittenCompletion {
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_tokens: Option<u64>,
}

/// Writes a `usage` object, with the cache fields of the compatible surface where they are known.
pub(crate) fn write(usage: &Usage, out: &mut Vec<u8>) {
    let creation = usage.cache_write_1h.map(|hour| WrittenCreation {
        ephemeral_5m_input_tokens: usage.cache_write.unwrap_or(0).saturating_sub(hour),
        ephemeral_1h_input_tokens: hour,
    });
    let prompt = [usage.cache_read, usage.cache_write, usage.audio_input].iter().any(Option::is_some);
    let completion = usage.reasoning.is_some() || usage.audio_output.is_some();
    let wire = Written {
        prompt_tokens: usage.input,
        completion_tokens: usage.output,
        total_tokens: usage.total(),
        prompt_tokens_details: prompt.then_some(WrittenPrompt {
            cached_tokens: usage.cache_read.unwrap_or(0),
            audio_tokens: usage.audio_input,
            cache_creation_tokens: usage.cache_write,
            cache_creation_token_details: creation,
        }),
        completion_tokens_details: completion.then_some(WrittenCompletion {
            reasoning_tokens: usage.reasoning,
            audio_tokens: usage.audio_output,
        }),
        cache_read_input_tokens: usage.cache_read,
        cache_creation_input_tokens: usage.cache_write,
    };
    crate::write::json_into(out, &wire);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kin_is_read() {
        let cached = |raw: &str| read(raw.as_bytes()).unwrap().cache_read;
        assert_eq!(cached(r#"{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":4}}"#), Some(4));
        assert_eq!(cached(r#"{"prompt_tokens":9,"prompt_cache_hit_tokens":3}"#), Some(3));
        assert_eq!(cached(r#"{"prompt_tokens":9,"cached_tokens":2}"#), Some(2));
        assert_eq!(cached(r#"{"prompt_tokens":9,"prompt_tokens_details":null}"#), None);
        assert_eq!(read(b"null"), None);
        assert_eq!(read(b"{}"), None);
    }

    #[test]
    fn reasoning_that_is_counted_apart_is_added() {
        let apart = br#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":22,
            "completion_tokens_details":{"reasoning_tokens":7}}"#;
        assert_eq!(read(apart).unwrap().output, 12);
        let within = br#"{"prompt_tokens":10,"completion_tokens":12,"total_tokens":22,
            "completion_tokens_details":{"reasoning_tokens":7}}"#;
        assert_eq!(read(within).unwrap().output, 12);
    }

    #[test]
    fn what_is_written_reads_back() {
        let usage = Usage {
            input: 100,
            output: 20,
            cache_read: Some(30),
            cache_write: Some(40),
            cache_write_1h: Some(15),
            reasoning: Some(5),
            audio_input: None,
            audio_output: None,
        };
        let mut out = Vec::new();
        write(&usage, &mut out);
        assert_eq!(read(&out), Some(usage));
    }
}
