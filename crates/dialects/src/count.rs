//! How large the prompt of a request is, in characters: what a token estimate starts from.

use domain::Dialect;

use crate::envelope::{Envelope, Field};
use crate::shallow::{chars, leaves};

/// The size of a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputSize {
    /// Characters of all text that the model reads: messages, system prompt, tools with their schemas.
    pub chars: u64,
    pub messages: u64,
    /// Images and documents, whose bytes are not counted as text.
    pub attachments: u64,
}

/// Keys whose strings are bytes, addresses, ids or marks rather than text that a model reads.
const NOT_TEXT: &[&[u8]] = &[
    b"data",
    b"detail",
    b"encrypted_content",
    b"file_data",
    b"file_id",
    b"format",
    b"id",
    b"media_type",
    b"signature",
    b"tool_call_id",
    b"tool_use_id",
    b"ttl",
    b"type",
    b"url",
];

/// Measures the prompt in one pass over its fields, without a tree.
pub fn input(dialect: Dialect, envelope: &Envelope) -> InputSize {
    let mut size = InputSize::default();
    let fields: &[Field] = match dialect {
        Dialect::OpenAiChat => &[Field::Messages, Field::Tools],
        Dialect::AnthropicMessages => &[Field::System, Field::Messages, Field::Tools],
        Dialect::OpenAiCompletions => &[Field::Prompt],
        Dialect::OpenAiEmbeddings => &[Field::Input],
    };
    for raw in fields.iter().filter_map(|field| envelope.raw(*field)) {
        measure(raw.as_bytes(), &mut size);
    }
    size
}

/// Characters of the prompt's text; see [`input`].
pub fn input_text_chars(dialect: Dialect, envelope: &Envelope) -> u64 {
    input(dialect, envelope).chars
}

fn measure(raw: &[u8], size: &mut InputSize) {
    leaves(raw, |key, leaf| match (key, leaf) {
        (b"role", _) => size.messages += 1,
        (b"type", br#""image""# | br#""image_url""# | br#""file""# | br#""document""#) => {
            size.attachments += 1;
        }
        (key, [b'"', ..]) if !NOT_TEXT.contains(&key) => size.chars += chars(leaf),
        // A token that was counted by the client already weighs about as much as four characters.
        (b"", [b'0'..=b'9', ..]) => size.chars += 4,
        _ => {}
    });
}
