//! Takes into the replica what was read from the database.

use std::sync::atomic::Ordering;

use domain::AccountKind;
use kit::{KeyHash, Timestamp};

use crate::map::{Entry, Map};
use crate::replica::Inner;
use crate::source::{Spent, Stored, StoredAccount};
use crate::{AccountEntry, AccountName, KeyEntry};

/// Takes in what was spent, and returns the time of the newest of it.
pub(crate) fn hear<E: Entry, I>(
    inner: &Inner,
    map: &Map<E>,
    spends: &[Spent<I>],
    is_newest: bool,
    name: impl for<'i> Fn(&'i I) -> E::Id<'i>,
) -> Timestamp {
    let mut newest = Timestamp(0);
    for Spent { id, spend, changed_at, window } in spends {
        newest = newest.max(*changed_at);
        let Some(entry) = map.get(name(id)) else { continue };
        if entry.hear(*spend, is_newest) {
            inner.spend_unsaved.store(true, Ordering::Relaxed);
        }
        if let Some(window) = window.as_ref().filter(|_| is_newest) {
            entry.spend().set_window(window);
        }
    }
    newest
}

/// Takes in keys that were read after `before` shipments of the ledger; `snapshot` is the one that they
/// are part of.
pub(crate) fn apply(inner: &Inner, keys: Vec<(KeyHash, Stored)>, before: u64, snapshot: Option<u32>) {
    let shipments = inner.shipments();
    let is_newest = *shipments == before;
    for (hash, stored) in keys {
        let entry = match stored {
            Stored::Policy(policy) => {
                let spend = policy.spend;
                let entry = inner.keys.put(inner.lists().key(policy));
                entry.hear(spend, is_newest);
                entry
            }
            Stored::Unreadable(why) => {
                tracing::error!(key = %hash, why, "a key is refused: its stored policy cannot be read");
                inner.keys.put(KeyEntry::unreadable(hash))
            }
            Stored::Gone => {
                inner.keys.remove(&hash);
                continue;
            }
        };
        if let Some(snapshot) = snapshot {
            entry.mark(snapshot);
        }
    }
    inner.policy_unsaved.store(true, Ordering::Relaxed);
}

/// The same for accounts.
pub(crate) fn apply_accounts(
    inner: &Inner,
    accounts: Vec<StoredAccount>,
    before: u64,
    snapshot: Option<u32>,
) {
    let shipments = inner.shipments();
    let is_newest = *shipments == before;
    let tells_addresses = accounts.iter().any(|(id, _)| id.kind == AccountKind::AllowedIp);
    for (id, stored) in accounts {
        let entry = match stored {
            Stored::Policy(policy) => {
                let spend = policy.spend;
                let entry = inner.accounts.put(inner.lists().account(policy));
                entry.hear(spend, is_newest);
                entry
            }
            Stored::Unreadable(why) => {
                let kind = id.kind.as_str();
                tracing::error!(
                    kind,
                    id = &*id.id,
                    why,
                    "calls are refused: what is stored of an account cannot be read"
                );
                inner.accounts.put(AccountEntry::unreadable(id))
            }
            Stored::Gone => {
                inner.accounts.remove(AccountName::from(&id));
                continue;
            }
        };
        if let Some(snapshot) = snapshot {
            entry.mark(snapshot);
        }
    }
    if tells_addresses {
        inner.tell_addresses();
    }
    inner.policy_unsaved.store(true, Ordering::Relaxed);
}
