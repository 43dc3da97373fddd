//! From where requests may come, ready to be asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use domain::AccountKind;
use kit::network::Network;

use crate::AccountEntry;

/// The addresses and ranges that policy allows.
#[derive(Default)]
pub(crate) struct Addresses {
    is_set: AtomicBool,
    networks: RwLock<Arc<[Network]>>,
}

impl Addresses {
    /// `None` while requests may come from anywhere; that costs one look at a flag.
    pub(crate) fn get(&self) -> Option<Arc<[Network]>> {
        if !self.is_set.load(Ordering::Relaxed) {
            return None;
        }
        Some(self.networks.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Takes what is allowed out of all accounts. One that cannot be read allows nobody, and is there all the same.
    pub(crate) fn set(&self, accounts: impl Iterator<Item = Arc<AccountEntry>>) {
        let mut is_set = false;
        let own = accounts.filter(|account| account.policy.id.kind == AccountKind::AllowedIp);
        let networks = own.filter_map(|account| {
            is_set = true;
            account.policy.id.id.parse().ok()
        });
        let networks = networks.collect::<Arc<[Network]>>();
        *self.networks.write().unwrap_or_else(PoisonError::into_inner) = networks;
        self.is_set.store(is_set, Ordering::Relaxed);
    }
}
