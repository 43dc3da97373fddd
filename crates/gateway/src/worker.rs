//! What all workers share, and what each has for itself; and the first fork of the road for each request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{Expected, Intent, Mark, Outcome, UsageEvent};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use kit::{Clock, Rng, network};
use ledger::JournalError;
use telemetry::metrics::Metrics;
use uuid::Uuid;

use crate::body::Body;
use crate::clients::Clients;
use crate::front_door::FrontDoor;
use crate::pipeline;
use crate::pipeline::identify::{check_route, identify};
use crate::prices::Prices;
use crate::pulse::Pulses;
use crate::receive_body::BodyMemory;
use crate::refusal::Refusal;
use crate::route::{self, Route};
use crate::routing_now::RoutingNow;
use crate::settings::Settings;
use crate::{count_tokens, health, models, names, respond};

/// Shared by all workers of a gateway.
pub struct Core {
    pub settings: Settings,
    pub routing: RoutingNow,
    pub prices: Arc<Prices>,
    pub replica: Arc<policy::Replica>,
    pub metrics: Arc<Metrics>,
    pub ledger: ledger::Ledger,
    pub clock: Arc<dyn Clock>,
    pub bodies: Arc<BodyMemory>,
    pub in_flight: Arc<AtomicUsize>,
    pub draining: AtomicBool,
    /// The time for draining is over: what still runs is cut off.
    pub cutting_off: AtomicBool,
    pub pulses: Pulses,
    pub front_door: Option<FrontDoor>,
}

/// One thread's own: connections to providers, a journal file, chance.
pub struct Worker {
    pub core: Arc<Core>,
    pub clients: Clients,
    writer: Mutex<ledger::Writer>,
    rng: Mutex<Box<dyn Rng>>,
    prefixed: Mutex<HashMap<HeaderName, HeaderName>>,
}

/// A request in flight, counted until its answer has ended.
pub struct InFlight(Arc<AtomicUsize>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Names of providers' headers that are remembered in their prefixed form.
const PREFIXED_MAX: usize = 512;
const OVERLOAD_RETRY_AFTER: Duration = Duration::from_secs(1);

impl Core {
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The client behind `peer`.
    fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.settings.use_forwarded_for {
            return peer;
        }
        let said = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        peer.map(|peer| network::client(peer, said, &self.settings.trusted_proxies))
    }

    fn enter(&self) -> Result<InFlight, Refusal> {
        let guard = InFlight(self.in_flight.clone());
        if self.in_flight.fetch_add(1, Ordering::Relaxed) >= self.settings.requests_in_flight_max {
            return Err(Refusal::Overloaded { retry_after: OVERLOAD_RETRY_AFTER });
        }
        Ok(guard)
    }
}

impl Worker {
    pub fn new(core: Arc<Core>, clients: Clients, writer: ledger::Writer, rng: Box<dyn Rng>) -> Self {
        Self { core, clients, writer: Mutex::new(writer), rng: Mutex::new(rng), prefixed: Mutex::default() }
    }

    /// Answers any request: the data plane here, the rest through the front door if there is one.
    pub async fn answer(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        peer: Option<IpAddr>,
    ) -> Response<Body> {
        let peer = self.core.client(peer, request.headers());
        let inner = route::beneath(&self.core.settings.root_path, request.uri());
        let route = route::find(request.method(), inner.as_ref().unwrap_or_else(|| request.uri()).path());
        if route == Route::Elsewhere {
            // As it was asked: whoever answers takes the prefix off.
            return self.elsewhere(request, peer).await;
        }
        if let Some(inner) = inner {
            *request.uri_mut() = inner;
        }
        match route {
            Route::Liveness => health::liveness(&self.core),
            Route::Readiness => health::readiness(&self.core),
            Route::Inference { dialect, label, model } => {
                let in_flight = match self.core.enter() {
                    Ok(guard) => guard,
                    Err(refusal) => return respond::refusal(&self, dialect, &refusal, None),
                };
                pipeline::run(&self, request, peer, in_flight, (dialect, label, model)).await
            }
            Route::CountTokens => count_tokens::answer(&self, request, peer).await,
            route => self.small(route, request, peer).await,
        }
    }

    /// Model lists and metrics: they need a key and no body.
    async fn small(
        &self,
        route: Route,
        request: Request<Incoming>,
        client: Option<IpAddr>,
    ) -> Response<Body> {
        let dialect = respond::dialect_of(request.headers());
        if let Route::WrongMethod { allow } = route {
            return respond::refusal(self, dialect, &Refusal::WrongMethod { allow }, None);
        }
        if matches!(route, Route::Metrics) && !self.core.settings.metrics_need_key {
            return self.metrics();
        }
        let caller = match identify(&self.core, request.headers(), client).await {
            Ok(caller) => caller,
            Err(refusal) => return respond::refusal(self, dialect, &refusal, None),
        };
        let name = match route {
            Route::OneModel(_) => "/models/{model}",
            Route::Metrics => "/metrics",
            _ => "/models",
        };
        if let Err(refusal) = check_route(&caller, request.uri().path(), name) {
            return respond::refusal(self, dialect, &refusal, None);
        }
        match route {
            Route::OneModel(id) => models::one(&self.core, &caller, request.headers(), &id),
            Route::Metrics => self.metrics(),
            _ => models::list(&self.core, &caller, request.headers()),
        }
    }

    fn metrics(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.core.metrics.render()));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(telemetry::metrics::CONTENT_TYPE));
        response
    }

    async fn elsewhere(&self, request: Request<Incoming>, peer: Option<IpAddr>) -> Response<Body> {
        match &self.core.front_door {
            Some(door) => door.forward(self.clients.usual(), request, peer).await,
            None => {
                let mut response = Response::new(Body::from("{\"detail\":\"Not Found\"}"));
                *response.status_mut() = StatusCode::NOT_FOUND;
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
        }
    }

    /// An id for a request or for one attempt of it.
    pub fn new_id(&self) -> Uuid {
        kit::new_id(self.core.clock.now(), &mut **self.rng())
    }

    /// The worker's own source of chance; the lock is free, since one thread uses it.
    pub fn rng(&self) -> std::sync::MutexGuard<'_, Box<dyn Rng>> {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name under which a provider's header is passed on; made once for each name, as far as there is
    /// room to remember.
    pub fn prefixed(&self, name: &HeaderName) -> Option<HeaderName> {
        let mut known = self.prefixed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prefixed) = known.get(name) {
            return Some(prefixed.clone());
        }
        let prefixed =
            HeaderName::from_bytes([names::PROVIDER_PREFIX, name.as_str()].concat().as_bytes()).ok()?;
        if known.len() < PREFIXED_MAX {
            known.insert(name.clone(), prefixed.clone());
        }
        Some(prefixed)
    }

    pub fn write_intent(&self, intent: &Intent, expected: &Expected) -> Result<(), JournalError> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).intent(intent, expected)
    }

    /// A mark that cannot be written leaves the one before it.
    pub fn write_mark(&self, mark: &Mark) {
        let _ = self.writer.lock().unwrap_or_else(PoisonError::into_inner).mark(mark);
    }

    /// An outcome that cannot be written is counted and logged by the ledger; the client is served all the
    /// same.
    pub fn write_outcome(&self, outcome: &Outcome) {
        let _ = self.writer.lock().unwrap_or_else(PoisonError::into_inner).outcome(outcome);
    }

    pub fn write_refusal(&self, event: &UsageEvent) {
        let _ = self.writer.lock().unwrap_or_else(PoisonError::into_inner).refusal(event);
    }
}
