//! What the golden tests share: paths, comparison with a file, JSON laid out for review.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use domain::Dialect;
use serde_json::value::RawValue;

pub fn name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenAiChat => "openai_chat",
        Dialect::OpenAiCompletions => "openai_completions",
        Dialect::OpenAiEmbeddings => "openai_embeddings",
        Dialect::AnthropicMessages => "anthropic_messages",
    }
}

pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Compares with the file, or writes it where `UPDATE_GOLDEN=1`.
pub fn compare(path: &Path, actual: &str, failures: &mut Vec<String>) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected != actual {
        failures.push(format!("{}\n--- expected\n{expected}\n--- actual\n{actual}", path.display()));
    }
}

/// Lays out JSON with every byte of its keys, numbers and strings, and their order, as they are.
pub fn pretty(json: &str) -> String {
    let mut out = String::new();
    lay_out(json.trim(), 0, &mut out);
    out
}

const LINE_CHARS_MAX: usize = 100;

fn lay_out(json: &str, depth: usize, out: &mut String) {
    let nested = matches!(json.as_bytes().first(), Some(b'{' | b'['));
    let line = compact(json);
    if !nested || line.len() + 2 * depth <= LINE_CHARS_MAX {
        out.push_str(&line);
        return;
    }
    let pad = "  ".repeat(depth + 1);
    let (open, close) = if json.starts_with('{') { ('{', '}') } else { ('[', ']') };
    out.push(open);
    let items: Vec<(Option<&str>, &str)> = if open == '{' {
        members(json).into_iter().map(|(key, value)| (Some(key), value)).collect()
    } else {
        let list: Vec<&RawValue> = serde_json::from_str(json).unwrap();
        list.into_iter().map(|raw| (None, raw.get())).collect()
    };
    for (index, (key, value)) in items.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&pad);
        if let Some(key) = key {
            out.push_str(key);
            out.push_str(": ");
        }
        lay_out(value, depth + 1, out);
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(close);
}

/// Without the white space between tokens.
fn compact(json: &str) -> String {
    let (mut within, mut escaped) = (false, false);
    json.chars()
        .filter(|c| {
            if within {
                (within, escaped) = (escaped || *c != '"', !escaped && *c == '\\');
                return true;
            }
            within = *c == '"';
            !c.is_ascii_whitespace()
        })
        .collect()
}

/// Keys (with their quotes) and values, in order.
fn members(json: &str) -> Vec<(&str, &str)> {
    struct Collect;
    impl<'de> serde::de::Visitor<'de> for Collect {
        type Value = Vec<(&'de str, &'de str)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
                list.push((key.get(), value.get()));
            }
            Ok(list)
        }
    }
    serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_str(json), Collect).unwrap()
}

/// The events of a file: name and data. Only for files of our own, with one `data` line an event.
pub fn events(text: &str) -> Vec<(Option<&str>, &str)> {
    let field = |block: &'_ str, name: &str| -> Option<usize> {
        block.lines().find(|line| line.starts_with(name)).map(|line| line.as_ptr() as usize + name.len())
    };
    let slice = |block: &'_ str, at: usize| at - block.as_ptr() as usize;
    text.split("\n\n")
        .filter_map(|block| {
            let rest =
                |name| field(block, name).map(|at| block[slice(block, at)..].lines().next().unwrap_or(""));
            Some((rest("event: "), rest("data: ")?))
        })
        .collect()
}
