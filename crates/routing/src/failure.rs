use std::time::Duration;

/// How one attempt at a deployment failed, as far as routing cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The provider's HTTP status, or the one that the client would get: 408 for a timeout, 500 when the
    /// provider could not be reached.
    pub status: u16,
    pub kind: FailureKind,
    /// The provider's `Retry-After`.
    pub retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The provider answered with an error of no special class.
    Answered,
    /// The prompt does not fit the model.
    ContextWindow,
    ContentPolicy,
    /// No connection came about: refused, unknown host, TLS.
    Unreachable,
    /// The connection broke after the request was sent.
    BrokenOff,
    TimedOut {
        /// The client set the deadline itself, so that the deployment is not to blame.
        by_client: bool,
    },
}

impl Failure {
    /// An error answer of the provider.
    pub const fn answered(status: u16) -> Self {
        Self { status, kind: FailureKind::Answered, retry_after: None }
    }

    /// Whether another attempt with the same request may succeed: data-plane semantics §6.4.
    pub(crate) const fn is_retryable_status(&self) -> bool {
        matches!(self.status, 408 | 409 | 429) || self.status >= 500
    }
}
