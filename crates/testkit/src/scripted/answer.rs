//! What the provider answers: the same for the same request, in no dialect yet.

use serde_json::Value;

use super::asked::{Asked, example};
use super::log::Billed;
use super::script::Script;

/// Words at the end of each text, so that stop sequences and token limits have something to cut.
const TAIL: &str = "one two three four five six seven eight nine ten";
pub const THINKING: &str = "The user asks; I look at it and answer.";
pub const SIGNATURE: &str = "sig-c2lnbmVkIGJ5IHRoZSBwcm92aWRlcg==";
/// Tokens that an image is billed with.
const IMAGE_TOKENS: u64 = 85;
/// Tokens that a tool's definition is billed with.
const TOOL_TOKENS: u64 = 20;
/// Tokens that each request is billed with beside its words.
const REQUEST_TOKENS: u64 = 3;

#[derive(Clone, Debug)]
pub struct Answer {
    pub thinking: Option<&'static str>,
    /// In the pieces that a stream sends; empty when only tools are called.
    pub pieces: Vec<String>,
    pub calls: Vec<ToolCall>,
    pub stop: Stop,
    pub billed: Billed,
}

#[derive(Clone, Debug)]
pub struct ToolCall {
    pub name: String,
    pub arguments: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    End,
    Sequence(String),
    Length,
    Tools,
    /// OpenAI's word, as scripted.
    Scripted(String),
}

impl Answer {
    pub fn text(&self) -> String {
        self.pieces.concat()
    }
}

pub fn make(asked: &Asked, script: &Script) -> Answer {
    let calls = calls(asked, script);
    let mut stop = if calls.is_empty() { Stop::End } else { Stop::Tools };
    let mut pieces = match calls.is_empty() {
        true => pieces_of(&text(asked, script), script),
        false if script.preamble => pieces_of("Let me look that up.", script),
        false => Vec::new(),
    };
    if calls.is_empty() && asked.json.is_none() {
        cut_at_stop(&mut pieces, &asked.stop, &mut stop);
        cut_at_length(&mut pieces, asked.max_tokens, &mut stop);
    }
    if let Some(finish) = &script.finish {
        stop = Stop::Scripted(finish.clone());
    }
    let thinking = (asked.thinking || script.reasoning).then_some(THINKING);
    let billed = billed(asked, script, &pieces, &calls, thinking);
    Answer { thinking, pieces, calls, stop, billed }
}

fn calls(asked: &Asked, script: &Script) -> Vec<ToolCall> {
    let tools = asked.called();
    if script.no_tools || tools.is_empty() {
        return Vec::new();
    }
    let wanted = script.calls.unwrap_or(2).max(1);
    let wanted = if asked.one_call_only { 1 } else { wanted };
    let call = |at: usize| {
        let tool = tools[at % tools.len()];
        ToolCall { name: tool.name.clone(), arguments: example(&tool.schema, "", at).to_string() }
    };
    (0..wanted).map(call).collect()
}

/// Tells what the provider saw, so that a test reads from the answer what arrived here.
fn text(asked: &Asked, script: &Script) -> String {
    if let Some(bytes) = script.huge {
        return "x".repeat(bytes);
    }
    if let Some(words) = script.words {
        return (0..words).map(|n| format!("w{n} ")).collect();
    }
    if let Some(schema) = &asked.json {
        return match schema {
            Value::Null => r#"{"answer": "text"}"#.into(),
            schema => example(schema, "", 0).to_string(),
        };
    }
    if let Some(say) = &script.say {
        return say.clone();
    }
    let mut facts = vec![format!("user={}", asked.user), format!("turns={}", asked.turns)];
    let mut tell = |name: &str, values: Vec<String>| {
        if !values.is_empty() {
            facts.push(format!("{name}={}", values.join("|")));
        }
    };
    tell("system", asked.system.clone());
    tell("images", asked.images.clone());
    tell("results", asked.results.iter().map(|(id, text)| format!("{id}:{text}")).collect());
    tell("signatures", asked.signatures.clone());
    tell("end_user", asked.end_user.clone().into_iter().collect());
    if asked.cache_marks > 0 {
        facts.push(format!("cache_marks={}", asked.cache_marks));
    }
    format!("{}; {TAIL}", facts.join("; "))
}

fn pieces_of(text: &str, script: &Script) -> Vec<String> {
    if script.huge.is_some() {
        return vec![text.to_owned()];
    }
    text.split_inclusive(' ').map(str::to_owned).collect()
}

fn cut_at_stop(pieces: &mut Vec<String>, sequences: &[String], stop: &mut Stop) {
    let text = pieces.concat();
    let first = sequences.iter().filter_map(|sequence| text.find(sequence).map(|at| (at, sequence))).min();
    if let Some((at, sequence)) = first {
        *pieces = text[..at].split_inclusive(' ').map(str::to_owned).collect();
        *stop = Stop::Sequence(sequence.clone());
    }
}

fn cut_at_length(pieces: &mut Vec<String>, max_tokens: Option<u64>, stop: &mut Stop) {
    let Some(max) = max_tokens.and_then(|max| usize::try_from(max).ok()) else { return };
    if pieces.len() > max {
        pieces.truncate(max);
        *stop = Stop::Length;
    }
}

fn billed(
    asked: &Asked,
    script: &Script,
    pieces: &[String],
    calls: &[ToolCall],
    thinking: Option<&str>,
) -> Billed {
    let cache_read = script.cached.unwrap_or(0);
    let cache_write = script.cache_write.unwrap_or(0);
    let prompt = REQUEST_TOKENS
        + asked.words
        + IMAGE_TOKENS * asked.images.len() as u64
        + TOOL_TOKENS * asked.tools.len() as u64;
    let reasoning = thinking.map_or(0, |text| text.split_whitespace().count() as u64);
    let spoken: usize = pieces.len() + calls.iter().map(|call| call.arguments.len() / 4 + 1).sum::<usize>();
    Billed {
        input: script.input_tokens.unwrap_or(prompt + cache_read + cache_write),
        output: script.output_tokens.unwrap_or(spoken as u64 * asked.choices.max(1) as u64 + reasoning),
        cache_read,
        cache_write,
        reasoning,
    }
}

/// What is billed for an answer that was left after so many pieces of it.
pub fn billed_so_far(whole: Billed, sent: usize, of: usize) -> Billed {
    let output = (whole.output * sent.min(of) as u64).div_ceil(of.max(1) as u64);
    Billed { output, reasoning: whole.reasoning.min(output), ..whole }
}
