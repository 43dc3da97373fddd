//! A number for all policies together, by which replicas are compared with each other and the database.

use domain::{AccountPolicy, KeyPolicy, Limits};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// One key's part; the digest of a replica is the sum of the parts of its keys and accounts, so that their order does not
/// matter and a change costs two of these.
///
/// It is the first eight bytes of the SHA-256 of a JSON array of what is decided by, without spend, which
/// moves all the time. Others compute it too: `e2e/harness/policy.py`.
pub(crate) fn part(policy: &KeyPolicy) -> u64 {
    let terms = policy.terms.as_deref();
    let budget = terms.and_then(|terms| terms.budget_id.as_deref());
    let limits = terms.map(|terms| &terms.limits);
    let duration = limits.and_then(|limits| limits.duration.as_deref());
    let models = terms.map(|terms| &terms.budgeted_models[..]).unwrap_or_default();
    let groups = terms.map(|terms| &terms.access_groups[..]).unwrap_or_default();
    let routes = terms.map(|terms| &terms.routes[..]).unwrap_or_default();
    let facts = (
        policy.hash,
        &policy.alias,
        &policy.user_id,
        &policy.team_id,
        &policy.organization_id,
        &policy.models,
        &policy.aliases,
        &policy.tags,
        policy.max_budget.map(|money| money.0),
        policy.blocked,
        policy.expires.map(|at| at.0),
        (&policy.project_id, budget, duration),
        (
            routes,
            limits.and_then(|limits| limits.soft).map(|soft| soft.0),
            more(limits),
            limits.and_then(raise),
            models,
            groups,
        ),
    );
    part_of(&facts)
}

/// An account's part. Windows come and go with time and are left out.
pub(crate) fn part_of_account(policy: &AccountPolicy) -> u64 {
    let AccountPolicy { id, limits, .. } = policy;
    let facts = (
        (id.kind.as_str(), &id.within, &id.id),
        policy.blocked,
        &policy.models,
        &policy.aliases,
        (&policy.parent, &policy.budget_id, &policy.member_budget_id, policy.ends.map(|at| at.0)),
        (
            limits.max.map(|money| money.0),
            limits.soft.map(|money| money.0),
            &limits.duration,
            (more(Some(limits)), &policy.budgeted_models, &policy.access_groups, raise(limits)),
        ),
    );
    part_of(&facts)
}

fn raise(limits: &Limits) -> Option<(i64, i64)> {
    limits.raise.map(|raise| (raise.by.0, raise.until.0))
}

fn more(limits: Option<&Limits>) -> Vec<(&str, i64)> {
    let more = limits.map(|limits| &limits.more[..]).unwrap_or_default();
    more.iter().map(|more| (&*more.duration, more.max.0)).collect()
}

fn part_of(facts: &impl Serialize) -> u64 {
    let mut sum = Sha256::new();
    // Writing plain data into a hasher cannot fail; a part that did would only differ.
    let _ = serde_json::to_writer(&mut sum, facts);
    sum.finalize().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::key::KeyTerms;
    use domain::{AccountId, AccountKind, Raise, TimedLimit, Window};
    use kit::{KeyHash, Money, Timestamp};

    /// Reckoned with `e2e/harness/policy.py`.
    /// The same.
    #[test]
    fn others_reckon_the_same_of_accounts() {
        let policy = AccountPolicy {
            id: AccountId { kind: AccountKind::Team, within: "".into(), id: "röd".into() },
            blocked: true,
            models: ["gpt-4o".into()].into(),
            aliases: [("a".into(), "b".into())].into(),
            parent: Some("org".into()),
            ends: None,
            budget_id: None,
            member_budget_id: Some("b1".into()),
            limits: Limits {
                max: Some(Money(5)),
                soft: None,
                duration: Some("1d".into()),
                more: [TimedLimit { duration: "1h".into(), max: Money(500_000_000) }].into(),
                raise: Some(Raise { by: Money(2), until: Timestamp(9) }),
            },
            budgeted_models: ["gpt-4o".into()].into(),
            access_groups: ["group".into()].into(),
            spend: Money(3),
            windows: [Window::for_ever(Money(1))].into(),
        };
        assert_eq!(part_of_account(&policy), 2_263_529_983_880_926_931);
    }

    #[test]
    fn others_reckon_the_same() {
        let policy = KeyPolicy {
            hash: KeyHash::of("sk-1234"),
            alias: Some("quote \" é \u{1}".into()),
            user_id: None,
            team_id: Some("team".into()),
            organization_id: None,
            models: ["gpt-4o".into()].into(),
            aliases: [("a".into(), "b".into())].into(),
            tags: [].into(),
            max_budget: Some(Money(5)),
            spend: Money(1),
            blocked: false,
            expires: Some(Timestamp(7)),
            project_id: Some("project".into()),
            terms: Some(Box::new(KeyTerms {
                budget_id: Some("shared".into()),
                limits: Limits {
                    max: Some(Money(5)),
                    soft: Some(Money(4)),
                    duration: Some("1d".into()),
                    more: [TimedLimit { duration: "1h".into(), max: Money(500_000_000) }].into(),
                    raise: Some(Raise { by: Money(2), until: Timestamp(9) }),
                },
                routes: ["llm_api_routes".into()].into(),
                budgeted_models: ["gpt-4o".into()].into(),
                access_groups: ["group".into()].into(),
                windows: [Window::for_ever(Money(1))].into(),
            })),
        };
        assert_eq!(part(&policy), 5_443_870_047_592_963_342);
        assert_eq!(part(&KeyPolicy { spend: Money(2), ..policy.clone() }), part(&policy));
        assert_ne!(part(&KeyPolicy { blocked: true, ..policy.clone() }), part(&policy));
    }
}
