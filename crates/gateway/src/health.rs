//! Probes: whether the process turns, and whether it can serve traffic. Neither asks a database.

use http::{HeaderValue, Response, StatusCode, header};
use policy::LoadedFrom;
use serde_json::json;

use crate::body::Body;
use crate::worker::Core;

const NO_POLICY: &str = "no policy yet: there is no usable copy on disk, and the database has not been read";

/// Whether all workers turn, as the thread at the door sees them; whoever answers.
pub fn liveness(core: &Core) -> Response<Body> {
    if core.is_draining() {
        return answer(StatusCode::SERVICE_UNAVAILABLE, json!({"status": "shutting_down"}).to_string());
    }
    let Some(stuck) = core.pulses.stuck() else {
        return answer(StatusCode::OK, "\"I'm alive!\"".to_owned());
    };
    let (worker, seconds) = (stuck.worker, stuck.silent_for.as_secs_f64());
    let detail = format!("worker-{worker} has not turned for {seconds} seconds");
    answer(StatusCode::SERVICE_UNAVAILABLE, json!({"status": "stuck", "detail": detail}).to_string())
}

/// Ready means able to serve traffic: the policy replica holds something to decide by, be it old.
pub fn readiness(core: &Core) -> Response<Body> {
    if core.is_draining() {
        return answer(StatusCode::SERVICE_UNAVAILABLE, json!({"status": "shutting_down"}).to_string());
    }
    let policy = core.replica.status(core.clock.now());
    let journal = core.ledger.stats();
    let usable = policy.loaded_from != LoadedFrom::Nothing;
    let connected = policy.loaded_from == LoadedFrom::Database && policy.last_error.is_none();
    let mut body = json!({
        "status": if usable { "healthy" } else { "starting" },
        "db": if connected { "connected" } else { "Not connected" },
        "policy": {
            "keys": policy.keys,
            "unreadable_keys": policy.unreadable_keys,
            "accounts": policy.accounts,
            "unreadable_accounts": policy.unreadable_accounts,
            "sequence": policy.seq,
            "digest": format!("{:016x}", policy.digest),
            "loaded_from": policy.loaded_from.as_str(),
            "stale": policy.is_stale,
            "seconds_since_sync": policy.last_sync_at.map(|_| policy.stale_for.as_secs_f64()),
        },
        "journal": {
            "bytes": journal.bytes,
            "backlog_bytes": journal.backlog_bytes,
            "seconds_behind": journal.lag.as_secs_f64(),
        },
    });
    if !usable {
        // What the database said is in the log: it may name hosts, and anyone may ask for this.
        body["reason"] = NO_POLICY.into();
    }
    let status = if usable { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, body.to_string())
}

fn answer(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
