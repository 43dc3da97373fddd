//! Those that a key answers to, as far as the policy replica knows them, and what they forbid.

use std::sync::Arc;

use domain::account::AccountKind;
use domain::{KeyPolicy, access};
use policy::{AccountEntry, AccountName, Replica};
use routing::Group;

use crate::refusal::Refusal;

/// Whose key it is. An id that no row answers to limits nothing.
#[derive(Debug, Default)]
pub struct Owners {
    pub team: Option<Arc<AccountEntry>>,
    /// The key's user in the key's team.
    pub member: Option<Arc<AccountEntry>>,
    /// The key's own, or that of its team.
    pub organization: Option<Arc<AccountEntry>>,
    /// The key's user in that organisation.
    pub organization_member: Option<Arc<AccountEntry>>,
    pub project: Option<Arc<AccountEntry>>,
    /// Of a key without team: a team's keys are the team's.
    pub user: Option<Arc<AccountEntry>>,
}

impl Owners {
    /// `None` when nobody is known that the key answers to.
    pub fn of(replica: &Replica, key: &KeyPolicy) -> Option<Arc<Self>> {
        if key.team_id.is_none()
            && key.user_id.is_none()
            && key.organization_id.is_none()
            && key.project_id.is_none()
        {
            return None;
        }
        let find = |kind, id: &str| replica.account(AccountName::new(kind, id));
        let mut owners = Self::default();
        match (&key.team_id, &key.user_id) {
            (Some(team), user) => {
                owners.team = find(AccountKind::Team, team);
                let member =
                    user.as_deref().map(|id| AccountName { kind: AccountKind::Member, within: team, id });
                owners.member = member.and_then(|member| replica.account(member));
            }
            (None, Some(user)) => owners.user = find(AccountKind::User, user),
            (None, None) => {}
        }
        let parent = owners.team.as_ref().and_then(|team| team.policy.parent.as_deref());
        let organization = key.organization_id.as_deref().or(parent);
        owners.organization = organization.and_then(|id| find(AccountKind::Organization, id));
        if let Some((within, id)) = organization.zip(key.user_id.as_deref()) {
            let member = AccountName { kind: AccountKind::OrganizationMember, within, id };
            owners.organization_member = replica.account(member);
        }
        owners.project = key.project_id.as_deref().and_then(|id| find(AccountKind::Project, id));
        let is_known = owners.all().next().is_some();
        is_known.then(|| Arc::new(owners))
    }

    /// In the order in which they are asked.
    pub fn all(&self) -> impl Iterator<Item = &AccountEntry> {
        let all = [
            &self.team,
            &self.member,
            &self.organization,
            &self.organization_member,
            &self.project,
            &self.user,
        ];
        all.into_iter().flatten().map(|entry| &**entry)
    }

    /// Refuses when any of them is blocked.
    pub fn check_open(&self) -> Result<(), Refusal> {
        self.all().try_for_each(check_open)
    }
}

/// Refuses under an account that is blocked, or of which nobody can tell what it allows.
pub fn check_open(account: &AccountEntry) -> Result<(), Refusal> {
    let id = &account.policy.id;
    if account.is_unreadable {
        return Err(Refusal::UnreadableAccount { kind: id.kind, id: id.id.clone() });
    }
    if account.policy.blocked {
        return Err(Refusal::BlockedAccount { kind: id.kind, id: id.id.clone() });
    }
    Ok(())
}

/// Whether a list grants a model, under the name asked for or the one that it stands for.
pub fn grants(allowed: &[Box<str>], names: [&str; 2], group: Option<&Group>) -> bool {
    if allowed.is_empty() {
        return true;
    }
    let [requested, model] = names;
    let by = |provider: &str, groups: &[String]| {
        access::grants(allowed, requested, provider, groups)
            || (model != requested && access::grants(allowed, model, provider, groups))
    };
    match group {
        Some(group) => group.candidates.iter().any(|one| by(&one.provider, &one.deployment.access_groups)),
        None => by("", &[]),
    }
}
