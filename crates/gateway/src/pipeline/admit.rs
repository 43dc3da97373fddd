//! Stage 4: may this caller ask for this model now? Nothing here waits.

use std::sync::Arc;

use domain::AccountKind;
use kit::Money;
use policy::AccountName;
use routing::{Candidate, Group};

use super::identify::Caller;
use super::owners::{check_open, grants};
use super::read::Ask;
use super::reserve::{Named, reserve};
use crate::refusal::Refusal;
use crate::routing_now::Routing;
use crate::worker::Core;

/// A request that may go to a provider.
pub struct Admitted {
    /// What the group was found in, and what its attempts are told to.
    pub routing: Arc<Routing>,
    pub group: Arc<Group>,
    /// The name after all aliases: what the client asked for, as routing knows it.
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
    ask: &Ask,
    input_tokens: u64,
    max_output_tokens: Option<u64>,
) -> Result<Admitted, Refusal> {
    let named = named(core, caller, ask);
    for account in named.customer.iter().chain(&named.tags) {
        check_open(account)?;
    }
    let model = aliased(caller, &ask.model);
    let routing = core.routing.get();
    let group = routing.table.resolve(model, caller.team());
    check_access(core, caller, [&ask.model, model], group.as_deref())?;
    check_named(&named, [&ask.model, model], group.as_deref())?;
    let group = group.ok_or_else(|| Refusal::InvalidModel { label, model: shown(model).to_owned() })?;
    let estimate = dearest(&routing, &group, input_tokens, max_output_tokens);
    let reservation = match caller {
        Caller::Key(principal) => reserve(core, principal, &named, model, estimate)?,
        Caller::Master => None,
    };
    let model = model.to_owned();
    Ok(Admitted { routing, group, model, input_tokens, max_output_tokens, estimate, reservation })
}

/// Those that the request names and the replica knows, the key's own tags included.
fn named(core: &Core, caller: &Caller, ask: &Ask) -> Named {
    let find = |kind, id: &str| core.replica.account(AccountName::new(kind, id));
    let customer = ask.customer.as_deref().and_then(|id| find(AccountKind::Customer, id));
    let own = match caller {
        Caller::Master => &[][..],
        Caller::Key(principal) => &principal.entry.policy.tags,
    };
    // A tag that is named twice is charged once.
    let own = own.iter().filter(|tag| !ask.tags.contains(tag));
    let tags = ask.tags.iter().chain(own).filter_map(|tag| find(AccountKind::Tag, tag)).collect();
    Named { customer, tags }
}

/// Longest part of an unknown model name that is repeated in an error.
const SHOWN_MODEL_BYTES_MAX: usize = 256;

fn shown(model: &str) -> &str {
    super::receive::cut(model, SHOWN_MODEL_BYTES_MAX)
}

/// The name after the aliases of the key's team, and then of the key.
fn aliased<'m>(caller: &'m Caller, requested: &'m str) -> &'m str {
    let Caller::Key(principal) = caller else { return requested };
    let of = |aliases: &'m [(Box<str>, Box<str>)], name: &'m str| {
        aliases.iter().find(|(from, _)| **from == *name).map_or(name, |(_, to)| &**to)
    };
    let team = principal.owners.as_ref().and_then(|owners| owners.team.as_ref());
    let model = team.map_or(requested, |team| of(&team.policy.aliases, requested));
    of(&principal.entry.policy.aliases, model)
}

/// Whether the key and all that it answers to grant a model, under the name asked for or the one that it stands
/// for. A name that no group answers to is checked as well, so that a key never learns which names exist.
pub fn check_access(
    core: &Core,
    caller: &Caller,
    names: [&str; 2],
    group: Option<&Group>,
) -> Result<(), Refusal> {
    let Caller::Key(principal) = caller else { return Ok(()) };
    let denied = |by| Refusal::ModelDenied { model: shown(names[0]).to_owned(), by };
    let entry = &principal.entry;
    let by_group = |ids: &[Box<str>]| in_group(core, ids, names, group);
    if !grants(&entry.policy.models, names, group) && !by_group(entry.access_groups()) {
        return Err(denied(None));
    }
    let Some(owners) = &principal.owners else { return Ok(()) };
    for owner in owners.all() {
        // What a team owns is not in the list of shared models that it may call.
        let is_owner = owner.policy.id.kind == AccountKind::Team && group.is_some_and(is_owned);
        let has = &owner.policy;
        if !is_owner && !grants(&has.models, names, group) && !by_group(&has.access_groups) {
            return Err(denied(Some(owner.policy.id.kind)));
        }
    }
    Ok(())
}

/// Whether one of these access groups grants a model. Asked only where nothing else does.
fn in_group(core: &Core, ids: &[Box<str>], names: [&str; 2], group: Option<&Group>) -> bool {
    ids.iter().any(|id| {
        let access = core.replica.account(AccountName::new(AccountKind::AccessGroup, id));
        // One without models grants none, unlike the lists of keys and teams.
        access.is_some_and(|one| !one.policy.models.is_empty() && grants(&one.policy.models, names, group))
    })
}

fn is_owned(group: &Group) -> bool {
    group.candidates.first().is_some_and(|first| first.deployment.team_id.is_some())
}

fn check_named(named: &Named, names: [&str; 2], group: Option<&Group>) -> Result<(), Refusal> {
    let Some(customer) = &named.customer else { return Ok(()) };
    if grants(&customer.policy.models, names, group) {
        return Ok(());
    }
    Err(Refusal::ModelDenied { model: shown(names[0]).to_owned(), by: Some(AccountKind::Customer) })
}

/// What the call costs at most, at the dearest deployment that may answer it.
fn dearest(routing: &Routing, group: &Group, input_tokens: u64, max_output_tokens: Option<u64>) -> Money {
    let cost = |candidate: &Candidate| {
        let ready = routing.ready.get(candidate);
        ready.map_or(Money::ZERO, |ready| ready.priced.at_most(input_tokens, max_output_tokens))
    };
    group.candidates.iter().map(cost).max().unwrap_or(Money::ZERO)
}
