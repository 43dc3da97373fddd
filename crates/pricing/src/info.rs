/// What a model is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    #[default]
    Chat,
    Completion,
    Embedding,
    Responses,
    Rerank,
    Moderation,
    AudioTranscription,
    AudioSpeech,
    ImageGeneration,
    Realtime,
}

const MODES: [(Mode, &str); 10] = [
    (Mode::Chat, "chat"),
    (Mode::Completion, "completion"),
    (Mode::Embedding, "embedding"),
    (Mode::Responses, "responses"),
    (Mode::Rerank, "rerank"),
    (Mode::Moderation, "moderation"),
    (Mode::AudioTranscription, "audio_transcription"),
    (Mode::AudioSpeech, "audio_speech"),
    (Mode::ImageGeneration, "image_generation"),
    (Mode::Realtime, "realtime"),
];

impl Mode {
    /// As the compatible surface spells it.
    pub fn as_str(self) -> &'static str {
        MODES.iter().find(|(mode, _)| *mode == self).map_or("chat", |(_, name)| name)
    }

    pub fn parse(name: &str) -> Option<Self> {
        MODES.iter().find(|(_, known)| *known == name).map(|(mode, _)| *mode)
    }
}

/// What a model is known to be able to do, one bit each, in the order of [`CAPABILITIES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(u32);

/// Word in the price book, and name of the flag on the compatible surface.
pub const CAPABILITIES: [(&str, &str); 16] = [
    ("tools", "supports_function_calling"),
    ("parallel_tools", "supports_parallel_function_calling"),
    ("tool_choice", "supports_tool_choice"),
    ("schema", "supports_response_schema"),
    ("vision", "supports_vision"),
    ("pdf", "supports_pdf_input"),
    ("audio_in", "supports_audio_input"),
    ("audio_out", "supports_audio_output"),
    ("video_in", "supports_video_input"),
    ("reasoning", "supports_reasoning"),
    ("cache", "supports_prompt_caching"),
    ("system", "supports_system_messages"),
    ("prefill", "supports_assistant_prefill"),
    ("web_search", "supports_web_search"),
    ("computer", "supports_computer_use"),
    ("streaming", "supports_native_streaming"),
];

impl Capabilities {
    /// Adds a capability by its word or its flag; unknown ones are left out.
    #[must_use]
    pub fn with(self, name: &str) -> Self {
        let bit = CAPABILITIES.iter().position(|(word, flag)| *word == name || *flag == name);
        Self(bit.map_or(self.0, |bit| self.0 | 1 << bit))
    }

    /// By word or flag.
    pub fn has(self, name: &str) -> bool {
        self.with(name) == self && CAPABILITIES.iter().any(|(word, flag)| *word == name || *flag == name)
    }

    /// Words of those that are there.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        self.all().map(|(word, _)| word)
    }

    /// Flags of those that are there (`supports_vision`, …).
    pub fn flags(self) -> impl Iterator<Item = &'static str> {
        self.all().map(|(_, flag)| flag)
    }

    fn all(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        CAPABILITIES
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 >> bit & 1 == 1)
            .map(|(_, names)| names)
    }
}

/// What is known of a model besides its price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelInfo {
    pub mode: Mode,
    pub max_input_tokens: Option<u32>,
    pub max_output_tokens: Option<u32>,
    pub capabilities: Capabilities,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_capabilities_read_back() {
        for (mode, name) in MODES {
            assert_eq!((mode.as_str(), Mode::parse(name)), (name, Some(mode)));
        }
        for (word, flag) in CAPABILITIES {
            let one = Capabilities::default().with(flag);
            assert!(one.has(word) && one.has(flag));
            assert_eq!(one.words().collect::<Vec<_>>(), [word]);
        }
        assert!(!Capabilities::default().has("nonsense"));
    }
}
