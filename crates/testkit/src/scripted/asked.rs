//! What a request asks for, read from either dialect into one form, with the checks that the real
//! providers make: a bad translation is refused here as it would be there.

use serde_json::Value;

use super::script::Script;

/// A request as the answer sees it.
#[derive(Debug, Default)]
pub struct Asked {
    pub system: Vec<String>,
    pub turns: usize,
    /// The last text that the user wrote, without its script.
    pub user: String,
    /// One entry per image: `url:<url>` or `<media type>:<bytes>`.
    pub images: Vec<String>,
    /// Tool results: call id and text.
    pub results: Vec<(String, String)>,
    pub ends_with_results: bool,
    pub tools: Vec<Tool>,
    pub choice: Choice,
    pub one_call_only: bool,
    /// JSON output, with its schema when there is one.
    pub json: Option<Value>,
    pub stop: Vec<String>,
    pub max_tokens: Option<u64>,
    pub thinking: bool,
    /// Signatures of thinking blocks that came back.
    pub signatures: Vec<String>,
    pub cache_marks: usize,
    /// Words in all texts.
    pub words: u64,
    pub choices: usize,
    pub end_user: Option<String>,
}

#[derive(Debug)]
pub struct Tool {
    pub name: String,
    pub schema: Value,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub enum Choice {
    #[default]
    Auto,
    None,
    Any,
    Named(String),
}

/// A refusal: the provider's sentence and the parameter at fault.
#[derive(Debug)]
pub struct Invalid {
    pub message: String,
    pub param: Option<String>,
}

pub fn invalid(param: &str, message: impl Into<String>) -> Invalid {
    Invalid { message: message.into(), param: Some(param.to_owned()) }
}

impl Asked {
    pub fn take_text(&mut self, text: &str) {
        self.words += text.split_whitespace().count() as u64;
    }

    pub fn take_user_text(&mut self, text: &str) {
        let text = Script::strip(text);
        self.take_text(&text);
        if !text.trim().is_empty() {
            self.user = text;
        }
    }

    /// The tools to call, in order; none when it is to answer with text.
    pub fn called(&self) -> Vec<&Tool> {
        let wants = match &self.choice {
            Choice::None => false,
            Choice::Auto => !self.ends_with_results,
            Choice::Any | Choice::Named(_) => true,
        };
        if !wants {
            return Vec::new();
        }
        match &self.choice {
            Choice::Named(name) => self.tools.iter().filter(|tool| tool.name == *name).collect(),
            _ => self.tools.iter().collect(),
        }
    }
}

/// A string or a list of strings.
pub fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// How many `cache_control` marks lie anywhere in a value.
pub fn cache_marks(value: &Value) -> usize {
    match value {
        Value::Object(map) => {
            usize::from(map.get("cache_control").is_some_and(|mark| !mark.is_null()))
                + map.values().map(cache_marks).sum::<usize>()
        }
        Value::Array(list) => list.iter().map(cache_marks).sum(),
        _ => 0,
    }
}

/// A value that fits a JSON schema; `variant` tells parallel calls apart.
pub fn example(schema: &Value, name: &str, variant: usize) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].get(0).and_then(Value::as_str));
    match kind {
        Some("integer") => Value::from(7 + variant),
        Some("number") => Value::from(1.5),
        Some("boolean") => Value::from(true),
        Some("array") => Value::Array(vec![example(&schema["items"], name, variant)]),
        Some("string") => Value::from(match (name, variant) {
            ("city" | "location", 0) => "Paris",
            ("city" | "location", 1) => "London, \"UK\"",
            _ => "text é\u{1F600}",
        }),
        _ => {
            let fields = schema["properties"].as_object();
            let field = |(name, schema): (&String, &Value)| (name.clone(), example(schema, name, variant));
            Value::Object(fields.into_iter().flatten().map(field).collect())
        }
    }
}
