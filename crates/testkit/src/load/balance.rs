//! The gateways as a load balancer sees them: who is ready, and idle connections to each.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::exchange::{self, Lane};

/// How often a gateway is asked whether it is ready, and how long it may take to say so.
const PROBE_EVERY: Duration = Duration::from_millis(100);
const PROBE_TIME_MAX: Duration = Duration::from_secs(2);
/// Idle connections kept to one gateway.
const IDLE_MAX: usize = 256;

/// Every gateway that a flow was ever sent to.
#[derive(Default)]
pub struct Targets {
    known: Mutex<HashMap<SocketAddr, Arc<Target>>>,
}

impl Targets {
    /// The gateways at these addresses; new ones are asked for their readiness from now on.
    pub fn meet(&self, addresses: &[SocketAddr]) -> Arc<Balancer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let targets = addresses.iter().map(|address| {
            let target = known.entry(*address).or_insert_with(|| {
                let target = Arc::new(Target::new(*address));
                tokio::spawn(probe(Arc::clone(&target)));
                target
            });
            Arc::clone(target)
        });
        Arc::new(Balancer { targets: targets.collect(), next: AtomicUsize::new(0) })
    }
}

/// Spreads the requests of one flow.
pub struct Balancer {
    targets: Vec<Arc<Target>>,
    next: AtomicUsize,
}

impl Balancer {
    /// The next gateway in turn that is ready and was not `tried`, else one that is ready, else any.
    pub fn choose(&self, tried: &[usize]) -> (usize, &Target) {
        let count = self.targets.len();
        let first = self.next.fetch_add(1, Ordering::Relaxed) % count;
        let order = || (0..count).map(|step| (first + step) % count);
        let is_ready = |place: &usize| self.targets[*place].is_ready();
        let place = order()
            .find(|place| is_ready(place) && !tried.contains(place))
            .or_else(|| order().find(is_ready))
            .unwrap_or(first);
        (place, &self.targets[place])
    }

    /// The gateway of a request that may go to no other.
    pub fn fixed(&self, number: u64) -> (usize, &Target) {
        let place = usize::try_from(number).unwrap_or(0) % self.targets.len();
        (place, &self.targets[place])
    }
}

pub struct Target {
    pub address: SocketAddr,
    ready: AtomicBool,
    idle: Mutex<Vec<Lane>>,
    /// One connection that all requests over HTTP/2 share.
    shared: tokio::sync::Mutex<Option<Lane>>,
}

impl Target {
    const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            ready: AtomicBool::new(true),
            idle: Mutex::new(Vec::new()),
            shared: tokio::sync::Mutex::const_new(None),
        }
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// It took no connection: nothing more is sent to it until it says that it is ready.
    pub fn suspend(&self) {
        self.ready.store(false, Ordering::Relaxed);
    }

    /// A connection for a request: an idle one that still stands, or a new one.
    ///
    /// # Errors
    /// When the gateway takes none.
    pub async fn lane(&self, http2: bool) -> Result<Lane, String> {
        if !http2 {
            return match self.idle() {
                Some(lane) => Ok(lane),
                None => Lane::open(self.address).await,
            };
        }
        let mut shared = self.shared.lock().await;
        if let Some(lane) = shared.as_ref().filter(|lane| lane.is_ready()).and_then(Lane::share) {
            return Ok(lane);
        }
        let lane = Lane::open_http2(self.address).await?;
        *shared = lane.share();
        Ok(lane)
    }

    fn idle(&self) -> Option<Lane> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(Lane::is_ready)
    }

    /// Takes a connection back for another request.
    pub fn keep(&self, lane: Lane) {
        if lane.share().is_some() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(lane);
        }
    }
}

async fn probe(target: Arc<Target>) {
    loop {
        let answer = timeout(PROBE_TIME_MAX, exchange::get(target.address, "/health/readiness")).await;
        target.ready.store(matches!(answer, Ok(Some(200))), Ordering::Relaxed);
        sleep(PROBE_EVERY).await;
    }
}
