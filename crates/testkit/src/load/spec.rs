//! What a flow is told to do.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

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
