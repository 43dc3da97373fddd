//! How large the prompt of a request is, in characters: what a token estimate starts from.

use domain::Dialect;

use crate::envelope::Envelope;
use crate::field::Field;
use crate::shallow::{Members, chars, leaves};

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

/// The fields that hold what the model reads.
const fn fields(dialect: Dialect) -> &'static [Field] {
    match dialect {
        Dialect::OpenAiChat => &[Field::Messages, Field::Tools],
        Dialect::AnthropicMessages => &[Field::System, Field::Messages, Field::Tools],
        Dialect::OpenAiCompletions => &[Field::Prompt],
        Dialect::OpenAiEmbeddings => &[Field::Input],
    }
}

/// Measures the prompt in one pass over its fields, without a tree.
pub fn input(dialect: Dialect, envelope: &Envelope) -> InputSize {
    let mut size = InputSize::default();
    for raw in fields(dialect).iter().filter_map(|field| envelope.raw(*field)) {
        leaves(raw.as_bytes(), |key, leaf| match (key, leaf) {
            (b"role", _) => size.messages += 1,
            (b"type", br#""image""# | br#""image_url""# | br#""file""# | br#""document""#) => {
                size.attachments += 1;
            }
            (key, leaf) => size.chars += leaf_chars(key, leaf),
        });
    }
    size
}

/// Characters of the prompt's text; see [`input`].
pub fn input_text_chars(dialect: Dialect, envelope: &Envelope) -> u64 {
    input(dialect, envelope).chars
}

/// The text of the prompt itself, for estimates that look at its scripts. Attachments are left out, and
/// tokens that the client counted itself stand as four letters each.
pub fn input_text(dialect: Dialect, body: &[u8]) -> String {
    let mut text = String::new();
    let Ok(mut members) = Members::new(body) else { return text };
    while let Ok(Some(member)) = members.next() {
        if fields(dialect).iter().any(|field| field.name().as_bytes() == member.key) {
            leaves(&body[member.value], |key, leaf| push_leaf(key, leaf, &mut text));
        }
    }
    text
}

const TOKEN_CHARS: u64 = 4;
const TOKEN_STANDS_AS: &str = " abc";

fn leaf_chars(key: &[u8], leaf: &[u8]) -> u64 {
    match leaf {
        [b'"', ..] if !NOT_TEXT.contains(&key) => chars(leaf),
        [b'0'..=b'9', ..] if key.is_empty() => TOKEN_CHARS,
        _ => 0,
    }
}

fn push_leaf(key: &[u8], leaf: &[u8], text: &mut String) {
    match leaf {
        [b'"', inner @ .., b'"'] if key != b"role" && !NOT_TEXT.contains(&key) => {
            match std::str::from_utf8(inner) {
                Ok(plain) if !inner.contains(&b'\\') => text.push_str(plain),
                _ => text.push_str(&serde_json::from_slice::<String>(leaf).unwrap_or_default()),
            }
            text.push('\n');
        }
        [b'0'..=b'9', ..] if key.is_empty() => text.push_str(TOKEN_STANDS_AS),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const CHAT: &str = r#"{"model":"m","messages":[
        {"role":"user","content":[{"type":"text","text":"h\u00e9y"},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
        {"role":"assistant","content":"ok"}],"user":"somebody"}"#;

    #[test]
    fn only_what_the_model_reads_is_counted() {
        let body = Bytes::from_static(CHAT.as_bytes());
        let envelope = crate::envelope::scan(&body).unwrap();
        let size = input(Dialect::OpenAiChat, &envelope);
        assert_eq!(size, InputSize { chars: 5, messages: 2, attachments: 1 });
        assert_eq!(input_text(Dialect::OpenAiChat, &body), "héy\nok\n");
    }

    #[test]
    fn tokens_count_as_letters() {
        let body = Bytes::from_static(br#"{"input":[1,22,333]}"#);
        let envelope = crate::envelope::scan(&body).unwrap();
        assert_eq!(input_text_chars(Dialect::OpenAiEmbeddings, &envelope), 12);
        assert_eq!(input_text(Dialect::OpenAiEmbeddings, &body).len(), 12);
    }
}
