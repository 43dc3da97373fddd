//! The ledger's picture of a request: the intent of an attempt, and the row of a request that was refused.

use domain::{Intent, Outcome, Status, UsageEvent};
use kit::Money;
use routing::Candidate;
use uuid::Uuid;

use super::identify::{Caller, Principal};
use super::read::Ask;
use super::receive::{Received, cut};
use super::settle::{CLIENT_CLOSED_REQUEST, End};
use crate::deployments::Ready;
use crate::names;
use crate::refusal::Words;
use crate::worker::Worker;

/// Longest model name and error text that a row keeps.
const NAME_BYTES_MAX: usize = 256;
const ERROR_BYTES_MAX: usize = 2048;
/// The `model` of a row whose request named none that is known.
const UNKNOWN_MODEL: &str = "unknown-model";

pub fn intent(
    received: &Received,
    caller: &Caller,
    ask: Option<&Ask>,
    requested: &str,
    id: Uuid,
    at: Option<(&Candidate, &Ready)>,
    estimate: Money,
) -> Intent {
    let principal = match caller {
        Caller::Master => None,
        Caller::Key(principal) => Some(principal),
    };
    let policy = principal.map(|principal| &principal.entry.policy);
    let own_tags = policy.map(|policy| policy.tags.iter().cloned()).into_iter().flatten();
    Intent {
        id,
        call_id: received.call_id.clone(),
        started_at: received.started_at,
        key: policy.map(|policy| policy.hash),
        key_alias: policy.and_then(|policy| policy.alias.clone()),
        user_id: policy.and_then(|policy| policy.user_id.clone()),
        team_id: policy.and_then(|policy| policy.team_id.clone()),
        organization_id: principal.and_then(Principal::organization_id).map(Into::into),
        project_id: policy.and_then(|policy| policy.project_id.clone()),
        customer: ask.and_then(|ask| ask.customer.clone()),
        tags: ask.map(|ask| ask.tags.iter().cloned()).into_iter().flatten().chain(own_tags).collect(),
        dialect: received.dialect,
        stream: ask.is_some_and(|ask| ask.envelope.stream()),
        model_group: cut(requested, NAME_BYTES_MAX).into(),
        model: at.map_or(UNKNOWN_MODEL, |(candidate, _)| &candidate.model).into(),
        provider: at.map_or("", |(candidate, _)| &candidate.provider).into(),
        deployment_id: at.map_or("", |(candidate, _)| &candidate.deployment.id).into(),
        api_base: at.map_or("", |(_, ready)| ready.endpoint.api_base()).into(),
        estimate,
        session_id: names::SESSION.iter().find_map(|name| received.note(name)),
        requester_ip: received.peer.map(|peer| peer.to_string().into()),
        user_agent: received.note(&http::header::USER_AGENT),
    }
}

/// Writes the row of a request that was refused before any provider was called. Strangers leave none: their
/// flood must not fill the ledger.
pub fn refused(
    worker: &Worker,
    received: &Received,
    caller: &Caller,
    ask: Option<&Ask>,
    model: &str,
    words: &Words,
) {
    let message = cut(&words.message, ERROR_BYTES_MAX).into();
    let status = if words.status == CLIENT_CLOSED_REQUEST { Status::Cancelled } else { Status::Refused };
    unanswered(worker, received, caller, ask, model, End::free(status, words.status, Some(message)));
}

/// Writes the row of a request, or of what is left of it, for which no provider is being asked.
pub fn unanswered(
    worker: &Worker,
    received: &Received,
    caller: &Caller,
    ask: Option<&Ask>,
    model: &str,
    end: End,
) {
    let id = worker.new_id();
    let intent = intent(received, caller, ask, model, id, None, Money::ZERO);
    let outcome = Outcome {
        id,
        ended_at: worker.core.clock.now(),
        first_byte_at: None,
        status: end.status,
        http_status: end.http_status,
        usage: end.usage,
        usage_estimated: end.usage_estimated,
        cost: Money::ZERO,
        price_version: "none".into(),
        response_id: end.response_id,
        error: end.error,
        superseded: false,
    };
    worker.write_refusal(&UsageEvent { intent, outcome });
}
