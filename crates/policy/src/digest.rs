//! A number for all policies together, by which replicas are compared with each other and the database.

use domain::KeyPolicy;
use sha2::{Digest as _, Sha256};

/// One key's part; the digest of a replica is the sum of its keys' parts, so that their order does not
/// matter and a change costs two of these.
///
/// It is the first eight bytes of the SHA-256 of a JSON array of what is decided by, without spend, which
/// moves all the time. Others compute it too: `e2e/harness/policy.py`.
pub(crate) fn part(policy: &KeyPolicy) -> u64 {
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
    );
    let mut sum = Sha256::new();
    // Writing plain data into a hasher cannot fail; a part that did would only differ.
    let _ = serde_json::to_writer(&mut sum, &facts);
    sum.finalize().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::{KeyHash, Money, Timestamp};

    /// Reckoned with `e2e/harness/policy.py`.
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
        };
        assert_eq!(part(&policy), 3_140_320_590_882_540_997);
        assert_eq!(part(&KeyPolicy { spend: Money(2), ..policy.clone() }), part(&policy));
        assert_ne!(part(&KeyPolicy { blocked: true, ..policy.clone() }), part(&policy));
    }
}
