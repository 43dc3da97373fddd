//! Stage 2: who is asking. From memory; only a key that is unknown here waits for one shared look at the
//! database.

use std::net::IpAddr;
use std::sync::Arc;

use domain::AccountKind;
use http::HeaderMap;
use kit::KeyHash;
use kit::network::{Network, any_contains};
use policy::{AccountName, CatchUp, KeyEntry};

use super::owners::Owners;
use super::receive::cut;
use crate::credentials::{self, Presented};
use crate::refusal::Refusal;
use crate::worker::Core;

/// Longest part of a path that is repeated in an error.
const SHOWN_ROUTE_BYTES_MAX: usize = 256;

/// Who is asking.
#[derive(Clone)]
pub enum Caller {
    Master,
    Key(Principal),
}

/// A key, and those that it answers to.
#[derive(Clone)]
pub struct Principal {
    pub entry: Arc<KeyEntry>,
    pub owners: Option<Arc<Owners>>,
}

impl Principal {
    /// Whose spend a call counts to: the key's organisation, or that of its team.
    pub fn organization_id(&self) -> Option<&str> {
        let organization = self.owners.as_ref().and_then(|owners| owners.organization.as_ref());
        let known = organization.map(|organization| &*organization.policy.id.id);
        self.entry.policy.organization_id.as_deref().or(known)
    }
}

impl Caller {
    /// The team of the caller's key.
    pub fn team(&self) -> Option<&str> {
        match self {
            Self::Master => None,
            Self::Key(principal) => principal.entry.policy.team_id.as_deref(),
        }
    }
}

/// Finds the caller of a request and checks that its key is good now, and that it may come from `client`.
pub async fn identify(core: &Core, headers: &HeaderMap, client: Option<IpAddr>) -> Result<Caller, Refusal> {
    check_address(core, client)?;
    let presented = match credentials::find(headers, core.settings.key_header.as_ref()) {
        Presented::Key(key) => key,
        Presented::Malformed => return Err(Refusal::MalformedKey),
        Presented::Nothing => return Err(Refusal::NoKey),
    };
    if core.settings.master_key.matches(presented) {
        return Ok(Caller::Master);
    }
    if !presented.starts_with("sk-") {
        return Err(Refusal::NotAVirtualKey { shown: masked(presented) });
    }
    let hash = KeyHash::of(presented);
    let entry = match core.replica.lookup(&hash) {
        Some(entry) => entry,
        None => match opened(core, &hash) {
            Some(entry) => entry,
            None => catch_up(core, hash, presented).await?,
        },
    };
    check(core, &entry, presented)?;
    let owners = Owners::of(&core.replica, &entry.policy);
    if let Some(owners) = &owners {
        owners.check_open()?;
    }
    Ok(Caller::Key(Principal { entry, owners }))
}

fn check_address(core: &Core, client: Option<IpAddr>) -> Result<(), Refusal> {
    let (own, more) = (&core.settings.allowed_ips, core.replica.addresses());
    if own.is_empty() && more.is_none() {
        return Ok(());
    }
    let is_in = |list: &[Network]| client.is_some_and(|client| any_contains(list, client));
    if is_in(own) || more.is_some_and(|more| is_in(&more)) {
        return Ok(());
    }
    Err(Refusal::AddressDenied { client })
}

/// Whether the caller may call `path`; `name` is how [groups of routes](domain::route_groups) have it.
pub fn check_route(caller: &Caller, path: &str, name: &str) -> Result<(), Refusal> {
    let Caller::Key(Principal { entry, .. }) = caller else { return Ok(()) };
    if entry.routes().is_empty() || domain::route_groups::allows(entry.routes(), path, name) {
        return Ok(());
    }
    Err(Refusal::RouteDenied {
        allowed: entry.policy.terms.as_ref().map(|terms| terms.routes.clone()).unwrap_or_default(),
        route: cut(path, SHOWN_ROUTE_BYTES_MAX).to_owned(),
    })
}

/// The key that an old secret opens for a while yet.
fn opened(core: &Core, old: &KeyHash) -> Option<Arc<KeyEntry>> {
    let secret = core.replica.account(AccountName::new(AccountKind::OldSecret, &old.to_hex()))?;
    let is_open = secret.policy.ends.is_some_and(|ends| core.clock.now() < ends);
    let key = secret.policy.parent.as_deref().filter(|_| is_open)?.parse().ok()?;
    core.replica.lookup(&key)
}

async fn catch_up(core: &Core, hash: KeyHash, presented: &str) -> Result<Arc<KeyEntry>, Refusal> {
    match core.replica.catch_up(&hash).await {
        CatchUp::Known(entry) => Ok(entry),
        CatchUp::Unknown => {
            opened(core, &hash).ok_or_else(|| Refusal::UnknownKey { last4: last4(presented), hash })
        }
        CatchUp::Unavailable { retry_after } => Err(Refusal::PolicyUnavailable { retry_after }),
    }
}

fn check(core: &Core, entry: &KeyEntry, presented: &str) -> Result<(), Refusal> {
    if entry.policy.blocked {
        return Err(if entry.is_unreadable { Refusal::UnreadableKey } else { Refusal::BlockedKey });
    }
    if let Some(expired) = entry.policy.expires {
        let now = core.clock.now();
        if expired <= now {
            return Err(Refusal::ExpiredKey { last4: last4(presented), expired, now });
        }
    }
    Ok(())
}

fn last4(key: &str) -> String {
    key.char_indices().rev().nth(3).map_or("", |(at, _)| &key[at..]).into()
}

/// The first and last four characters, for a text that is no key of ours but may be someone else's.
fn masked(text: &str) -> String {
    let head: String = text.chars().take(4).collect();
    if text.chars().count() <= 8 { "****".into() } else { format!("{head}****{}", last4(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_key_is_shown_masked() {
        assert_eq!(masked("AIzaSyA-12345"), "AIza****2345");
        assert_eq!(masked("short"), "****");
        assert_eq!(last4("sk-abcd"), "abcd");
    }
}
