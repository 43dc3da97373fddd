#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use bulkhead_routing::{CooldownRules, CooldownSettings, Failure, FailureKind, Health};
use domain::Deployment;

const NOW: Duration = Duration::from_secs(100);
const ALONE: bool = false;
const WITH_OTHERS: bool = true;

fn rules(settings: CooldownSettings) -> CooldownRules {
    settings.rules_for(&Deployment::named("g", "openai", "m"))
}

fn default_rules() -> CooldownRules {
    rules(CooldownSettings::default())
}

fn rest_after(status: u16, alternatives: bool) -> Option<Duration> {
    Health::default().record_failure(&Failure::answered(status), alternatives, &default_rules(), NOW)
}

#[test]
fn what_cannot_get_better_rests_at_once() {
    for status in [401, 404] {
        assert_eq!(rest_after(status, ALONE), Some(Duration::from_secs(5)), "{status}");
    }
    assert_eq!((rest_after(402, ALONE), rest_after(402, WITH_OTHERS)), (None, Some(Duration::from_secs(5))));
}

#[test]
fn a_rate_limit_sends_to_rest_only_where_others_can_help() {
    assert_eq!((rest_after(429, ALONE), rest_after(429, WITH_OTHERS)), (None, Some(Duration::from_secs(5))));
}

#[test]
fn what_the_client_did_wrong_does_not_count() {
    for status in [400, 403, 409, 413, 422] {
        assert_eq!(rest_after(status, WITH_OTHERS), None, "{status}");
    }
    for kind in
        [FailureKind::ContextWindow, FailureKind::BrokenOff, FailureKind::TimedOut { by_client: true }]
    {
        let failure = Failure { status: 500, kind, retry_after: None };
        let mut health = Health::default();
        for _ in 0..2000 {
            assert_eq!(health.record_failure(&failure, WITH_OTHERS, &default_rules(), NOW), None, "{kind:?}");
        }
    }
}

#[test]
fn it_rests_when_more_than_half_of_five_requests_fail() {
    let mut health = Health::default();
    let fail = |health: &mut Health| {
        health.record_failure(&Failure::answered(500), WITH_OTHERS, &default_rules(), NOW)
    };
    health.record_success(NOW);
    health.record_success(NOW);
    assert_eq!([fail(&mut health), fail(&mut health)], [None, None]); // 2 of 4
    assert_eq!(fail(&mut health), Some(Duration::from_secs(5))); // 3 of 5
    let mut even = Health::default();
    (0..3).for_each(|_| even.record_success(NOW));
    assert_eq!([fail(&mut even), fail(&mut even), fail(&mut even)], [None, None, None]); // 3 of 6
    assert!(fail(&mut even).is_some()); // 4 of 7
}

#[test]
fn one_that_is_alone_rests_after_a_thousand_failures_and_no_success() {
    let mut health = Health::default();
    let failure = Failure::answered(500);
    let rested = (1..=1000).map(|_| health.record_failure(&failure, ALONE, &default_rules(), NOW).is_some());
    assert_eq!(rested.collect::<Vec<_>>().iter().position(|rested| *rested), Some(999));
}

#[test]
fn counts_start_anew_each_minute() {
    let mut health = Health::default();
    for second in [0, 59] {
        let now = NOW + Duration::from_secs(second);
        for _ in 0..2 {
            assert_eq!(
                health.record_failure(&Failure::answered(500), WITH_OTHERS, &default_rules(), now),
                None
            );
        }
    }
    let later = NOW + Duration::from_secs(60);
    assert_eq!(health.record_failure(&Failure::answered(500), WITH_OTHERS, &default_rules(), later), None);
}

#[test]
fn allowed_fails_replace_the_default_rules() {
    let rules = rules(CooldownSettings { allowed_fails: Some(1), ..CooldownSettings::default() });
    let mut health = Health::default();
    assert_eq!(health.record_failure(&Failure::answered(401), WITH_OTHERS, &rules, NOW), None);
    assert!(health.record_failure(&Failure::answered(500), ALONE, &rules, NOW).is_some());
}

#[test]
fn the_rest_is_the_deployments_then_the_providers_then_the_routers() {
    let settings = CooldownSettings { cooldown: Duration::from_secs(7), ..CooldownSettings::default() };
    let asked = Failure { retry_after: Some(Duration::from_secs(20)), ..Failure::answered(429) };
    let rest = |rules: &CooldownRules, failure: &Failure| {
        Health::default().record_failure(failure, WITH_OTHERS, rules, NOW).map(|rest| rest.as_secs())
    };
    let mut own = Deployment::named("g", "openai", "m");
    own.info.insert("cooldown_time".into(), 1.into());
    assert_eq!(rest(&settings.rules_for(&own), &asked), Some(1));
    assert_eq!(rest(&rules(settings), &asked), Some(20));
    assert_eq!(rest(&rules(settings), &Failure::answered(429)), Some(7));
    let endless = Failure { retry_after: Some(Duration::from_secs(u64::MAX)), ..asked };
    assert_eq!(rest(&rules(settings), &endless), Some(3600));
}

#[test]
fn cooling_ends_when_its_time_has_passed() {
    let mut health = Health::default();
    health.record_failure(&Failure::answered(401), ALONE, &default_rules(), NOW);
    assert_eq!(health.cooling(NOW), Some(Duration::from_secs(5)));
    assert_eq!(health.cooling(NOW + Duration::from_secs(4)), Some(Duration::from_secs(1)));
    assert_eq!(health.cooling(NOW + Duration::from_secs(5)), None);
}

#[test]
fn no_cooldowns_when_they_are_off() {
    let off = rules(CooldownSettings { disabled: true, ..CooldownSettings::default() });
    let zero = rules(CooldownSettings { cooldown: Duration::ZERO, ..CooldownSettings::default() });
    for rules in [off, zero] {
        let mut health = Health::default();
        assert_eq!(health.record_failure(&Failure::answered(401), WITH_OTHERS, &rules, NOW), None);
        assert_eq!(health.cooling(NOW), None);
    }
}
