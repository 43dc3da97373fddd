#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bulkhead_routing::retry::{self, Decision, Limits};
use bulkhead_routing::{
    Availability, Candidate, Failure, FailureKind, Group, NoCandidate, Options, Table, Tried, View, pick,
};
use domain::Deployment;
use kit::SeededRng;
use proptest::prelude::*;

/// Positions that are not ready; the rest is.
#[derive(Default)]
struct Fixed(HashMap<usize, Availability>);

impl View for Fixed {
    fn availability(&self, candidate: &Candidate) -> Availability {
        self.0.get(&candidate.slot).copied().unwrap_or(Availability::Ready)
    }
}

const fn cooling(seconds: u64) -> Availability {
    Availability::Cooling { left: Duration::from_secs(seconds) }
}

fn group(change: &[fn(&mut Deployment)]) -> Arc<Group> {
    let deployments = change.iter().enumerate().map(|(at, change)| {
        let mut deployment = Deployment::named("g", "openai", format!("m{at}"));
        change(&mut deployment);
        deployment
    });
    Table::build(deployments.collect(), Options::default()).resolve("g", None).unwrap()
}

fn plain(_: &mut Deployment) {}

fn tried(positions: &[usize]) -> Tried {
    let mut tried = Tried::default();
    positions.iter().for_each(|position| tried.add(*position));
    tried
}

/// How often each position is picked in 10 000 draws.
fn draws(group: &Group, view: &Fixed, tried: &Tried) -> Vec<u32> {
    let mut rng = SeededRng::new(1);
    let mut counts = vec![0; group.candidates.len()];
    for _ in 0..10_000 {
        counts[pick(group, view, tried, &mut rng).unwrap().0] += 1;
    }
    counts
}

fn near(count: u32, expected: u32) -> bool {
    count.abs_diff(expected) < 300
}

#[test]
fn without_measures_all_are_alike() {
    let counts = draws(&group(&[plain, plain]), &Fixed::default(), &Tried::default());
    assert!(near(counts[0], 5000), "{counts:?}");
}

#[test]
fn weight_goes_before_rpm_and_rpm_before_tpm() {
    let weights =
        group(&[|d| (d.weight, d.rpm) = (Some(3), Some(1)), |d| (d.weight, d.rpm) = (Some(1), Some(9))]);
    let counts = draws(&weights, &Fixed::default(), &Tried::default());
    assert!(near(counts[0], 7500), "{counts:?}");
    let rpm = group(&[|d| (d.rpm, d.tpm) = (Some(9), Some(1)), |d| (d.rpm, d.tpm) = (Some(1), Some(9))]);
    let counts = draws(&rpm, &Fixed::default(), &Tried::default());
    assert!(near(counts[0], 9000), "{counts:?}");
}

#[test]
fn who_lacks_the_measure_gets_nothing() {
    let counts = draws(&group(&[|d| d.tpm = Some(5), plain]), &Fixed::default(), &Tried::default());
    assert_eq!(counts, [10_000, 0]);
}

#[test]
fn the_lowest_order_is_used_and_higher_ones_after_it() {
    let ordered = group(&[|d| d.order = Some(2), |d| d.order = Some(1), plain]);
    assert_eq!(draws(&ordered, &Fixed::default(), &Tried::default()), [0, 10_000, 0]);
    assert_eq!(draws(&ordered, &Fixed::default(), &tried(&[1])), [10_000, 0, 0]);
    assert_eq!(draws(&ordered, &Fixed::default(), &tried(&[1, 0])), [0, 0, 10_000]);
    let resting = Fixed(HashMap::from([(1, cooling(1))]));
    assert_eq!(draws(&ordered, &resting, &Tried::default()), [10_000, 0, 0]);
}

#[test]
fn what_was_tried_comes_back_when_nothing_else_is_ready() {
    let both = group(&[plain, plain]);
    assert_eq!(draws(&both, &Fixed::default(), &tried(&[0])), [0, 10_000]);
    assert!(near(draws(&both, &Fixed::default(), &tried(&[0, 1]))[0], 5000));
}

#[test]
fn nothing_ready_says_why() {
    let both = group(&[plain, plain]);
    let none = |view: &Fixed| pick(&both, view, &Tried::default(), &mut SeededRng::new(1)).unwrap_err();
    let resting = Fixed(HashMap::from([(0, cooling(9)), (1, cooling(4))]));
    assert_eq!(none(&resting), NoCandidate::Cooling { left: Duration::from_secs(4) });
    let busy = Fixed(HashMap::from([(0, cooling(9)), (1, Availability::Full)]));
    assert_eq!(none(&busy), NoCandidate::Full);
}

fn decide(status: u16, group: &Group, view: &Fixed, tried: &Tried, limits: Limits) -> Decision {
    retry::decide(&Failure::answered(status), group, view, tried, &limits, &mut SeededRng::new(1))
}

const TWO_RETRIES: Limits = Limits { retries: 2, min_delay: Duration::ZERO, has_fallbacks: false };

