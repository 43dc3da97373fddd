//! What an alert says: who, how much, of what, until when.

use domain::alert::{Alert, BudgetEvent};
use kit::Money;
use serde_json::{Value, json};

use crate::time::iso;

/// What is in the body that Slack's incoming webhooks take, and those of Discord and Teams that are like them.
pub fn slack(alert: &Alert) -> Value {
    json!({ "text": text(alert) })
}

/// One sentence for people.
pub fn text(alert: &Alert) -> String {
    let (what, of) = match alert.event {
        BudgetEvent::SoftBudgetCrossed => ("Soft budget crossed", alert.soft_budget),
        BudgetEvent::ThresholdCrossed => ("95 % of the budget are spent", alert.max_budget),
        BudgetEvent::BudgetCrossed => ("Budget crossed", alert.max_budget),
    };
    let budget = if alert.event == BudgetEvent::SoftBudgetCrossed { "soft budget" } else { "budget" };
    let until = alert.resets_at.map_or_else(
        || "This budget does not begin anew by itself.".to_owned(),
        |at| format!("The budget begins anew at {}.", iso(at)),
    );
    let effect = if alert.event == BudgetEvent::BudgetCrossed { " Its calls are refused." } else { "" };
    format!(
        "{what}: {} has spent ${} of its {budget} of ${}.{effect} {until}",
        who(alert),
        alert.spend,
        of.unwrap_or(Money::ZERO)
    )
}

fn who(alert: &Alert) -> String {
    let kind = match alert.kind.as_str() {
        "member" | "organization_member" => "member",
        kind => kind,
    };
    let name = match &alert.alias {
        Some(alias) if *alias != alert.id => format!("{kind} `{}` ({})", plain(alias), plain(&alert.id)),
        _ => format!("{kind} `{}`", plain(&alert.id)),
    };
    match alert.kind.as_str() {
        "member" => format!("{name} of team `{}`", plain(&alert.within)),
        "organization_member" => format!("{name} of organization `{}`", plain(&alert.within)),
        _ => name,
    }
}

/// A name as text: none that is chosen by somebody makes links, mentions or an end of the quotes.
fn plain(name: &str) -> String {
    name.chars().map(|one| if "<>&`@\n\r".contains(one) { '·' } else { one }).collect()
}

/// The compatible surface's fields, and a few beside them.
pub fn webhook(alert: &Alert) -> Value {
    let is = |kind: &str| alert.kind == kind;
    let own = |kind: &str| is(kind).then_some(&alert.id);
    let group = match alert.kind.as_str() {
        "user" => "internal_user",
        "member" => "team_member",
        kind => kind,
    };
    json!({
        "event": alert.event,
        "event_group": group,
        "event_message": text(alert),
        "spend": alert.spend.dollars(),
        "max_budget": alert.max_budget.map(Money::dollars),
        "soft_budget": alert.soft_budget.map(Money::dollars),
        "token": own("key"),
        "key_alias": is("key").then_some(&alert.alias),
        "user_id": alert.user_id,
        "user_email": null,
        "team_id": alert.team_id,
        "team_alias": is("team").then_some(&alert.alias),
        "organization_id": alert.organization_id,
        "project_id": own("project"),
        "customer_id": own("customer"),
        "tag": own("tag"),
        "projected_exceeded_date": null,
        "projected_spend": null,
        "budget_reset_at": alert.resets_at.map(iso),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::Timestamp;

    fn alert(event: BudgetEvent, kind: &str) -> Alert {
        Alert {
            event,
            kind: kind.into(),
            within: "red".into(),
            id: "t-1".into(),
            alias: Some("Research <!channel>".into()),
            user_id: None,
            team_id: Some("t-1".into()),
            organization_id: None,
            spend: Money(1_500_000_000),
            max_budget: Some(Money(2_000_000_000)),
            soft_budget: Some(Money(1_000_000_000)),
            resets_at: Some(Timestamp::from_secs(1_769_846_400)),
            at: Timestamp(0),
        }
    }

    #[test]
    fn an_alert_says_who_how_much_of_what_and_until_when() {
        assert_eq!(
            text(&alert(BudgetEvent::SoftBudgetCrossed, "team")),
            "Soft budget crossed: team `Research ·!channel·` (t-1) has spent $1.5 of its soft budget of $1.0. \
             The budget begins anew at 2026-01-31T08:00:00Z."
        );
        let forever = Alert { resets_at: None, alias: None, ..alert(BudgetEvent::BudgetCrossed, "member") };
        assert_eq!(
            text(&forever),
            "Budget crossed: member `t-1` of team `red` has spent $1.5 of its budget of $2.0. Its calls are refused. \
             This budget does not begin anew by itself."
        );
    }

    #[test]
    fn a_webhook_gets_each_figure_in_a_field() {
        let body = webhook(&alert(BudgetEvent::ThresholdCrossed, "team"));
        assert_eq!((&body["event"], &body["event_group"]), (&json!("threshold_crossed"), &json!("team")));
        assert_eq!(
            (&body["spend"], &body["max_budget"], &body["soft_budget"]),
            (&json!(1.5), &json!(2.0), &json!(1.0))
        );
        assert_eq!(
            (&body["team_id"], &body["token"], &body["key_alias"]),
            (&json!("t-1"), &json!(null), &json!(null))
        );
        assert_eq!(webhook(&alert(BudgetEvent::BudgetCrossed, "user"))["event_group"], "internal_user");
    }
}
