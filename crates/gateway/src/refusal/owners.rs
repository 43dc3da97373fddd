//! The words of refusals by a key or by those that it answers to.

use domain::AccountKind;
use kit::Money;

use super::words::{Parts, auth};
use super::{Payer, Refusal};

pub(super) fn words(refusal: &Refusal) -> Parts {
    match refusal {
        Refusal::BlockedAccount { kind, id } => {
            let route = match kind {
                AccountKind::Customer => "/customer/unblock",
                AccountKind::Team => "/team/unblock",
                AccountKind::Project => "/project/update",
                _ => "/organization/update",
            };
            let who = title(*kind);
            auth(
                401,
                format!(
                    "Authentication Error, {who}={id} is blocked. Update via `{route}` if you're an admin."
                ),
            )
        }
        Refusal::UnreadableAccount { kind, id } => (
            500,
            "policy_unreadable",
            None,
            format!(
                "What is stored about {}={id} cannot be read, so calls under it are refused. An admin has to set it anew.",
                title(*kind)
            ),
        ),
        Refusal::RouteDenied { allowed, route } => auth(
            403,
            format!(
                "Virtual key is not allowed to call this route. Only allowed to call routes: {allowed:?}. Tried to \
                 call route: {route}"
            ),
        ),
        Refusal::ModelDenied { model, by } => denied(model, *by),
        Refusal::OverBudget { payer, spend, max, window, status } => {
            (*status, "budget_exceeded", None, over_budget(payer, *spend, *max, window.as_deref()))
        }
        _ => (500, "internal_server_error", None, "Internal server error".into()),
    }
}

fn denied(model: &str, by: Option<AccountKind>) -> Parts {
    let (kind, message) = match by {
        Some(AccountKind::Customer) => (
            "customer_model_access_denied",
            format!("The requested model '{model}' is not in the allowed models for this customer."),
        ),
        other => {
            let (kind, whose) = match other {
                None => ("key_model_access_denied", "API key"),
                Some(AccountKind::User) => ("user_model_access_denied", "user"),
                Some(AccountKind::Organization) => ("org_model_access_denied", "organization"),
                Some(AccountKind::Project) => ("project_model_access_denied", "project"),
                Some(_) => ("team_model_access_denied", "team"),
            };
            let message = format!(
                "The requested model '{model}' is not available for this {whose}, or the model name is invalid. \
                 Call `/v1/models` to view available models for your key."
            );
            (kind, message)
        }
    };
    (403, kind, Some("model".into()), message)
}

/// The compatible surface has two ways to say it.
fn over_budget(payer: &Payer, spend: Money, max: Money, window: Option<&str>) -> String {
    let name = &payer.name;
    let who = payer.kind.map_or("Key", title);
    if let Some(duration) = window {
        return format!("ExceededBudget: {who} over {duration} budget. Spend=${spend}, Limit=${max}");
    }
    match payer.kind {
        Some(AccountKind::User | AccountKind::Customer) => {
            format!("ExceededBudget: {who}={name} over budget. Spend={spend}, Budget={max}")
        }
        Some(AccountKind::KeyModel | AccountKind::UserModel | AccountKind::TeamModel) => format!(
            "ExceededBudget: {who}={} over budget for model={name}. Spend={spend}, Budget={max}",
            payer.within
        ),
        Some(AccountKind::Member | AccountKind::OrganizationMember) => format!(
            "Budget has been exceeded! {who}={name}:{} Current cost: {spend}, Max budget: {max}",
            payer.within
        ),
        _ => format!("Budget has been exceeded! {who}={name} Current cost: {spend}, Max budget: {max}"),
    }
}

const fn title(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::User => "User",
        AccountKind::Team => "Team",
        AccountKind::Member => "TeamMember",
        AccountKind::Organization => "Organization",
        AccountKind::OrganizationMember => "OrganizationMember",
        AccountKind::Customer => "End User",
        AccountKind::Tag => "Tag",
        AccountKind::Project => "Project",
        AccountKind::Budget => "Budget",
        AccountKind::KeyModel | AccountKind::OldSecret => "Key",
        AccountKind::UserModel => "User",
        AccountKind::TeamModel => "Team",
        AccountKind::AccessGroup => "Access Group",
        AccountKind::AllowedIp => "Address",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: Option<AccountKind>, window: Option<&str>) -> String {
        let payer = Payer { kind, name: "ada".into(), within: "red".into() };
        over_budget(&payer, Money(1_500_000_000), Money(1_000_000_000), window)
    }

    #[test]
    fn each_budget_refuses_in_its_own_words() {
        let exceeded =
            |who: &str| format!("Budget has been exceeded! {who} Current cost: 1.5, Max budget: 1.0");
        assert_eq!(said(None, None), exceeded("Key=ada"));
        assert_eq!(said(Some(AccountKind::Team), None), exceeded("Team=ada"));
        assert_eq!(said(Some(AccountKind::Member), None), exceeded("TeamMember=ada:red"));
        assert_eq!(said(Some(AccountKind::Organization), None), exceeded("Organization=ada"));
        assert_eq!(said(Some(AccountKind::OrganizationMember), None), exceeded("OrganizationMember=ada:red"));
        assert_eq!(said(Some(AccountKind::Tag), None), exceeded("Tag=ada"));
        assert_eq!(
            said(Some(AccountKind::User), None),
            "ExceededBudget: User=ada over budget. Spend=1.5, Budget=1.0"
        );
        assert_eq!(
            said(Some(AccountKind::Customer), None),
            "ExceededBudget: End User=ada over budget. Spend=1.5, Budget=1.0"
        );
        assert_eq!(
            said(Some(AccountKind::KeyModel), None),
            "ExceededBudget: Key=red over budget for model=ada. Spend=1.5, Budget=1.0"
        );
        assert_eq!(
            said(Some(AccountKind::Team), Some("1h")),
            "ExceededBudget: Team over 1h budget. Spend=$1.5, Limit=$1.0"
        );
    }

    #[test]
    fn a_denied_model_says_by_whom() {
        for (by, kind) in [
            (None, "key_model_access_denied"),
            (Some(AccountKind::Team), "team_model_access_denied"),
            (Some(AccountKind::Member), "team_model_access_denied"),
            (Some(AccountKind::User), "user_model_access_denied"),
            (Some(AccountKind::Organization), "org_model_access_denied"),
            (Some(AccountKind::Project), "project_model_access_denied"),
            (Some(AccountKind::Customer), "customer_model_access_denied"),
        ] {
            let (status, said, param, message) = denied("gpt-4o", by);
            assert_eq!((status, said, param.as_deref()), (403, kind, Some("model")));
            assert!(message.contains("'gpt-4o'"));
        }
    }
}
