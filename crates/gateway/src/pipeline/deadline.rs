//! How long a request may wait for its provider, and who said so.

use std::time::Duration;

use dialects::Field;
use domain::Deployment;

use super::read::Ask;
use super::receive::Received;
use crate::names;
use crate::settings::Settings;

/// Until the end of a whole answer, or the first bytes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    pub total: Duration,
    /// The client set it, so that the deployment is not to blame when it passes.
    pub by_client: bool,
}

/// The order of the compatible surface (data-plane semantics §6.9): request, deployment, settings; for a
/// stream each first by its own name.
pub fn of(settings: &Settings, received: &Received, ask: &Ask, deployment: &Deployment) -> Deadline {
    let stream = ask.envelope.stream();
    let only = |duration: Option<Duration>| duration.filter(|_| stream);
    let client = only(received.seconds(&names::STREAM_TIMEOUT).or_else(|| ask.seconds(Field::StreamTimeout)))
        .or_else(|| received.seconds(&names::TIMEOUT))
        .or_else(|| ask.seconds(Field::Timeout))
        .or_else(|| ask.seconds(Field::RequestTimeout));
    let ours = || {
        only(deployment.timeouts.stream)
            .or_else(|| only(settings.stream_timeout))
            .or(deployment.timeouts.total)
            .unwrap_or(settings.request_timeout)
    };
    Deadline { total: client.unwrap_or_else(ours), by_client: client.is_some() }
}
