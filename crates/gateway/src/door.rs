//! The thread at the door: it accepts connections and hands each to a worker, looks whether the workers turn,
//! and answers probes itself where no worker can.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, timeout};
use tracing::{info, warn};

use crate::body::Body;
use crate::health;
use crate::pulse::BEAT_INTERVAL;
use crate::route::{self, Route};
use crate::server::Workers;
use crate::worker::Core;

/// Pause after the system refuses to accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_ERROR_PAUSE: Duration = Duration::from_millis(50);
/// Connections that the door itself attends to at once; more are closed.
const ATTENDED_MAX: usize = 64;
/// For a connection at the door to say what it wants, and for the whole of what is answered there.
const ATTENDED_TIME_MAX: Duration = Duration::from_secs(5);
/// How every request for a probe begins.
const PROBE: &[u8] = b"GET /health/";

/// Where the gateway is reached.
pub struct Doors {
    pub requests: TcpListener,
    /// A port that answers probes alone, whatever the workers do.
    pub probes: Option<TcpListener>,
}

/// How the gateway stops.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// How long it goes on listening after it has been told to stop and is no longer ready, so that load
    /// balancers hear of it before connections are refused.
    pub delay: Duration,
    /// How long requests may run on after that.
    pub time_max: Duration,
}

pub struct Door {
    pub core: Arc<Core>,
    pub workers: Workers,
    pub drain: Drain,
}

impl Door {
    /// Accepts until told to stop, then waits for the workers to drain.
    ///
    /// # Errors
    /// When a listener cannot be registered.
    pub async fn run(self, doors: Doors, mut shutdown: watch::Receiver<bool>) -> io::Result<()> {
        let requests = tokio::net::TcpListener::from_std(doors.requests)?;
        let attended = Arc::new(Semaphore::new(ATTENDED_MAX));
        let watching = tokio::spawn(watch_pulses(self.core.clone()));
        let probes = match doors.probes {
            Some(listener) => {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                Some(tokio::spawn(answer_probes(self.core.clone(), listener, attended.clone())))
            }
            None => None,
        };
        let told = async {
            let _ = shutdown.wait_for(|stop| *stop).await;
            self.core.draining.store(true, Ordering::Relaxed);
            tokio::time::sleep(self.drain.delay).await;
        };
        tokio::select! {
            () = self.accept(&requests, &attended) => {}
            () = told => {}
        }
        drop(requests);
        info!("no new connections; running requests may end within {} s", self.drain.time_max.as_secs());
        self.workers.drain(self.drain.time_max).await;
        watching.abort();
        if let Some(probes) = probes {
            probes.abort();
        }
        Ok(())
    }

    async fn accept(&self, listener: &tokio::net::TcpListener, attended: &Arc<Semaphore>) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) if self.workers.any_turns(&self.core.pulses) => self.hand_over(stream).await,
                Ok((stream, _)) => self.attend(stream, attended),
                Err(error) => {
                    warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_ERROR_PAUSE).await;
                }
            }
        }
    }

    async fn hand_over(&self, stream: TcpStream) {
        let Ok(mut stream) = stream.into_std() else { return };
        while let Err(full) = self.workers.give(stream, &self.core.pulses) {
            stream = full;
            tokio::time::sleep(ACCEPT_ERROR_PAUSE).await;
        }
    }

    /// No worker turns: a probe is answered here, anything else waits for a worker.
    fn attend(&self, stream: TcpStream, attended: &Arc<Semaphore>) {
        let Ok(turn) = attended.clone().try_acquire_owned() else { return };
        let (core, workers) = (self.core.clone(), self.workers.clone());
        tokio::spawn(async move {
            if timeout(ATTENDED_TIME_MAX, is_probe(&stream)).await.unwrap_or(false) {
                serve_probes(core, stream).await;
            } else if let Ok(stream) = stream.into_std() {
                // One that finds no room is closed.
                let _ = workers.give(stream, &core.pulses);
            }
            drop(turn);
        });
    }
}

async fn watch_pulses(core: Arc<Core>) {
    let mut ticks = tokio::time::interval(BEAT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_stuck = None;
    loop {
        ticks.tick().await;
        core.pulses.look();
        let stuck = core.pulses.stuck().map(|stuck| stuck.worker);
        if stuck != was_stuck {
            match stuck {
                Some(worker) => tracing::error!("worker {worker} does not turn: it is stuck or starved"),
                None => info!("all workers turn again"),
            }
            was_stuck = stuck;
        }
    }
}

async fn answer_probes(core: Arc<Core>, listener: tokio::net::TcpListener, attended: Arc<Semaphore>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_ERROR_PAUSE).await;
            continue;
        };
        let Ok(turn) = attended.clone().try_acquire_owned() else { continue };
        let core = core.clone();
        tokio::spawn(async move {
            serve_probes(core, stream).await;
            drop(turn);
        });
    }
}

/// Looks at the first bytes without taking them.
async fn is_probe(stream: &TcpStream) -> bool {
    let mut start = [0; PROBE.len()];
    loop {
        match stream.peek(&mut start).await {
            Ok(0) | Err(_) => return false,
            Ok(len) if start[..len] != PROBE[..len] => return false,
            Ok(len) if len == PROBE.len() => return true,
            // The rest is on its way; peeking again at once would spin.
            Ok(_) => tokio::time::sleep(ACCEPT_ERROR_PAUSE).await,
        }
    }
}

async fn serve_probes(core: Arc<Core>, stream: TcpStream) {
    let service = service_fn(move |request: Request<Incoming>| {
        let core = core.clone();
        async move { Ok::<Response<Body>, Infallible>(probe(&core, &request)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let _ = timeout(ATTENDED_TIME_MAX, connection).await;
}

fn probe(core: &Core, request: &Request<Incoming>) -> Response<Body> {
    let inner = route::beneath(&core.settings.root_path, request.uri());
    match route::find(request.method(), inner.as_ref().unwrap_or_else(|| request.uri()).path()) {
        Route::Liveness => health::liveness(core),
        Route::Readiness => health::readiness(core),
        _ => {
            let mut response = Response::new(Body::from("{\"detail\":\"Only probes are answered here.\"}"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
    }
}
