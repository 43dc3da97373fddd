//! Stage 4: may this caller ask for this model now? Nothing here waits.

use std::sync::Arc;

use domain::access;
use kit::Money;
use routing::{Candidate, Group};

use super::identify::Caller;
use crate::refusal::Refusal;
use crate::worker::Core;

/// A request that may go to a provider.
pub struct Admitted {
    pub group: Arc<Group>,
    /// The name after the key's aliases: what the client asked for, as routing knows it.
    pub model: String,
    /// Our count of the prompt.
    pub input_tokens: u64,
    /// Of all choices together.
    pub max_output_tokens: Option<u64>,
    pub estimate: Money,
    pub reservation: Option<policy::Reservation>,
}

/// `input_tokens` and `max_output_tokens` are what the request says or what we estimate.
pub fn admit(
    core: &Core,
    caller: &Caller,
    label: &'static str,
    requested: &str,
    input_tokens: u64,
    max_output_tokens: Option<u64>,
) -> Result<Admitted, Refusal> {
    let model = aliased(caller, requested);
    let group = core.table.resolve(model);
    check_access(caller, requested, group.as_deref())
        .or_else(|denied| check_access(caller, model, group.as_deref()).map_err(|_| denied))?;
    let group = group.ok_or_else(|| Refusal::InvalidModel { label, model: shown(model).to_owned() })?;
    let estimate = dearest(core, &group, input_tokens, max_output_tokens);
    let reservation = reserve(core, caller, estimate)?;
    Ok(Admitted { group, model: model.to_owned(), input_tokens, max_output_tokens, estimate, reservation })
}

/// Longest part of an unknown model name that is repeated in an error.
const SHOWN_MODEL_BYTES_MAX: usize = 256;

fn shown(model: &str) -> &str {
    super::receive::cut(model, SHOWN_MODEL_BYTES_MAX)
}

fn aliased<'m>(caller: &'m Caller, requested: &'m str) -> &'m str {
    let Caller::Key(entry) = caller else { return requested };
    entry.policy.aliases.iter().find(|(from, _)| **from == *requested).map_or(requested, |(_, to)| to)
}

/// A name that no group answers to is checked as well, so that a key never learns which names exist.
pub fn check_access(caller: &Caller, model: &str, group: Option<&Group>) -> Result<(), Refusal> {
    let Caller::Key(entry) = caller else { return Ok(()) };
    let granted = match group.and_then(|group| group.candidates.first()) {
        Some(first) => {
            access::grants(&entry.policy.models, model, &first.provider, &first.deployment.access_groups)
        }
        None => access::grants(&entry.policy.models, model, "", &[]),
    };
    if granted { Ok(()) } else { Err(Refusal::ModelDenied { model: shown(model).to_owned() }) }
}

/// What the call costs at most, at the dearest deployment that may answer it.
fn dearest(core: &Core, group: &Group, input_tokens: u64, max_output_tokens: Option<u64>) -> Money {
    let cost = |candidate: &Candidate| {
        let ready = core.ready.get(candidate);
        ready.map_or(Money::ZERO, |ready| ready.priced.at_most(input_tokens, max_output_tokens))
    };
    group.candidates.iter().map(cost).max().unwrap_or(Money::ZERO)
}

/// Models that cost nothing are not held against a budget.
fn reserve(core: &Core, caller: &Caller, estimate: Money) -> Result<Option<policy::Reservation>, Refusal> {
    let Caller::Key(entry) = caller else { return Ok(None) };
    if entry.policy.max_budget.is_none() || estimate == Money::ZERO {
        return Ok(None);
    }
    entry.reserve(estimate).map(Some).map_err(|over| Refusal::OverBudget {
        key: entry.policy.alias.as_deref().map_or_else(|| entry.policy.hash.to_hex(), Into::into),
        spend: over.spend,
        max: over.max,
        status: core.settings.budget_exceeded_status,
    })
}
