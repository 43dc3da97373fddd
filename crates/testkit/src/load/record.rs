//! What is written down of each request, and what is counted of all.

use serde::Serialize;

use super::spec::Dialect;

/// How a request ended for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 200, and whole.
    Done,
    /// Another status, whole.
    Refused,
    /// The answer began and broke off.
    Cut,
    /// The client left, as it was told to.
    Cancelled,
    /// No gateway answered in the time given.
    Unanswered,
}

/// One request. Times are unix microseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// The call id that the gateway keeps, and the id of the script at the provider.
    pub id: String,
    pub stream: bool,
    pub dialect: Dialect,
    /// The gateway that was asked last: its place among the flow's targets.
    pub target: usize,
    /// Gateways that took no connection, and those that broke one before the first byte; another was asked
    /// each time.
    pub refused_connections: u32,
    pub broken_connections: u32,
    pub status: Option<u16>,
    pub outcome: Outcome,
    /// When it was due; the last try was sent; its head arrived; it was over (for a client that left: left).
    pub due_us: i64,
    pub sent_us: i64,
    pub head_us: Option<i64>,
    pub end_us: i64,
    pub error: Option<String>,
}

/// Totals of a flow so far.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counts {
    pub sent: u64,
    pub done: u64,
    pub refused: u64,
    pub cut: u64,
    pub cancelled: u64,
    pub unanswered: u64,
    /// Requests that went to another gateway at least once.
    pub moved: u64,
    /// Not sent, since too many were under way.
    pub held_back: u64,
}

impl Counts {
    pub const fn add(&mut self, record: &Record) {
        let count = match record.outcome {
            Outcome::Done => &mut self.done,
            Outcome::Refused => &mut self.refused,
            Outcome::Cut => &mut self.cut,
            Outcome::Cancelled => &mut self.cancelled,
            Outcome::Unanswered => &mut self.unanswered,
        };
        *count += 1;
        if record.refused_connections + record.broken_connections > 0 {
            self.moved += 1;
        }
    }
}
