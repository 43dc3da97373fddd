use kit::KeyHash;

use crate::node::{Content, Entry, Node, Text};

/// The id of a deployment that sets none: SHA-256, in hexadecimal, of the model group followed by key and
/// value of each of its `litellm_params`, so that it stays the same while they do. A map counts as JSON,
/// anything else as its text.
pub fn derive(group: &str, params: &[Entry]) -> String {
    let mut text = String::from(group);
    for entry in params {
        text.push_str(&entry.key);
        text.push_str(&as_text(&entry.value));
    }
    KeyHash::of(&text).to_hex()
}

fn as_text(node: &Node) -> String {
    match &node.content {
        Content::Text(text) if node.is_null() || node.text().is_none() => python_word(text),
        Content::Text(text) => text.text.clone(),
        Content::MissingVariable(_) => "None".into(),
        Content::List(_) | Content::Map(_) => node.to_json().to_string(),
    }
}

/// `null`, `true` and `false` as the compatible surface spells them.
fn python_word(text: &Text) -> String {
    match crate::scalar::boolean(&text.text) {
        Some(true) => "True".into(),
        Some(false) => "False".into(),
        None => "None".into(),
    }
}
