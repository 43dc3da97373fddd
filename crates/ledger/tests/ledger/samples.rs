//! Records to write.

use domain::{Dialect, Expected, Intent, Mark, Outcome, Status, Usage, UsageEvent};
use kit::{KeyHash, Money, Timestamp};
use uuid::Uuid;

/// The `number`th call; its length varies with the number.
pub fn intent(number: u64) -> Intent {
    let text = |prefix: &str| Some(Box::from(format!("{prefix}-{number}")));
    Intent {
        id: Uuid::from_u64_pair(7, number),
        call_id: format!("call-{number}").into(),
        started_at: Timestamp::from_secs(1_700_000_000 + i64::try_from(number).unwrap()),
        key: Some(KeyHash::of(&format!("sk-{}", number % 3))),
        key_alias: text("alias"),
        user_id: text("user"),
        team_id: None,
        organization_id: None,
        project_id: number.is_multiple_of(2).then(|| "project".into()),
        customer: None,
        tags: vec!["tag".into(); usize::try_from(number % 5).unwrap()],
        dialect: Dialect::OpenAiChat,
        stream: number.is_multiple_of(2),
        model_group: "gpt-4o".into(),
        model: "gpt-4o-2024-11-20".into(),
        provider: "openai".into(),
        deployment_id: "d-1".into(),
        api_base: "https://api.openai.com/v1".into(),
        estimate: Money(1_000 + i64::try_from(number).unwrap()),
        session_id: None,
        requester_ip: Some("127.0.0.1".into()),
        user_agent: Some("x".repeat(usize::try_from(number % 97).unwrap()).into()),
    }
}

pub fn outcome(number: u64) -> Outcome {
    let started_at = intent(number).started_at;
    Outcome {
        id: Uuid::from_u64_pair(7, number),
        ended_at: Timestamp(started_at.0 + 500_000),
        first_byte_at: Some(Timestamp(started_at.0 + 100_000)),
        status: Status::Success,
        http_status: 200,
        usage: Usage { input: 10 + number, output: 5, cache_read: Some(3), ..Usage::default() },
        usage_estimated: false,
        cost: Money(100 + i64::try_from(number).unwrap()),
        price_version: "2026-11-01".into(),
        response_id: Some("chatcmpl-1".into()),
        error: None,
        superseded: false,
    }
}

/// What the `number`th call is thought to come to before it is made.
pub fn expected(number: u64) -> Expected {
    Expected {
        usage: Usage { input: 12 + number, output: 7, ..Usage::default() },
        cost: Money(90 + i64::try_from(number).unwrap()),
        price_version: "2026-11-01".into(),
    }
}

/// How far the `number`th call is after a while.
pub fn mark(number: u64) -> Mark {
    let started_at = intent(number).started_at;
    Mark {
        id: Uuid::from_u64_pair(7, number),
        at: Timestamp(started_at.0 + 400_000),
        first_byte_at: Some(Timestamp(started_at.0 + 100_000)),
        so_far: Expected {
            usage: Usage { input: 10 + number, output: 3, ..Usage::default() },
            cost: Money(60 + i64::try_from(number).unwrap()),
            price_version: "2026-11-01".into(),
        },
        response_id: Some("chatcmpl-1".into()),
    }
}

pub fn event(number: u64) -> UsageEvent {
    UsageEvent { intent: intent(number), outcome: outcome(number) }
}
