//! Bounds of every request: how many at once, how long to wait for a turn, how long to run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Request, State as Extract};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::error::ApiError;

/// How much of the control plane is in use at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests that are worked on at once; probes do not count.
    pub requests_max: usize,
    /// Requests that wait for a turn at once; who comes then is told 503 at once.
    pub queue_max: usize,
    /// Longest wait for a turn; then 503. Two hundred writers who take turns at one row are all served in less.
    pub queue_timeout: Duration,
    /// Longest run of one request; then it is stopped with 503.
    pub request_timeout: Duration,
    /// Open connections.
    pub connections_max: usize,
    /// Longest time from the first byte of a request to the end of its headers.
    pub header_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_max: 64,
            queue_max: 256,
            queue_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            connections_max: 1024,
            header_timeout: Duration::from_secs(10),
        }
    }
}

/// What waits for no turn.
const PROBES: [&str; 4] = ["/health/liveness", "/health/liveliness", "/health/readiness", "/health/backlog"];

#[derive(Clone)]
pub struct Turnstile {
    limits: Limits,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    rejected: Arc<AtomicU64>,
}

impl Turnstile {
    pub fn new(limits: Limits) -> Self {
        let turns = Arc::new(Semaphore::new(limits.requests_max));
        let places = Arc::new(Semaphore::new(limits.queue_max));
        Self { limits, turns, places, rejected: Arc::default() }
    }

    /// Requests that are worked on, that wait, and that were told to come later since the start.
    pub fn counts(&self) -> (usize, usize, u64) {
        let at_work = self.limits.requests_max.saturating_sub(self.turns.available_permits());
        let waiting = self.limits.queue_max.saturating_sub(self.places.available_permits());
        (at_work, waiting, self.rejected.load(Ordering::Relaxed))
    }

    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let turn = self.wait().await;
        if turn.is_none() {
            self.rejected.fetch_add(1, Ordering::Relaxed);
        }
        turn
    }

    async fn wait(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Some(turn);
        }
        let _place = self.places.try_acquire().ok()?;
        timeout(self.limits.queue_timeout, self.turns.acquire()).await.ok()?.ok()
    }
}

/// Lets a request through when it is its turn, and stops it when its time is up. Dropping the handler
/// also drops what it waits for, the statement in the database included.
pub async fn bound(Extract(gate): Extract<Turnstile>, request: Request, next: Next) -> Response {
    if PROBES.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let Some(_turn) = gate.turn().await else {
        return ApiError::busy().into_response();
    };
    match timeout(gate.limits.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::timed_out().into_response(),
    }
}

/// Answers of the control plane are private and are what their type says.
pub async fn mark(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
