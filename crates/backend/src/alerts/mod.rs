//! Tells people of budgets that are used up, or nearly: what crossed one is looked for, and what was found is sent, both
//! in the background and by any number of backends at once.

mod list;
mod words;

use std::sync::Arc;
use std::time::Duration;

use config::AlertFormat;
use kit::Timestamp;
use store::StoreError;
use store::alerts::{Claim, Seen};
use upstream::Hook;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::{Shared, State};

/// How often to look, and to send.
const EVERY: Duration = Duration::from_secs(1);
/// How often everyone is looked at, also those who have spent nothing since: their budgets may be smaller now.
const ALL_EVERY: Duration = Duration::from_secs(3600);
/// Parts of what was spent that one look goes through.
const PARTS_MAX: u32 = 50;
/// Alerts that wait at most. While it is so many, nobody looks for more; what is crossed then is found later.
const WAITING_MAX: u32 = 1000;
/// Longest wait for whoever gets an alert.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an alert is left to the process that has taken it. Longer than it takes to send it.
const LEASE: Duration = Duration::from_secs(60);
/// Times that one is tried.
const TRIES_MAX: u32 = 6;
/// Wait before the second try; it doubles with each.
const BACK_OFF_MIN: Duration = Duration::from_secs(2);
/// How long they are kept once they wait no more.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
const PRUNED_AT_ONCE_MAX: u32 = 1000;

/// One place that gets alerts.
pub struct AlertChannel {
    pub format: AlertFormat,
    pub hook: Hook,
}

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list::list))
}

impl State {
    /// The channels by the names under which alerts wait for them: as often as there are others of the same format
    /// before, their number is added.
    fn channels(&self) -> Vec<(String, &AlertChannel)> {
        let mut named = Vec::<(String, &AlertChannel)>::with_capacity(self.alerts.len());
        for channel in &self.alerts {
            let before = named.iter().filter(|(_, other)| other.format == channel.format).count();
            let format = channel.format.as_str();
            let name = if before == 0 { format.to_owned() } else { format!("{format}-{}", before + 1) };
            named.push((name, channel));
        }
        named
    }
}

/// Looks for what was crossed, again and again.
pub async fn watch(state: Shared) {
    let (mut seen, mut began) = (Seen::default(), state.clock.monotonic());
    let mut is_failing = false;
    while !state.alerts.is_empty() {
        if state.clock.monotonic().saturating_sub(began) >= ALL_EVERY {
            (seen, began) = (Seen::default(), state.clock.monotonic());
        }
        let looked = look(&state, &mut seen).await;
        if let Err(error) = &looked
            && !is_failing
        {
            tracing::warn!(%error, "budgets cannot be looked at for alerts; that is tried again");
        }
        is_failing = looked.is_err();
        tokio::time::sleep(EVERY).await;
    }
}

async fn look(state: &State, seen: &mut Seen) -> Result<(), StoreError> {
    let alerts = state.store.alerts();
    let named = state.channels();
    let names = named.iter().map(|(name, _)| &**name).collect::<Vec<_>>();
    for _ in 0..PARTS_MAX {
        let is_full = alerts.waiting(WAITING_MAX).await? >= WAITING_MAX;
        if is_full || !alerts.look(seen, &names, state.clock.now(), || state.new_id()).await? {
            break;
        }
    }
    Ok(())
}

/// Sends what was found, again and again, one after the other.
pub async fn send(state: Shared) {
    let mut is_failing = false;
    while !state.alerts.is_empty() {
        let sent = send_due(&state).await;
        if let Err(error) = &sent
            && !is_failing
        {
            tracing::warn!(%error, "alerts cannot be sent, since the database fails; that is tried again");
        }
        is_failing = sent.is_err();
        tokio::time::sleep(EVERY).await;
    }
}

async fn send_due(state: &Arc<State>) -> Result<(), StoreError> {
    let alerts = state.store.alerts();
    loop {
        let now = state.clock.now();
        let Some(claim) = alerts.claim(now, after(now, LEASE)).await? else { break };
        let why = match deliver(state, &claim).await {
            Ok(()) => {
                alerts.sent(&claim).await?;
                continue;
            }
            Err(why) => why,
        };
        let again = (claim.attempts < TRIES_MAX).then(|| after(state.clock.now(), back_off(claim.attempts)));
        let (channel, attempts) = (&claim.channel, claim.attempts);
        match again {
            Some(_) => tracing::warn!(channel, attempts, why, "an alert was not sent; that is tried again"),
            None => tracing::error!(
                channel,
                attempts,
                why,
                alert = words::text(&claim.alert),
                "an alert is given up"
            ),
        }
        alerts.failed(&claim, &why, again).await?;
    }
    alerts.prune(state.clock.now().minus(KEPT), PRUNED_AT_ONCE_MAX).await?;
    Ok(())
}

async fn deliver(state: &State, claim: &Claim) -> Result<(), String> {
    if claim.attempts > TRIES_MAX {
        return Err("whoever tried to send it ended before it was known what became of it".into());
    }
    let named = state.channels();
    let channel = named.into_iter().find(|(name, _)| *name == claim.channel);
    let Some((_, channel)) = channel else { return Err("there is no such channel any more".into()) };
    let body = match channel.format {
        AlertFormat::Slack => words::slack(&claim.alert),
        AlertFormat::Webhook => words::webhook(&claim.alert),
    };
    channel.hook.post(body.to_string().into(), SEND_TIMEOUT).await.map_err(|error| error.to_string())
}

/// Before the try that follows so many.
fn back_off(attempts: u32) -> Duration {
    BACK_OFF_MIN.saturating_mul(1 << attempts.saturating_sub(1).min(10))
}

fn after(at: Timestamp, time: Duration) -> Timestamp {
    Timestamp(at.micros().saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
}
