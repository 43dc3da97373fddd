use serde::{Deserialize, Serialize};

/// Tokens of one call, counted as OpenAI counts them: `input` and `output` are totals, the rest are
/// parts of those totals. Dialects that count otherwise (Anthropic leaves cached tokens out of
/// `input_tokens`) are converted where they are read.
///
/// `None` means "this provider does not say"; `Some(0)` means "it says none".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All prompt tokens, cached ones and cache writes included.
    pub input: u64,
    /// All completion tokens, reasoning included.
    pub output: u64,
    /// Part of `input` that was read from the provider's prompt cache.
    pub cache_read: Option<u64>,
    /// Part of `input` that was written to the prompt cache, whatever its lifetime.
    pub cache_write: Option<u64>,
    /// Part of `cache_write` with a lifetime of one hour, which some providers price higher.
    pub cache_write_1h: Option<u64>,
    /// Part of `output` spent on reasoning.
    pub reasoning: Option<u64>,
    /// Part of `input` that is audio.
    pub audio_input: Option<u64>,
    /// Part of `output` that is audio.
    pub audio_output: Option<u64>,
}

impl Usage {
    pub const fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}
