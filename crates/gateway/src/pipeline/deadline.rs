//! How long a request may wait for its provider, by which time-out, and who set it.

use std::time::Duration;

use dialects::Field;
use domain::Deployment;
use tokio::time::Instant;

use super::read::Ask;
use super::receive::Received;
use crate::names;
use crate::settings::Settings;

/// The time-outs of one attempt; each is named in what the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Name look-up, TCP and TLS.
    Connect,
    /// From sending to the head of a whole answer, or the first event of a stream.
    FirstByte,
    /// Between two chunks of an answer.
    Idle,
    /// From sending to the end of the answer.
    Total,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub name: Name,
    pub after: Duration,
    /// The client set it, so that the deployment is not to blame when it passes.
    pub by_client: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub connect: Limit,
    /// The sooner of the first-byte and the total time-out.
    pub first_byte: Limit,
    pub idle: Limit,
    pub total: Limit,
}

/// Limits on an answer that has begun.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub idle: Limit,
    pub total: Limit,
    pub ends_at: Instant,
}

impl Limit {
    const fn ours(name: Name, after: Duration) -> Self {
        Self { name, after, by_client: false }
    }

    fn sooner(self, other: Self) -> Self {
        if other.after < self.after { other } else { self }
    }

    /// What happened when it has passed.
    pub fn sentence(&self) -> String {
        let seconds = self.after.as_secs_f64();
        match self.name {
            Name::Connect => {
                format!("connect time-out: no connection to the provider within {seconds} seconds")
            }
            Name::FirstByte => format!("first-byte time-out: no answer began within {seconds} seconds"),
            Name::Idle => format!("idle time-out: the provider sent nothing for {seconds} seconds"),
            Name::Total => format!("total time-out: no whole answer within {seconds} seconds"),
        }
    }
}

impl Limits {
    pub fn pace(&self, started: Instant) -> Pace {
        Pace { idle: self.idle, total: self.total, ends_at: started + self.total.after }
    }
}

impl Pace {
    /// When to give up if nothing more comes.
    pub fn next(&self, now: Instant) -> Instant {
        (now + self.idle.after).min(self.ends_at)
    }

    /// The one that has passed.
    pub fn passed(&self, now: Instant) -> Limit {
        if now >= self.ends_at { self.total } else { self.idle }
    }
}

/// What the request, the deployment and the settings say, in the compatible surface's order (data-plane
/// semantics §6.9): for a stream each first by its own name, where `timeout` is about its first byte.
pub fn of(settings: &Settings, received: &Received, ask: &Ask, deployment: &Deployment) -> Limits {
    let own = &deployment.timeouts;
    let client = received
        .seconds(&names::TIMEOUT)
        .or_else(|| ask.seconds(Field::Timeout))
        .or_else(|| ask.seconds(Field::RequestTimeout));
    let client_stream =
        received.seconds(&names::STREAM_TIMEOUT).or_else(|| ask.seconds(Field::StreamTimeout));
    let chosen = if ask.envelope.stream() { client_stream.or(client) } else { client };
    let asked = |name| chosen.map(|after| Limit { name, after, by_client: true });

    let total = Limit::ours(Name::Total, own.total.unwrap_or(settings.total_timeout));
    let (first_byte, total) = if ask.envelope.stream() {
        let ours = own
            .first_byte
            .or(own.stream)
            .or(settings.first_byte_timeout)
            .or(settings.stream_timeout)
            .or(own.answer)
            .unwrap_or(settings.request_timeout);
        (Some(asked(Name::FirstByte).unwrap_or(Limit::ours(Name::FirstByte, ours))), total)
    } else {
        let ours = Limit::ours(Name::Total, own.answer.unwrap_or(settings.request_timeout));
        let first_byte = own.first_byte.or(settings.first_byte_timeout);
        (
            first_byte.map(|after| Limit::ours(Name::FirstByte, after)),
            total.sooner(asked(Name::Total).unwrap_or(ours)),
        )
    };
    Limits {
        connect: Limit::ours(Name::Connect, own.connect.unwrap_or(settings.connect_timeout)),
        first_byte: first_byte.map_or(total, |first_byte| total.sooner(first_byte)),
        idle: Limit::ours(Name::Idle, own.idle.unwrap_or(settings.idle_timeout)),
        total,
    }
}
