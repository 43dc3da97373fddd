//! How a request asks the provider to misbehave: words in its own text, so that the script survives every
//! translation on the way.
//!
//! A script is written `<<script word name=value …>>` anywhere in the request's body (or as the value of
//! the header `x-script`, or for a model through `POST /_control`). Values hold no spaces; `_` in `say`
//! and `message` stands for one.

use std::time::Duration;

const OPENING: &str = "<<script ";
const CLOSING: &str = ">>";

/// What to do instead of, or before, answering well. The default does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Names the request in the log.
    pub id: Option<String>,
    /// Wait before the head of the answer.
    pub delay: Duration,
    /// Wait between two events of a stream.
    pub gap: Duration,
    /// Write the body byte by byte with this pause, microseconds; 0 cuts without a pause.
    pub drip: Option<Duration>,
    /// Answer with this error status.
    pub status: Option<u16>,
    /// Only the first so many requests of this id get the error or the fault.
    pub times: Option<u64>,
    /// `Retry-After`, as given.
    pub retry_after: Option<String>,
    pub error_kind: Option<String>,
    pub message: Option<String>,
    /// After so many events: what happens then.
    pub fault: Option<Fault>,
    /// The text to answer with.
    pub say: Option<String>,
    /// Answer with so many words.
    pub words: Option<usize>,
    /// Answer with a text of so many bytes in one piece.
    pub huge: Option<usize>,
    /// Repeat the piece of a `huge` stream so many times.
    pub repeat: Option<usize>,
    /// Tool calls to make when tools are offered.
    pub calls: Option<usize>,
    /// Answer with text although tools are offered.
    pub no_tools: bool,
    /// Say something before the tool calls.
    pub preamble: bool,
    /// Show reasoning in the way of DeepSeek and its kin: `reasoning_content`.
    pub reasoning: bool,
    /// Overrides of the counted usage.
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cached: Option<u64>,
    pub cache_write: Option<u64>,
    /// Leave usage out of the answer.
    pub no_usage: bool,
    /// The OpenAI finish reason to give instead, e.g. `content_filter`.
    pub finish: Option<String>,
}

/// A way of failing after some events have been sent (0: before the first, with the head sent).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Close the connection in the middle of the chunked body.
    Cut(usize),
    /// End the body properly, but without what should end a stream.
    End(usize),
    /// Reset the connection.
    Reset(usize),
    /// Send half of the next event, then end the body.
    Half(usize),
    /// Send the provider's error event, then end.
    Error(usize),
    /// Send bytes that are no event.
    Garbage(usize),
    /// Send nothing more until the client leaves.
    Stall(usize),
    /// Never send so much as a head.
    Hang,
    /// Close the connection instead of answering.
    Close,
    /// Reset the connection instead of answering.
    ResetAtOnce,
    /// Answer with bytes that are not HTTP.
    NotHttp,
    /// Answer 200 with a body that is not JSON.
    NotJson,
    /// Answer 200 with an empty body.
    Empty,
}

impl Script {
    /// The script in a body, as it was written, without its brackets.
    pub fn find(body: &str) -> Option<&str> {
        let start = body.find(OPENING)? + OPENING.len();
        let len = body[start..].find(CLOSING)?;
        Some(&body[start..start + len])
    }

    /// `text` without the script in it.
    pub fn strip(text: &str) -> String {
        let Some(start) = text.find(OPENING) else { return text.to_owned() };
        let end = text[start..].find(CLOSING).map_or(text.len(), |at| start + at + CLOSING.len());
        format!("{}{}", text[..start].trim_end(), text[end..].trim_end())
    }

    /// Reads a script's words; an unknown word is an error that names it, so that a test cannot pass by
    /// a typing mistake.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut script = Self::default();
        for word in text.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            script.take(name, value).ok_or_else(|| format!("unknown script word `{word}`"))?;
        }
        Ok(script)
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "id" => self.id = Some(value.to_owned()),
            "delay_ms" => self.delay = millis(value)?,
            "gap_ms" => self.gap = millis(value)?,
            "drip_us" => self.drip = Some(Duration::from_micros(value.parse().ok()?)),
            "status" => self.status = Some(value.parse().ok()?),
            "times" => self.times = Some(value.parse().ok()?),
            "retry_after" => self.retry_after = Some(value.to_owned()),
            "kind" => self.error_kind = Some(value.to_owned()),
            "message" => self.message = Some(spaced(value)),
            "say" => self.say = Some(spaced(value)),
            "words" => self.words = Some(value.parse().ok()?),
            "huge" => self.huge = Some(value.parse().ok()?),
            "repeat" => self.repeat = Some(value.parse().ok()?),
            "calls" => self.calls = Some(value.parse().ok()?),
            "no_tools" => self.no_tools = true,
            "preamble" => self.preamble = true,
            "reasoning" => self.reasoning = true,
            "in" => self.input_tokens = Some(value.parse().ok()?),
            "out" => self.output_tokens = Some(value.parse().ok()?),
            "cached" => self.cached = Some(value.parse().ok()?),
            "cache_write" => self.cache_write = Some(value.parse().ok()?),
            "no_usage" => self.no_usage = true,
            "finish" => self.finish = Some(value.to_owned()),
            _ => self.fault = Some(Fault::parse(name, value)?),
        }
        Some(())
    }
}

impl Fault {
    fn parse(name: &str, value: &str) -> Option<Self> {
        let after = || value.parse().ok();
        Some(match name {
            "cut_after" => Self::Cut(after()?),
            "end_after" => Self::End(after()?),
            "reset_after" => Self::Reset(after()?),
            "half_after" => Self::Half(after()?),
            "error_after" => Self::Error(after()?),
            "garbage_after" => Self::Garbage(after()?),
            "stall_after" => Self::Stall(after()?),
            "hang" => Self::Hang,
            "close" => Self::Close,
            "reset" => Self::ResetAtOnce,
            "not_http" => Self::NotHttp,
            "not_json" => Self::NotJson,
            "empty" => Self::Empty,
            _ => return None,
        })
    }

    /// After how many events this fault happens; `None` when it comes instead of the head.
    pub const fn after(&self) -> Option<usize> {
        match self {
            Self::Cut(n)
            | Self::End(n)
            | Self::Reset(n)
            | Self::Half(n)
            | Self::Error(n)
            | Self::Garbage(n)
            | Self::Stall(n) => Some(*n),
            _ => None,
        }
    }
}

fn millis(value: &str) -> Option<Duration> {
    value.parse().ok().map(Duration::from_millis)
}

fn spaced(value: &str) -> String {
    value.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_found_in_a_body_and_stripped_from_its_text() {
        let body = r#"{"messages":[{"content":"hi <<script id=a1 delay_ms=20 cut_after=3>>"}]}"#;
        let script = Script::parse(Script::find(body).unwrap()).unwrap();
        assert_eq!(script.id.as_deref(), Some("a1"));
        assert_eq!(script.delay, Duration::from_millis(20));
        assert_eq!(script.fault, Some(Fault::Cut(3)));
        assert_eq!(Script::strip("hi <<script id=a1>> there"), "hi there");
    }

    #[test]
    fn a_mistyped_word_is_named() {
        assert!(Script::parse("dely_ms=3").unwrap_err().contains("dely_ms"));
        assert!(Script::parse("cut_after=x").is_err());
    }
}
