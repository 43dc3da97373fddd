//! What is below another has no more than that: key ≤ project ≤ team ≤ organisation. Checked when it is written; gateways
//! hold each of them to its own limits besides.

use domain::access::grants;
use domain::owner::{Limits, Organization, Project, Team};
use http::StatusCode;

use crate::auth::Caller;
use crate::http::error::ApiError;
use crate::state::State;

/// What something may have.
pub struct Extent<'e> {
    /// As messages name it, such as `team`.
    pub noun: &'static str,
    pub id: &'e str,
    /// Empty means every model, or every one of what is above.
    pub models: &'e [String],
    pub limits: Option<&'e Limits>,
}

/// Entries that mean what is above has.
const INHERITED: [&str; 2] = ["all-team-models", domain::access::NO_MODEL];

impl<'e> Extent<'e> {
    pub const fn of_team(team: &'e Team) -> Self {
        Self {
            noun: "team",
            id: team.id.as_str(),
            models: team.models.as_slice(),
            limits: Some(&team.limits),
        }
    }

    pub fn of_project(project: &'e Project) -> Self {
        Self {
            noun: "project",
            id: &project.id,
            models: &project.models,
            limits: project.budget.as_ref().map(|budget| &budget.limits),
        }
    }

    pub fn of_organization(organization: &'e Organization) -> Self {
        Self {
            noun: "organization",
            id: &organization.id,
            models: &organization.models,
            limits: organization.budget.as_ref().map(|budget| &budget.limits),
        }
    }

    /// Refuses what has more than what is above it.
    ///
    /// # Errors
    /// 400 that names the field.
    pub fn check(&self, above: &Self) -> Result<(), ApiError> {
        self.check_models(above)?;
        let (Some(own), Some(limits)) = (self.limits, above.limits) else { return Ok(()) };
        let exceeds = |field: &str, own: String, limit: String| {
            let (noun, other) = (capitalized(self.noun), above.noun);
            let message = format!(
                "{noun} {field} ({own}) exceeds {other}'s {field} ({limit}). {}: {}",
                capitalized(other),
                above.id
            );
            ApiError::bad(field, message)
        };
        if let (Some(own), Some(limit)) = (own.max_budget, limits.max_budget)
            && own > limit
        {
            return Err(exceeds("max_budget", own.to_string(), limit.to_string()));
        }
        for (field, own, limit) in [
            ("tpm_limit", own.tpm_limit, limits.tpm_limit),
            ("rpm_limit", own.rpm_limit, limits.rpm_limit),
            ("tpd_limit", own.tpd_limit, limits.tpd_limit),
            ("max_parallel_requests", own.max_parallel_requests, limits.max_parallel_requests),
        ] {
            if let (Some(own), Some(limit)) = (own, limit)
                && own > limit
            {
                return Err(exceeds(field, own.to_string(), limit.to_string()));
            }
        }
        Ok(())
    }

    fn check_models(&self, above: &Self) -> Result<(), ApiError> {
        if above.models.is_empty() {
            return Ok(());
        }
        let beyond = |model: &&String| {
            // `*` and its like would pass as a name when they stand in the list above.
            !INHERITED.contains(&model.as_str())
                && !above.models.contains(model)
                && !grants(above.models, model, "", &[])
        };
        match self.models.iter().find(beyond) {
            Some(model) => Err(ApiError::bad(
                "models",
                format!(
                    "Model '{model}' not in {}'s allowed models. Allowed models={:?}. {}: {}",
                    above.noun,
                    above.models,
                    capitalized(above.noun),
                    above.id,
                ),
            )),
            None => Ok(()),
        }
    }
}

fn capitalized(noun: &str) -> String {
    let mut letters = noun.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// The organisation of this name.
///
/// # Errors
/// 400 when there is none.
pub async fn organization(state: &State, id: &str) -> Result<Organization, ApiError> {
    let found = state.store.organizations().get(id).await?;
    found.ok_or_else(|| {
        let message = format!("Organization doesn't exist in db. Organization={id}. Create organization via `/organization/new` call.");
        ApiError::bad("organization_id", message)
    })
}

/// Whether a team may be so: its organisation exists, the caller may put teams into it, and it has no more than that.
///
/// # Errors
/// 400 that names the field, 403 when the organisation is not the caller's.
pub async fn check_organization(
    state: &State,
    caller: &Caller,
    team: &Team,
    before: Option<&Team>,
) -> Result<(), ApiError> {
    let moved = before.is_none_or(|before| before.organization_id != team.organization_id);
    let Some(id) = &team.organization_id else {
        if moved && !caller.sees_all() {
            return Err(refused("Name an organization that you administer: `organization_id`."));
        }
        return Ok(());
    };
    if moved && !caller.leads(state, id).await? {
        return Err(refused("You are not an administrator of this organization."));
    }
    let unchanged =
        before.is_some_and(|before| !moved && before.models == team.models && before.limits == team.limits);
    // What an organisation got less of later is no reason to refuse a change of something else.
    if unchanged {
        return Ok(());
    }
    Extent::of_team(team).check(&Extent::of_organization(&organization(state, id).await?))
}

fn refused(message: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some("organization_id"), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::Money;

    fn extent<'e>(models: &'e [String], limits: &'e Limits) -> Extent<'e> {
        Extent { noun: "team", id: "t", models, limits: Some(limits) }
    }

    #[test]
    fn nothing_has_more_than_what_is_above() {
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let above = of(&["gpt-*", "claude"]);
        let none = Limits::default();
        for (models, fine) in [
            (of(&[]), true),
            (of(&["gpt-4o", "claude"]), true),
            (of(&["gpt-*"]), true),
            (of(&["all-team-models"]), true),
            (of(&["gemini"]), false),
            (of(&["*"]), false),
            (of(&["all-proxy-models"]), false),
        ] {
            assert_eq!(extent(&models, &none).check(&extent(&above, &none)).is_ok(), fine, "{models:?}");
        }
        let limits = |dollars: Option<i64>, rpm| Limits {
            max_budget: dollars.map(|dollars| Money(dollars * 1_000_000_000)),
            rpm_limit: rpm,
            ..Limits::default()
        };
        for (own, above, fine) in [
            (limits(Some(5), None), limits(Some(5), None), true),
            (limits(Some(6), None), limits(Some(5), None), false),
            (limits(None, None), limits(Some(5), Some(1)), true),
            (limits(None, Some(2)), limits(Some(5), Some(1)), false),
            (limits(Some(9), Some(9)), limits(None, None), true),
        ] {
            assert_eq!(extent(&[], &own).check(&extent(&[], &above)).is_ok(), fine, "{own:?} {above:?}");
        }
        let told =
            extent(&[], &limits(Some(6), None)).check(&extent(&[], &limits(Some(5), None))).unwrap_err();
        assert_eq!(told.text(), "Team max_budget (6.0) exceeds team's max_budget (5.0). Team: t");
    }
}
