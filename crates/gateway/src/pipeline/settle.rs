//! Stage 7: what the call came to. One settlement an attempt, exactly once: by [`Settlement::end`], or by
//! dropping it, which is what happens when the client leaves.

use std::sync::Arc;

use domain::{Outcome, Status, Usage};
use kit::{Money, Timestamp};
use telemetry::metrics::CallLabels;
use uuid::Uuid;

use crate::prices::Priced;
use crate::worker::Worker;

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct End {
    pub status: Status,
    pub http_status: u16,
    pub usage: Usage,
    /// The usage is our count, since the provider's did not arrive.
    pub usage_estimated: bool,
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
    priced: Priced,
    reservation: Option<policy::Reservation>,
    started: std::time::Duration,
    first_byte_at: Option<Timestamp>,
    ended: bool,
}

/// The HTTP status noted for a client that left, after nginx's custom.
const CLIENT_CLOSED_REQUEST: u16 = 499;

impl Settlement {
    pub fn open(
        worker: Arc<Worker>,
        id: Uuid,
        labels: CallLabels,
        priced: Priced,
        reservation: Option<policy::Reservation>,
    ) -> Self {
        let started = worker.core.clock.monotonic();
        Self { worker, id, labels, priced, reservation, started, first_byte_at: None, ended: false }
    }

    pub fn first_byte(&mut self) {
        if self.first_byte_at.is_none() {
            self.first_byte_at = Some(self.worker.core.clock.now());
            let waited = self.worker.core.clock.monotonic().saturating_sub(self.started);
            self.worker.core.metrics.first_byte(&self.labels, waited);
        }
    }

    /// Ends the account; what the call cost.
    pub fn end(mut self, end: End) -> Money {
        self.close(end)
    }

    /// Ends an attempt that cost nothing and hands back the reservation for the next attempt.
    pub fn end_and_keep_reservation(mut self, end: End) -> Option<policy::Reservation> {
        let reservation = self.reservation.take();
        self.close(end);
        reservation
    }

    fn close(&mut self, end: End) -> Money {
        self.ended = true;
        let breakdown = self.priced.cost(&end.usage);
        let core = &self.worker.core;
        let outcome = Outcome {
            id: self.id,
            ended_at: core.clock.now(),
            first_byte_at: self.first_byte_at,
            status: end.status,
            http_status: end.http_status,
            usage: end.usage,
            usage_estimated: end.usage_estimated,
            cost: breakdown,
            price_version: self.priced.version.clone(),
            response_id: end.response_id,
            error: end.error,
        };
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(breakdown);
        }
        self.worker.write_outcome(&outcome);
        let took = core.clock.monotonic().saturating_sub(self.started);
        core.metrics.call_ended(&self.labels, &outcome, took);
        breakdown
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if !self.ended {
            self.close(End::free(Status::Cancelled, CLIENT_CLOSED_REQUEST, Some("the client left".into())));
        }
    }
}

/// The end of a stream that the client left: what it had seen is charged.
pub fn client_gone(usage: Usage, usage_estimated: bool, response_id: Option<Box<str>>) -> End {
    End {
        status: Status::Cancelled,
        http_status: CLIENT_CLOSED_REQUEST,
        usage,
        usage_estimated,
        response_id,
        error: Some("the client left".into()),
    }
}
