//! Stage 7: what the call came to. One settlement an attempt, exactly once: by [`Settlement::end`], or by
//! dropping it, which is what happens when the client leaves.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{Mark, Outcome, Status, Usage};
use kit::{Money, Timestamp};
use telemetry::metrics::CallLabels;
use upstream::Sending;
use uuid::Uuid;

use crate::deployments::Ready;
use crate::habits::{Counted, Times};
use crate::worker::Worker;

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct End {
    pub status: Status,
    pub http_status: u16,
    pub usage: Usage,
    /// The usage is our count, since the provider's did not arrive.
    pub usage_estimated: bool,
    /// Our count of what was streamed; `None` when the answer was no stream.
    pub streamed_tokens: Option<u64>,
    pub response_id: Option<Box<str>>,
    pub error: Option<Box<str>>,
}

impl End {
    /// An end that costs nothing: no token of it was produced, as far as is known.
    pub fn free(status: Status, http_status: u16, error: Option<String>) -> Self {
        Self {
            status,
            http_status,
            usage: Usage::default(),
            usage_estimated: false,
            streamed_tokens: None,
            response_id: None,
            error: error.map(Into::into),
        }
    }
}

/// The open account of one attempt at a provider.
pub struct Settlement {
    worker: Arc<Worker>,
    id: Uuid,
    labels: CallLabels,
    ready: Arc<Ready>,
    /// Our count of the prompt.
    input_tokens: u64,
    reservation: Option<policy::Reservation>,
    sending: Sending,
    started: Duration,
    /// When, and how long after the start.
    first_byte: Option<(Timestamp, Duration)>,
    ended: bool,
}

/// The HTTP status noted for a client that left, after nginx's custom.
pub const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What the row of a call says that a gateway cut off.
const CUT_OFF: &str = "the gateway was stopped, and the answer took longer than it waits";

impl Settlement {
    pub fn open(
        worker: Arc<Worker>,
        id: Uuid,
        labels: CallLabels,
        ready: Arc<Ready>,
        input_tokens: u64,
        reservation: Option<policy::Reservation>,
        sending: Sending,
    ) -> Self {
        Self {
            started: worker.core.clock.monotonic(),
            worker,
            id,
            labels,
            ready,
            input_tokens,
            reservation,
            sending,
            first_byte: None,
            ended: false,
        }
    }

    pub fn first_byte(&mut self) {
        if self.first_byte.is_none() {
            let waited = self.worker.core.clock.monotonic().saturating_sub(self.started);
            self.first_byte = Some((self.worker.core.clock.now(), waited));
            self.worker.core.metrics.first_byte(&self.labels, waited);
        }
    }

    /// What the provider will have counted by now, of which it has told `told` and we have counted
    /// `streamed_tokens`.
    pub fn usage_so_far(&self, told: Option<Usage>, streamed_tokens: u64) -> Usage {
        let (told, habits) = (told.unwrap_or_default(), &self.ready.habits);
        Usage {
            input: if told.input > 0 { told.input } else { habits.input(self.input_tokens) },
            output: told.output.max(habits.output(streamed_tokens)),
            ..told
        }
    }

    /// Notes how far the call is, in case nothing more is heard of it.
    pub fn mark(&self, usage: Usage, response_id: Option<Box<str>>) {
        self.worker.write_mark(&Mark {
            id: self.id,
            at: self.worker.core.clock.now(),
            first_byte_at: self.first_byte.map(|(at, _)| at),
            so_far: self.ready.priced.expected(usage),
            response_id,
        });
    }

    /// What a call comes to that its client leaves before anything of the answer was seen: a provider bills the
    /// prompt once it has it. And whether that is our count.
    pub fn prompt(&self) -> (Usage, bool) {
        let is_sent = self.sending.has_begun();
        (if is_sent { self.usage_so_far(None, 0) } else { Usage::default() }, is_sent)
    }

    /// Ends the account; what the call cost.
    pub fn end(mut self, end: End) -> Money {
        self.close(end, false)
    }

    /// Ends an attempt that cost nothing and hands back the reservation for the next attempt.
    pub fn end_superseded(mut self, end: End) -> Option<policy::Reservation> {
        let reservation = self.reservation.take();
        self.close(end, true);
        reservation
    }

    fn close(&mut self, mut end: End, superseded: bool) -> Money {
        self.ended = true;
        if end.status == Status::Cancelled && self.worker.core.cutting_off.load(Ordering::Relaxed) {
            end.error = Some(CUT_OFF.into());
        }
        let priced = &self.ready.priced;
        let breakdown = priced.cost(&end.usage);
        let took = self.worker.core.clock.monotonic().saturating_sub(self.started);
        if end.status == Status::Success && !end.usage_estimated {
            let counted = Counted { input: self.input_tokens, output: end.streamed_tokens };
            let first_byte = self.first_byte.map_or(took, |(_, after)| after);
            self.ready.habits.learn(counted, &end.usage, Times { first_byte, end: took });
        }
        let core = &self.worker.core;
        let outcome = Outcome {
            id: self.id,
            ended_at: core.clock.now(),
            first_byte_at: self.first_byte.map(|(at, _)| at),
            status: end.status,
            http_status: end.http_status,
            usage: end.usage,
            usage_estimated: end.usage_estimated,
            cost: breakdown,
            price_version: priced.version.clone(),
            response_id: end.response_id,
            error: end.error,
            superseded,
        };
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(breakdown);
        }
        self.worker.write_outcome(&outcome);
        core.metrics.call_ended(&self.labels, &outcome, took);
        breakdown
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if !self.ended {
            let (usage, usage_estimated) = self.prompt();
            self.close(End { usage, usage_estimated, ..left() }, false);
        }
    }
}

/// The end of a call that its client left; what came until then is to be put in.
pub fn left() -> End {
    End::free(Status::Cancelled, CLIENT_CLOSED_REQUEST, Some("the client left".into()))
}
