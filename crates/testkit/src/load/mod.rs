//! Clients as a fleet of gateways meets them: chats at a fixed rate that does not wait for answers, spread as
//! a load balancer spreads them, given up in the middle where a test wants that, each one written down.
//!
//! Steered over HTTP (see [`crate::control`]): `POST /flows` starts a [`Flow`], `GET /flows/<name>` counts
//! what it did so far, `DELETE /flows/<name>` stops it, waits for what is under way and writes one JSON line
//! for each request to the flow's file.

mod balance;
mod chat;
mod exchange;
mod flow;
mod record;
mod spec;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;
use serde_json::{Value, json};

pub use record::{Outcome, Record};
pub use spec::{Dialect, Flow};

use crate::clock::SystemClock;
use crate::control::Order;
use balance::Targets;
use flow::Running;

/// The flows under way, by name.
#[derive(Clone)]
pub struct Driver {
    clock: SystemClock,
    targets: Arc<Targets>,
    flows: Arc<Mutex<HashMap<String, Running>>>,
}

impl Driver {
    pub fn new(clock: SystemClock) -> Self {
        Self { clock, targets: Arc::default(), flows: Arc::default() }
    }

    /// Carries out one order.
    ///
    /// # Errors
    /// When it makes no sense, names no flow, or the flow's file cannot be written.
    pub async fn obey(self, order: Order) -> Result<Value, String> {
        let name = order.path.strip_prefix("/flows/").unwrap_or_default();
        match order.method {
            Method::POST if order.path == "/flows" => self.start(order.body),
            Method::GET => {
                let flows = self.flows();
                let running = flows.get(name).ok_or_else(|| format!("no flow named `{name}`"))?;
                Ok(json!(running.counts()))
            }
            Method::DELETE => {
                let running = self.flows().remove(name).ok_or_else(|| format!("no flow named `{name}`"))?;
                Ok(json!(running.stop().await?))
            }
            _ => Err(format!("unknown order {} {}", order.method, order.path)),
        }
    }

    fn start(&self, body: Value) -> Result<Value, String> {
        let flow: Flow = serde_json::from_value(body).map_err(|error| error.to_string())?;
        let name = flow.name.clone();
        let mut flows = self.flows();
        if flows.contains_key(&name) {
            return Err(format!("a flow named `{name}` is running already"));
        }
        let targets = self.targets.meet(&flow.targets);
        flows.insert(name, Running::start(flow, targets, self.clock)?);
        Ok(json!({"ok": true}))
    }

    fn flows(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
