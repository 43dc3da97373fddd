//! What a flow is told to do.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A stream of requests. What is left out has the default that its function names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    pub name: String,
    /// Where the records go.
    pub out: PathBuf,
    /// Gateways.
    pub targets: Vec<SocketAddr>,
    /// Taken in turn. None: each request brings a key of its own that nobody knows.
    #[serde(default)]
    pub keys: Vec<String>,
    pub rate_per_second: f64,
    /// Model groups, taken in turn.
    pub models: Vec<String>,
    /// Which dialects clients speak, in turn: with each, every model comes once.
    #[serde(default = "chat_alone")]
    pub dialects: Vec<Dialect>,
    /// Share of streamed requests, 0 to 1.
    #[serde(default = "half")]
    pub stream_share: f64,
    /// Words of the prompt; each is billed as one token and as long as one.
    #[serde(default)]
    pub prompt_words: usize,
    /// Words for the scripted provider, after the id: of a streamed request and of another.
    #[serde(default)]
    pub stream_script: String,
    #[serde(default)]
    pub whole_script: String,
    /// Each client leaves at a time drawn evenly from 0 to this many milliseconds, unless it is done by then.
    pub cancel_within_ms: Option<u64>,
    /// Ends by itself after so many requests.
    pub requests_max: Option<u64>,
    /// HTTP/2 with prior knowledge, one connection to each gateway; else HTTP/1.1.
    #[serde(default)]
    pub http2: bool,
    /// Whether a request that brought no byte back may go to another gateway. Otherwise each request has one
    /// gateway, in turn.
    #[serde(default = "yes")]
    pub balance: bool,
    #[serde(default = "a_minute")]
    pub timeout_ms: u64,
    /// Requests under way at once. One that is due beyond it is counted as held back and not sent.
    #[serde(default = "thousands")]
    pub in_flight_max: usize,
    /// Of the random numbers.
    #[serde(default)]
    pub seed: u64,
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI's chat completions.
    Chat,
    /// Anthropic's messages.
    Messages,
}

impl Dialect {
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Messages => "/v1/messages",
        }
    }

    /// Whether this is how a whole stream ends.
    pub fn ends(self, tail: &[u8]) -> bool {
        match self {
            Self::Chat => tail.ends_with(b"data: [DONE]\n\n"),
            Self::Messages => {
                tail.ends_with(b"\n\n") && last_event(tail).starts_with(b"event: message_stop\n")
            }
        }
    }
}

/// The last event of a stream, without the line that ends it.
fn last_event(tail: &[u8]) -> &[u8] {
    let event = tail.strip_suffix(b"\n\n").unwrap_or(tail);
    let begin = event.windows(2).rposition(|pair| pair == b"\n\n").map_or(0, |at| at + 2);
    &event[begin..]
}

fn chat_alone() -> Vec<Dialect> {
    vec![Dialect::Chat]
}

const fn half() -> f64 {
    0.5
}

const fn yes() -> bool {
    true
}

const fn a_minute() -> u64 {
    60_000
}

const fn thousands() -> usize {
    4096
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_breaks_off_before_its_last_event_is_not_whole() {
        let whole = b"event: content_block_stop\ndata: {\"index\":0}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
        assert!(Dialect::Messages.ends(whole));
        assert!(!Dialect::Messages.ends(&whole[..whole.len() - 1]));
        assert!(
            !Dialect::Messages.ends(b"event: message_delta\ndata: {\"text\":\"event: message_stop\"}\n\n")
        );
        assert!(!Dialect::Messages.ends(b""));
        assert!(Dialect::Chat.ends(b"data: {}\n\ndata: [DONE]\n\n"));
        assert!(!Dialect::Chat.ends(whole));
    }
}
