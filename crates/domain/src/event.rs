//! What the ledger writes down about a call: an intent before it, an outcome after it, and the row
//! that both make.

use kit::{KeyHash, Money, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Dialect, Usage};

/// Written before an upstream is called: enough to account for the call if nothing more is heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Identity of the row; one upstream attempt that may cost money has one.
    pub id: Uuid,
    /// Links the attempts of one request: `x-litellm-call-id`.
    pub call_id: Box<str>,
    pub started_at: Timestamp,
    /// `None` for the master key.
    pub key: Option<KeyHash>,
    pub key_alias: Option<Box<str>>,
    pub user_id: Option<Box<str>>,
    pub team_id: Option<Box<str>>,
    pub organization_id: Option<Box<str>>,
    /// In a journal it comes after all else, since older ones end without it.
    #[serde(skip)]
    pub project_id: Option<Box<str>>,
    /// The client's end user.
    pub customer: Option<Box<str>>,
    pub tags: Vec<Box<str>>,
    /// The dialect that the client speaks.
    pub dialect: Dialect,
    pub stream: bool,
    /// The name that the client asked for.
    pub model_group: Box<str>,
    pub model: Box<str>,
    pub provider: Box<str>,
    pub deployment_id: Box<str>,
    pub api_base: Box<str>,
    /// What the call will cost at most, as far as can be told before it.
    pub estimate: Money,
    pub session_id: Option<Box<str>>,
    pub requester_ip: Option<Box<str>>,
    pub user_agent: Option<Box<str>>,
}

/// What a call comes to if nothing more is heard of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    pub usage: Usage,
    pub cost: Money,
    /// As [`Outcome::price_version`].
    pub price_version: Box<str>,
}

/// Written now and then during a long stream: how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub id: Uuid,
    pub at: Timestamp,
    pub first_byte_at: Option<Timestamp>,
    /// In place of what was expected before the call.
    pub so_far: Expected,
    pub response_id: Option<Box<str>>,
}

/// Written once, when the call has ended, whatever ended it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub id: Uuid,
    pub ended_at: Timestamp,
    pub first_byte_at: Option<Timestamp>,
    pub status: Status,
    /// The HTTP status that the client got.
    pub http_status: u16,
    pub usage: Usage,
    /// The usage was counted by us, since the provider's own count did not arrive.
    pub usage_estimated: bool,
    pub cost: Money,
    /// Which price book, or `custom` when the deployment sets its own prices, or `none`.
    pub price_version: Box<str>,
    /// The provider's id of the response.
    pub response_id: Option<Box<str>>,
    pub error: Option<Box<str>>,
    /// Another attempt was made in place of this one, which failed: it is not the end of its request.
    pub superseded: bool,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Success,
    /// Refused by us before any upstream was called.
    Refused,
    /// The provider answered with an error, could not be reached, or broke off.
    UpstreamError,
    /// The client left; what was used until then is charged.
    Cancelled,
    TimedOut,
    /// The gateway died in between; usage and cost are estimates.
    Interrupted,
}

impl Status {
    pub const ALL: [Self; 6] = [
        Self::Success,
        Self::Refused,
        Self::UpstreamError,
        Self::Cancelled,
        Self::TimedOut,
        Self::Interrupted,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::UpstreamError => "upstream_error",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::Interrupted => "interrupted",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageEvent {
    pub intent: Intent,
    pub outcome: Outcome,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_reads_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("nonsense"), None);
    }
}
