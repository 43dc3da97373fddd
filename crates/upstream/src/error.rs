use std::error::Error;
use std::io;

use http::uri::Authority;

use crate::connect::{ConnectTimedOut, UnknownHost};

/// Why no answer came; each names where it was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("`{host}` refused the connection")]
    Refused { host: Box<str> },
    #[error("the host name of `{host}` cannot be resolved")]
    UnknownHost { host: Box<str> },
    #[error("TLS with `{host}` failed: {reason}")]
    Tls { host: Box<str>, reason: Box<str> },
    #[error("no connection to `{host}` in time")]
    ConnectTimeout { host: Box<str> },
    #[error("no connection to `{host}`: {reason}")]
    Unreachable { host: Box<str>, reason: Box<str> },
    #[error("`{host}` closed the connection before it answered")]
    Reset { host: Box<str> },
    #[error("`{host}` did not answer in HTTP")]
    Malformed { host: Box<str> },
}

impl SendError {
    /// Whether the provider may have received the request, and may charge for it.
    pub const fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Reset { .. } | Self::Malformed { .. })
    }

    /// A short word for metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::UnknownHost { .. } => "dns",
            Self::Tls { .. } => "tls",
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::Unreachable { .. } => "unreachable",
            Self::Reset { .. } => "reset",
            Self::Malformed { .. } => "malformed",
        }
    }

    pub(crate) fn classify(
        while_connecting: bool,
        error: &(dyn Error + 'static),
        authority: Option<&Authority>,
    ) -> Self {
        let host: Box<str> = authority.map_or("", Authority::as_str).into();
        if while_connecting { connect_error(error, host) } else { exchange_error(error, host) }
    }
}

fn connect_error(error: &(dyn Error + 'static), host: Box<str>) -> SendError {
    let mut last = String::new();
    for cause in causes(error) {
        if cause.is::<ConnectTimedOut>() {
            return SendError::ConnectTimeout { host };
        }
        if cause.is::<UnknownHost>() {
            return SendError::UnknownHost { host };
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return SendError::Tls { host, reason: tls.to_string().into() };
        }
        match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => return SendError::Refused { host },
            Some(io::ErrorKind::TimedOut) => return SendError::ConnectTimeout { host },
            _ => last = cause.to_string(),
        }
    }
    SendError::Unreachable { host, reason: last.into() }
}

fn exchange_error(error: &(dyn Error + 'static), host: Box<str>) -> SendError {
    let malformed =
        causes(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>()).any(hyper::Error::is_parse);
    if malformed { SendError::Malformed { host } } else { SendError::Reset { host } }
}

/// The error and what caused it. `io::Error` hides what it wraps from `source`, so it is asked itself.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause_of(*error))
}

fn cause_of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
}
