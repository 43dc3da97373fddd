//! How many keys a list has: counted once, and remembered until some key changes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kit::Timestamp;

use super::{KeyQuery, KeyStatus};

/// Lists whose length is remembered.
const LISTS_MAX: usize = 256;

/// The length of lists, all as of one change of policy: keys come, go and change their owners with one alone.
#[derive(Default)]
pub(crate) struct KeyCounts(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    /// The last change of policy when these were counted.
    seq: i64,
    lists: HashMap<KeyQuery, Counted>,
}

/// A count, with what it is as of. All three are of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Counted {
    pub seq: i64,
    pub total: i64,
    /// The first moment at which one of them expires, in microseconds.
    pub until: Option<i64>,
}

impl KeyCounts {
    /// The length of a list after change `seq`, when it is known.
    pub(super) fn get(&self, query: &KeyQuery, seq: i64, now: Timestamp) -> Option<i64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = known.lists.get(&list(query)).filter(|_| known.seq == seq)?;
        let holds = counted.until.is_none_or(|until| now.micros() < until);
        holds.then_some(counted.total)
    }

    pub(super) fn put(&self, query: &KeyQuery, counted: Counted) {
        if !is_told_of(query) {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.seq < known.seq {
            return;
        }
        if counted.seq > known.seq || known.lists.len() >= LISTS_MAX {
            *known = Remembered { seq: counted.seq, ..Remembered::default() };
        }
        known.lists.insert(list(query), counted);
    }
}

/// Whether a change of policy tells of whatever changes this list. None tells when deleted keys go for ever, nor when `migrate`
/// adds to what is searched.
const fn is_told_of(query: &KeyQuery) -> bool {
    !matches!(query.status, KeyStatus::Deleted) && query.search.is_none() && !query.alias_is_part
}

/// A list whatever its order and page.
fn list(query: &KeyQuery) -> KeyQuery {
    let KeyQuery { sort, ascending, page, size, .. } = KeyQuery::default();
    KeyQuery { sort, ascending, page, size, ..query.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeySort;

    fn of(user: &str) -> KeyQuery {
        KeyQuery { user_id: Some(user.into()), ..KeyQuery::default() }
    }

    #[test]
    fn a_count_holds_until_a_change_or_an_expiry() {
        let counts = KeyCounts::default();
        let get = |query: &KeyQuery, seq, now| counts.get(query, seq, Timestamp(now));
        counts.put(&of("ada"), Counted { seq: 7, total: 3, until: Some(90) });
        let page = KeyQuery { sort: KeySort::Alias, ascending: true, page: 2, size: 9, ..of("ada") };
        assert_eq!((get(&page, 7, 89), get(&page, 7, 90), get(&page, 8, 1)), (Some(3), None, None));
        assert_eq!(get(&of("bob"), 7, 1), None);
        counts.put(&of("bob"), Counted { seq: 8, total: 1, until: None });
        assert_eq!(
            (get(&of("ada"), 7, 1), get(&of("ada"), 8, 1), get(&of("bob"), 8, 99)),
            (None, None, Some(1))
        );
        // Somebody was slow.
        counts.put(&of("ada"), Counted { seq: 7, total: 3, until: None });
        assert_eq!((get(&of("ada"), 7, 1), get(&of("bob"), 8, 1)), (None, Some(1)));
    }

    #[test]
    fn so_many_lists_are_remembered_and_no_more() {
        let counts = KeyCounts::default();
        for user in 0..=LISTS_MAX {
            counts.put(&of(&user.to_string()), Counted { seq: 1, total: 1, until: None });
        }
        assert_eq!(counts.0.lock().unwrap().lists.len(), 1);
        let deleted = KeyQuery { status: KeyStatus::Deleted, ..KeyQuery::default() };
        counts.put(&deleted, Counted { seq: 1, total: 1, until: None });
        assert_eq!(counts.get(&deleted, 1, Timestamp(0)), None);
    }
}
