#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use bulkhead_telemetry::metrics::{GaugeName, Metrics, markdown, names};
use domain::{Dialect, Outcome, Status, Usage};
use kit::{Money, Timestamp};

fn outcome(status: Status, usage: Usage) -> Outcome {
    Outcome {
        id: uuid::Uuid::nil(),
        ended_at: Timestamp::default(),
        first_byte_at: None,
        status,
        http_status: 200,
        usage,
        usage_estimated: false,
        cost: Money(1500),
        price_version: "test".into(),
        response_id: None,
        error: None,
        superseded: false,
    }
}

/// The value of the series that begins with `series`.
fn value(page: &str, series: &str) -> String {
    let line = page.lines().find(|line| line.starts_with(series) && line[series.len()..].starts_with(' '));
    line.unwrap_or_else(|| panic!("`{series}` is missing in\n{page}")).rsplit(' ').next().unwrap().to_owned()
}

fn all_touched() -> Metrics {
    let metrics = Metrics::new();
    let labels = metrics.call("gpt", "openai", Dialect::OpenAiChat);
    metrics.first_byte(&labels, Duration::from_millis(20));
    metrics.call_ended(&labels, &outcome(Status::Success, Usage::default()), Duration::from_secs(2));
    metrics.request_ended(Dialect::OpenAiChat, 200, Duration::from_secs(2), Duration::from_micros(150));
    metrics.refused("unknown_key");
    metrics.soft_budget_crossed("team");
    metrics.retried("refused");
    metrics.upstream_failed("dns");
    metrics.cooled_down();
    metrics
}

#[test]
fn a_call_is_counted_by_how_it_ended_with_tokens_and_cost() {
    let metrics = Metrics::new();
    let labels = metrics.call("gpt", "openai", Dialect::OpenAiChat);
    let usage = Usage { input: 10, output: 5, cache_read: Some(4), ..Usage::default() };
    for status in [Status::Success, Status::Success, Status::Cancelled] {
        metrics.call_ended(&labels, &outcome(status, usage), Duration::from_secs(2));
    }
    let page = metrics.render();
    let common = "model=\"gpt\",provider=\"openai\"";
    let calls = |status| format!("bulkhead_calls_total{{{common},dialect=\"chat\",status=\"{status}\"}}");
    assert_eq!(value(&page, &calls("success")), "2");
    assert_eq!(value(&page, &calls("cancelled")), "1");
    assert_eq!(value(&page, &format!("bulkhead_tokens_total{{{common},kind=\"input\"}}")), "30");
    assert_eq!(value(&page, &format!("bulkhead_tokens_total{{{common},kind=\"cache_read\"}}")), "12");
    assert_eq!(value(&page, &format!("bulkhead_cost_nano_dollars_total{{{common}}}")), "4500");
    assert_eq!(value(&page, &format!("bulkhead_call_duration_seconds_count{{{common}}}")), "3");
}

#[test]
fn requests_refusals_and_gauges_are_counted() {
    let metrics = all_touched();
    metrics.set(GaugeName::JournalLagSeconds, 1.5);
    metrics.add(GaugeName::RequestsInFlight, 2.0);
    metrics.add(GaugeName::RequestsInFlight, -1.0);
    let page = metrics.render();
    assert_eq!(value(&page, "bulkhead_requests_total{dialect=\"chat\",code=\"200\"}"), "1");
    assert_eq!(value(&page, "bulkhead_overhead_seconds_bucket{le=\"0.0002\",dialect=\"chat\"}"), "1");
    assert_eq!(value(&page, "bulkhead_refusals_total{reason=\"unknown_key\"}"), "1");
    assert_eq!(value(&page, "bulkhead_journal_lag_seconds"), "1.5");
    assert_eq!(value(&page, "bulkhead_requests_in_flight"), "1.0");
}

#[test]
fn labels_are_bounded() {
    let metrics = Metrics::new();
    for at in 0..2100 {
        let labels = metrics.call(&format!("model-{at}"), "openai", Dialect::OpenAiChat);
        metrics.call_ended(&labels, &outcome(Status::Success, Usage::default()), Duration::ZERO);
    }
    let page = metrics.render();
    let series = page.lines().filter(|line| line.starts_with("bulkhead_cost_nano_dollars_total{")).count();
    assert_eq!(series, 2001);
    let other = "bulkhead_call_duration_seconds_count{model=\"other\",provider=\"other\"}";
    assert_eq!(value(&page, other), "100");
}

#[test]
fn threads_lose_no_count() {
    let metrics = Metrics::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1000).for_each(|_| metrics.refused("over_budget")));
        }
    });
    assert_eq!(value(&metrics.render(), "bulkhead_refusals_total{reason=\"over_budget\"}"), "4000");
}

/// What is scraped is what the table of names says: name, kind and labels.
#[test]
fn the_table_of_names_is_the_truth() {
    let page = all_touched().render();
    let scraped = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(str::to_owned);
    let listed = names::all().into_iter().map(|name| {
        let kind = format!("{:?}", name.kind).to_lowercase();
        format!("{} {kind}", name.name.trim_end_matches("_total"))
    });
    assert_eq!(scraped.collect::<BTreeSet<_>>(), listed.collect::<BTreeSet<_>>());
    for name in names::all() {
        let line = page.lines().find(|line| line.starts_with(name.name)).expect(name.name);
        for label in name.labels {
            assert!(line.contains(&format!("{label}=\"")), "`{label}` is missing in {line}");
        }
    }
}

#[test]
fn the_documentation_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, markdown()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == markdown(), "docs/metrics.md is stale: run the tests with UPDATE_DOCS=1");
}
