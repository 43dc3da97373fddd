//! A TCP proxy between a gateway and its database that fails on request.
//!
//! Steered over HTTP (see [`crate::control`]): `POST /mode` sets a [`Mode`], `POST /cut-commits` breaks
//! connections in the moment that matters, `GET /counts` tells what passed.

mod messages;
mod pipe;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::control::Order;

/// What happens to connections, those that stand and those to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Mode {
    Pass,
    /// All that the database says arrives this much later.
    Delay {
        ms: u64,
    },
    /// Closed in good order, and new ones as soon as they are made.
    Cut,
    /// Accepted and swallowed: no byte passes, nothing is closed. Connections that saw this stay so for good,
    /// as behind a firewall that has forgotten them.
    HalfOpen,
    /// Reset, and new ones as soon as they are made.
    Reset,
}

/// What passed so far.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Counts {
    pub connections: u64,
    /// Statements that clients asked to execute.
    pub statements: u64,
    pub commits: u64,
    /// Connections broken around a commit, as ordered.
    pub commits_cut: u64,
}

/// Breaks connections at a `COMMIT`: with its answer swallowed, before the database hears of it, or by falling
/// mute before it, so that the database waits in an open transaction.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CutCommits {
    #[serde(default)]
    unanswered: u64,
    #[serde(default)]
    unsent: u64,
    #[serde(default)]
    muted: u64,
}

#[derive(Default)]
struct Tally {
    connections: AtomicU64,
    statements: AtomicU64,
    commits: AtomicU64,
    commits_cut: AtomicU64,
    /// Still to be broken.
    cut_unanswered: AtomicU64,
    cut_unsent: AtomicU64,
    cut_muted: AtomicU64,
    /// Whether only so many statements may pass, and how many still.
    is_bounded: AtomicBool,
    may_pass: AtomicU64,
}

impl Tally {
    /// Whether a statement may pass.
    fn let_pass(&self) -> bool {
        !self.is_bounded.load(Ordering::Relaxed) || Self::take(&self.may_pass)
    }

    /// Takes one from what is left, if anything is.
    fn take(left: &AtomicU64) -> bool {
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

#[derive(Clone)]
pub struct FaultProxy {
    to: SocketAddr,
    mode: watch::Sender<Mode>,
    tally: Arc<Tally>,
}

impl FaultProxy {
    /// A proxy in front of `to` that lets everything pass.
    pub fn new(to: SocketAddr) -> Self {
        Self { to, mode: watch::channel(Mode::Pass).0, tally: Arc::default() }
    }

    /// Lets so many statements pass, commits included, and breaks the connection of each that comes after them; `None` lets all.
    pub fn cut_after(&self, statements: Option<u64>) {
        self.tally.may_pass.store(statements.unwrap_or_default(), Ordering::Relaxed);
        self.tally.is_bounded.store(statements.is_some(), Ordering::Relaxed);
    }

    /// Accepts until the socket fails.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn run(self, listener: TcpListener) -> std::io::Result<()> {
        loop {
            let (client, _) = listener.accept().await?;
            self.tally.connections.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(pipe::run(client, self.to, self.mode.subscribe(), Arc::clone(&self.tally)));
        }
    }

    /// Carries out one order.
    ///
    /// # Errors
    /// When it makes no sense.
    pub async fn obey(self, order: Order) -> Result<Value, String> {
        match (order.method, order.path.as_str()) {
            (Method::POST, "/mode") => {
                let mode = serde_json::from_value(order.body).map_err(|error| error.to_string())?;
                self.mode.send_replace(mode);
                Ok(json!({"ok": true}))
            }
            (Method::POST, "/cut-commits") => {
                let cut: CutCommits =
                    serde_json::from_value(order.body).map_err(|error| error.to_string())?;
                self.tally.cut_unanswered.store(cut.unanswered, Ordering::Relaxed);
                self.tally.cut_unsent.store(cut.unsent, Ordering::Relaxed);
                self.tally.cut_muted.store(cut.muted, Ordering::Relaxed);
                Ok(json!({"ok": true}))
            }
            (Method::GET, "/counts") => Ok(json!(self.counts())),
            (method, path) => Err(format!("unknown order {method} {path}")),
        }
    }

    fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            connections: read(&self.tally.connections),
            statements: read(&self.tally.statements),
            commits: read(&self.tally.commits),
            commits_cut: read(&self.tally.commits_cut),
        }
    }
}