#[test]
fn only_some_statuses_are_tried_again() {
    let (alone, pair) = (group(&[plain]), group(&[plain, plain]));
    let retried = |status, group: &Group| {
        decide(status, group, &Fixed::default(), &tried(&[0]), TWO_RETRIES) != Decision::Stop
    };
    for status in [408, 409, 429, 500, 502, 503, 529] {
        assert!(retried(status, &alone), "{status}");
    }
    for status in [400, 402, 404, 413, 422] {
        assert!(!retried(status, &pair), "{status}");
    }
    for status in [401, 403] {
        assert!(retried(status, &pair) && !retried(status, &alone), "{status}");
    }
}

#[test]
fn retries_are_counted() {
    let alone = group(&[plain]);
    let after = |attempts: &[usize], limits| decide(500, &alone, &Fixed::default(), &tried(attempts), limits);
    assert!(matches!(after(&[0, 0], TWO_RETRIES), Decision::Retry { .. }));
    assert_eq!(after(&[0, 0, 0], TWO_RETRIES), Decision::Stop);
    assert_eq!(after(&[0], Limits { retries: 0, ..TWO_RETRIES }), Decision::Stop);
    let many = vec![0; retry::RETRIES_MAX as usize + 1];
    assert_eq!(after(&many, Limits { retries: u32::MAX, ..TWO_RETRIES }), Decision::Stop);
}

#[test]
fn another_deployment_is_tried_at_once() {
    let pair = group(&[plain, plain]);
    assert_eq!(
        decide(429, &pair, &Fixed::default(), &tried(&[0]), TWO_RETRIES),
        Decision::Retry { after: Duration::ZERO }
    );
    let resting = Fixed(HashMap::from([(0, cooling(5)), (1, cooling(5))]));
    assert_eq!(decide(429, &pair, &resting, &tried(&[0]), TWO_RETRIES), Decision::Stop);
}

#[test]
fn special_classes_leave_the_field_to_their_fallbacks() {
    let alone = group(&[plain]);
    for kind in [FailureKind::ContextWindow, FailureKind::ContentPolicy] {
        let failure = Failure { status: 500, kind, retry_after: None };
        let decide = |has_fallbacks| {
            let limits = Limits { has_fallbacks, ..TWO_RETRIES };
            retry::decide(&failure, &alone, &Fixed::default(), &tried(&[0]), &limits, &mut SeededRng::new(1))
        };
        assert_eq!(decide(true), Decision::Stop);
        assert_ne!(decide(false), Decision::Stop);
    }
}

fn wait(failure: &Failure, attempts: usize, min_delay: Duration, seed: u64) -> Duration {
    let limits = Limits { retries: 9, min_delay, has_fallbacks: false };
    let (alone, tried) = (group(&[plain]), tried(&vec![0; attempts]));
    match retry::decide(failure, &alone, &Fixed::default(), &tried, &limits, &mut SeededRng::new(seed)) {
        Decision::Retry { after } => after,
        Decision::Stop => panic!("must be retried"),
    }
}

proptest! {
    #[test]
    fn waits_double_up_to_a_bound_with_some_jitter(attempts in 1..9_usize, seed: u64) {
        let base = Duration::from_millis(500 << (attempts - 1)).min(Duration::from_secs(8));
        let waited = wait(&Failure::answered(500), attempts, Duration::ZERO, seed);
        prop_assert!(waited >= base && waited < base + Duration::from_millis(750));
    }

    #[test]
    fn a_sensible_retry_after_is_kept(seconds in 0..200_u64, seed: u64) {
        let failure = Failure { retry_after: Some(Duration::from_secs(seconds)), ..Failure::answered(429) };
        let asked = if (1..=60).contains(&seconds) { seconds * 1000 } else { 500 };
        let waited = wait(&failure, 1, Duration::ZERO, seed);
        prop_assert!(waited >= Duration::from_millis(asked) && waited < Duration::from_millis(asked + 750));
    }

    #[test]
    fn the_set_minimum_is_waited(millis in 0..20_000_u64, seed: u64) {
        let min = Duration::from_millis(millis);
        prop_assert!(wait(&Failure::answered(500), 1, min, seed) >= min);
    }

    #[test]
    fn a_pick_is_always_ready(weights in prop::collection::vec(prop::option::of(0..5_u64), 1..6), resting: u8, seed: u64) {
        let deployments = weights.iter().enumerate().map(|(at, weight)| {
            let mut deployment = Deployment::named("g", "openai", format!("m{at}"));
            deployment.weight = *weight;
            deployment
        });
        let group = Table::build(deployments.collect(), Options::default()).resolve("g", None).unwrap();
        let rests = |at: &usize| resting & (1 << at) != 0;
        let view = Fixed((0..weights.len()).filter(rests).map(|at| (at, cooling(1))).collect());
        match pick(&group, &view, &Tried::default(), &mut SeededRng::new(seed)) {
            Ok((at, _)) => prop_assert!(!rests(&at)),
            Err(_) => prop_assert!((0..weights.len()).all(|at| rests(&at))),
        }
    }
}
