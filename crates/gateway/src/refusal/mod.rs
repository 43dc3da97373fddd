//! Every way in which a request is refused by us, or failed by a provider, as facts; [`words`] turns them
//! into what the compatible surface says, and the client's dialect gives that its shape.

mod owners;
mod words;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::AccountKind;
use domain::key::NameList;
use kit::{KeyHash, Money, Timestamp};

pub use words::{Source, Words};

/// Why a request gets no answer from a model.
#[derive(Clone, Debug)]
pub enum Refusal {
    NoKey,
    MalformedKey,
    /// A key that does not start with `sk-`.
    NotAVirtualKey {
        shown: String,
    },
    UnknownKey {
        last4: String,
        hash: KeyHash,
    },
    /// The key is not known and the database cannot be asked, so it may well be good.
    PolicyUnavailable {
        retry_after: Duration,
    },
    BlockedKey,
    /// What is stored of the key makes no sense.
    UnreadableKey,
    ExpiredKey {
        last4: String,
        expired: Timestamp,
        now: Timestamp,
    },
    /// Somebody that the key answers to is blocked.
    BlockedAccount {
        kind: AccountKind,
        id: Box<str>,
    },
    /// What is stored of somebody that the key answers to makes no sense.
    UnreadableAccount {
        kind: AccountKind,
        id: Box<str>,
    },
    /// Requests may not come from there.
    AddressDenied {
        client: Option<IpAddr>,
    },
    /// The key is held to other routes.
    RouteDenied {
        allowed: NameList,
        route: String,
    },
    ModelDenied {
        model: String,
        /// `None` is the key itself.
        by: Option<AccountKind>,
    },
    OverBudget {
        payer: Payer,
        spend: Money,
        max: Money,
        /// For how long the budget is, when it is one beside the main one.
        window: Option<Box<str>>,
        status: u16,
    },
    BannedParam(String),
    InvalidJson(String),
    NotAnObject,
    MissingParam {
        label: &'static str,
        param: &'static str,
    },
    InvalidParam {
        param: Option<String>,
        message: String,
    },
    InvalidModel {
        label: &'static str,
        model: String,
    },
    UnsupportedParams {
        provider: String,
        params: Vec<String>,
    },
    /// The model's provider has no such endpoint, or cannot be told what the request says.
    Untranslatable {
        message: String,
    },
    BodyTooLarge {
        limit_bytes: u64,
    },
    BodyTooSlow,
    BodyBroken(String),
    /// The connection ended before the body did; nobody reads this.
    ClientLeft,
    WrongMethod {
        allow: &'static str,
    },
    NoHealthyDeployment {
        model: String,
        retry_after: Duration,
    },
    Overloaded {
        retry_after: Duration,
    },
    /// The call cannot be written down, and is not to be made without that.
    JournalFull {
        retry_after: Duration,
    },
    /// The deployment cannot be called as it is configured.
    Misconfigured {
        message: String,
    },
    Provider(ProviderFailure),
}

/// Whose budget is used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payer {
    /// `None` is the key itself.
    pub kind: Option<AccountKind>,
    pub name: String,
    /// The team of a member, or whose budget it is of a model.
    pub within: String,
}

impl Payer {
    /// For logs and metrics.
    pub fn label(&self) -> &'static str {
        self.kind.map_or("key", AccountKind::as_str)
    }
}

/// What went wrong at a provider.
#[derive(Clone, Debug)]
pub struct ProviderFailure {
    /// `OpenAIException`, `AnthropicException`, …: how the compatible surface names it in messages.
    pub label: Arc<str>,
    pub kind: FailureKind,
    pub message: String,
    /// The provider's own `type` and `param`, when it sent them.
    pub error_type: Option<String>,
    pub param: Option<String>,
    pub retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The provider answered with this status.
    Status(u16),
    ContextWindow,
    ContentPolicy,
    /// A time-out of this length passed; the message names it.
    Timeout(Duration),
    Connection,
    /// The answer broke off or made no sense.
    Garbage,
}

impl Refusal {
    /// For metrics and the ledger: a short name of a bounded set.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::MalformedKey | Self::NotAVirtualKey { .. } => "malformed_key",
            Self::UnknownKey { .. } => "unknown_key",
            Self::PolicyUnavailable { .. } => "policy_unavailable",
            Self::BlockedKey => "blocked_key",
            Self::UnreadableKey => "unreadable_key",
            Self::ExpiredKey { .. } => "expired_key",
            Self::BlockedAccount { .. } => "blocked_account",
            Self::UnreadableAccount { .. } => "unreadable_account",
            Self::AddressDenied { .. } => "address_denied",
            Self::RouteDenied { .. } => "route_denied",
            Self::ModelDenied { .. } => "model_denied",
            Self::OverBudget { .. } => "over_budget",
            Self::InvalidModel { .. } => "invalid_model",
            Self::BannedParam(_)
            | Self::InvalidJson(_)
            | Self::NotAnObject
            | Self::MissingParam { .. }
            | Self::InvalidParam { .. }
            | Self::UnsupportedParams { .. }
            | Self::Untranslatable { .. } => "invalid_request",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyTooSlow | Self::BodyBroken(_) => "body_broken",
            Self::ClientLeft => "client_left",
            Self::WrongMethod { .. } => "wrong_method",
            Self::NoHealthyDeployment { .. } => "no_healthy_deployment",
            Self::Overloaded { .. } => "overloaded",
            Self::JournalFull { .. } => "journal_full",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Provider(_) => "provider",
        }
    }

    /// Whether the policy replica decided, so that an old one may have decided wrongly.
    pub const fn is_by_policy(&self) -> bool {
        matches!(
            self,
            Self::UnknownKey { .. }
                | Self::PolicyUnavailable { .. }
                | Self::BlockedKey
                | Self::UnreadableKey
                | Self::ExpiredKey { .. }
                | Self::BlockedAccount { .. }
                | Self::UnreadableAccount { .. }
                | Self::AddressDenied { .. }
                | Self::RouteDenied { .. }
                | Self::ModelDenied { .. }
                | Self::OverBudget { .. }
        )
    }

    /// The time-out that passed.
    pub const fn timeout(&self) -> Option<Duration> {
        match self {
            Self::Provider(ProviderFailure { kind: FailureKind::Timeout(after), .. }) => Some(*after),
            _ => None,
        }
    }

    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::PolicyUnavailable { retry_after }
            | Self::NoHealthyDeployment { retry_after, .. }
            | Self::Overloaded { retry_after }
            | Self::JournalFull { retry_after } => Some(*retry_after),
            Self::Provider(failure) => failure.retry_after,
            _ => None,
        }
    }
}
