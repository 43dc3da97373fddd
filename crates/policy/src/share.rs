//! Lists of names that many keys have alike, kept once.

use std::collections::HashSet;
use std::sync::Arc;

use domain::key::NameList;
use domain::{AccountPolicy, KeyPolicy};

use crate::{AccountEntry, KeyEntry};

/// Most lists that are looked for; what comes beyond is each key's own.
const LISTS_MAX: usize = 1 << 16;

/// Used by whoever writes policy, never by a request.
#[derive(Default)]
pub(crate) struct SharedLists(HashSet<NameList>);

impl SharedLists {
    /// An entry whose lists are those that other keys have alike.
    pub(crate) fn key(&mut self, mut policy: KeyPolicy) -> KeyEntry {
        self.share(&mut policy.models);
        self.share(&mut policy.tags);
        KeyEntry::new(policy)
    }

    pub(crate) fn account(&mut self, mut policy: AccountPolicy) -> AccountEntry {
        self.share(&mut policy.models);
        self.share(&mut policy.budgeted_models);
        self.share(&mut policy.access_groups);
        AccountEntry::new(policy)
    }

    /// Puts the list that is known already in place of one that is the same.
    pub(crate) fn share(&mut self, list: &mut NameList) {
        if let Some(known) = self.0.get(list) {
            *list = Arc::clone(known);
            return;
        }
        if self.0.len() == LISTS_MAX {
            self.0.retain(|list| Arc::strong_count(list) > 1);
        }
        // While all are in use there is no room, and looking for some again would cost more than it saves.
        if self.0.len() < LISTS_MAX {
            self.0.insert(Arc::clone(list));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(name: &str) -> NameList {
        ["a".into(), name.into()].into()
    }

    #[test]
    fn the_same_list_is_kept_once() {
        let mut lists = SharedLists::default();
        let (mut one, mut same, mut other) = (list("b"), list("b"), list("c"));
        lists.share(&mut one);
        lists.share(&mut same);
        lists.share(&mut other);
        assert!(Arc::ptr_eq(&one, &same) && one != other);
    }

    #[test]
    fn there_is_a_bound_and_lists_without_a_key_make_room() {
        let mut lists = SharedLists::default();
        let mut kept = (0..LISTS_MAX).map(|number| list(&number.to_string())).collect::<Vec<_>>();
        kept.iter_mut().for_each(|list| lists.share(list));
        let mut beyond = list("beyond");
        lists.share(&mut beyond);
        assert_eq!((lists.0.len(), Arc::strong_count(&beyond)), (LISTS_MAX, 1));
        kept.truncate(5);
        lists.share(&mut beyond);
        assert_eq!((lists.0.len(), Arc::strong_count(&beyond)), (6, 2));
    }
}
