//! Metrics in the OpenMetrics text format, cheap to count from many threads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use domain::{Dialect, Outcome};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use self::calls::CallLabels;
use self::calls::Calls;
pub use self::names::GaugeName;
use self::names::Name;

mod calls;
mod docs;
pub mod names;

pub use docs::markdown;

/// What `/metrics` answers with.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type CounterFamily = Family<Labels, Counter>;
type HistogramFamily = Family<Labels, Histogram, Buckets>;
type FloatGauge = Gauge<f64, AtomicU64>;

/// Every metric of a process. Share one among all threads.
pub struct Metrics {
    registry: Registry,
    calls: Calls,
    requests: Resolved<(Dialect, u16)>,
    durations: ByDialect,
    overheads: ByDialect,
    refusals: Resolved<&'static str>,
    soft_budgets: Resolved<&'static str>,
    retries: Resolved<&'static str>,
    failures: Resolved<&'static str>,
    cooldowns: Counter,
    gauges: Vec<FloatGauge>,
}

/// A counter family with its series at hand, so that counting builds no labels.
struct Resolved<K> {
    family: CounterFamily,
    series: RwLock<HashMap<K, Counter>>,
}

/// A histogram for each dialect, at hand.
struct ByDialect([Histogram; DIALECTS.len()]);

/// Makes histograms with the buckets of their family.
#[derive(Clone, Debug)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let gauges = GaugeName::ALL.iter().map(|gauge| register_gauge(&mut registry, gauge.name())).collect();
        let cooldowns = Counter::default();
        register(&mut registry, &names::COOLDOWNS, cooldowns.clone());
        let build = Family::<Labels, Gauge>::default();
        build.get_or_create(&vec![("version", env!("CARGO_PKG_VERSION").to_owned())]).set(1);
        register(&mut registry, &names::BUILD, build);
        Self {
            calls: Calls::new(&mut registry),
            requests: Resolved::new(&mut registry, &names::REQUESTS),
            durations: ByDialect::new(&mut registry, &names::REQUEST_DURATION),
            overheads: ByDialect::new(&mut registry, &names::OVERHEAD),
            refusals: Resolved::new(&mut registry, &names::REFUSALS),
            soft_budgets: Resolved::new(&mut registry, &names::SOFT_BUDGETS),
            retries: Resolved::new(&mut registry, &names::RETRIES),
            failures: Resolved::new(&mut registry, &names::UPSTREAM_FAILURES),
            cooldowns,
            gauges,
            registry,
        }
    }

    /// The series of one kind of call; look them up once per attempt. `model` is the name of the routing
    /// group, which the configuration bounds, never what the client sent.
    pub fn call(&self, model: &str, provider: &str, dialect: Dialect) -> CallLabels {
        self.calls.labels(model, provider, dialect)
    }

    /// The first byte of a provider's answer came after `waited`.
    pub fn first_byte(&self, labels: &CallLabels, waited: Duration) {
        labels.first_byte(waited);
    }

    /// An attempt at a provider has ended, `took` after it was sent.
    pub fn call_ended(&self, labels: &CallLabels, outcome: &Outcome, took: Duration) {
        labels.ended(outcome, took);
    }

    /// A client's request has ended. `overhead` is the part of `took` in which no provider was waited for.
    pub fn request_ended(&self, dialect: Dialect, http_status: u16, took: Duration, overhead: Duration) {
        let labels = || vec![("dialect", dialect_name(dialect).into()), ("code", http_status.to_string())];
        self.requests.count((dialect, http_status), labels);
        self.durations.observe(dialect, took);
        self.overheads.observe(dialect, overhead);
    }

    /// A request was refused before any provider was called. `reason` is a short fixed word.
    pub fn refused(&self, reason: &'static str) {
        self.refusals.count(reason, || vec![("reason", reason.to_owned())]);
    }

    /// A soft budget is used up. `kind` says whose it is, in a short fixed word.
    pub fn soft_budget_crossed(&self, kind: &'static str) {
        self.soft_budgets.count(kind, || vec![("kind", kind.to_owned())]);
    }

    /// An attempt is repeated. `reason` is a short fixed word.
    pub fn retried(&self, reason: &'static str) {
        self.retries.count(reason, || vec![("reason", reason.to_owned())]);
    }

    /// No answer came from a provider. `reason` is a short fixed word, such as that of a send error.
    pub fn upstream_failed(&self, reason: &'static str) {
        self.failures.count(reason, || vec![("reason", reason.to_owned())]);
    }

    /// A deployment was sent to rest.
    pub fn cooled_down(&self) {
        self.cooldowns.inc();
    }

    pub fn set(&self, gauge: GaugeName, value: f64) {
        if let Some(gauge) = self.gauges.get(gauge as usize) {
            gauge.set(value);
        }
    }

    pub fn add(&self, gauge: GaugeName, value: f64) {
        if let Some(gauge) = self.gauges.get(gauge as usize) {
            gauge.inc_by(value);
        }
    }

    /// All metrics, for `/metrics`.
    pub fn render(&self) -> String {
        let mut page = String::with_capacity(16 << 10);
        // Writing to a string does not fail.
        let _ = text::encode(&mut page, &self.registry);
        page
    }
}

impl ByDialect {
    fn new(registry: &mut Registry, name: &Name) -> Self {
        let family = histogram(registry, name);
        let series =
            |dialect| family.get_or_create_owned(&vec![("dialect", dialect_name(dialect).to_owned())]);
        Self(DIALECTS.map(series))
    }

    fn observe(&self, dialect: Dialect, took: Duration) {
        let series = DIALECTS.iter().position(|known| *known == dialect).and_then(|at| self.0.get(at));
        if let Some(series) = series {
            series.observe(took.as_secs_f64());
        }
    }
}

impl<K: std::hash::Hash + Eq> Resolved<K> {
    fn new(registry: &mut Registry, name: &Name) -> Self {
        let family = CounterFamily::default();
        register(registry, name, family.clone());
        Self { family, series: RwLock::default() }
    }

    fn count(&self, key: K, labels: impl FnOnce() -> Labels) {
        if let Some(counter) = self.series.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            counter.inc();
            return;
        }
        let counter = self.family.get_or_create_owned(&labels());
        counter.inc();
        self.series.write().unwrap_or_else(PoisonError::into_inner).insert(key, counter);
    }
}

fn register(registry: &mut Registry, name: &Name, metric: impl prometheus_client::registry::Metric) {
    registry.register(name.registered(), name.help, metric);
}

fn register_gauge(registry: &mut Registry, name: &Name) -> FloatGauge {
    let gauge = FloatGauge::default();
    register(registry, name, gauge.clone());
    gauge
}

fn histogram(registry: &mut Registry, name: &Name) -> HistogramFamily {
    let family = HistogramFamily::new_with_constructor(Buckets(name.buckets));
    register(registry, name, family.clone());
    family
}

const DIALECTS: [Dialect; 4] =
    [Dialect::OpenAiChat, Dialect::OpenAiCompletions, Dialect::OpenAiEmbeddings, Dialect::AnthropicMessages];

const fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenAiChat => "chat",
        Dialect::OpenAiCompletions => "completions",
        Dialect::OpenAiEmbeddings => "embeddings",
        Dialect::AnthropicMessages => "messages",
    }
}

/// Nano-dollars and token counts below zero do not happen; they would count as none.
fn count(counter: &Counter<u64, AtomicU64>, amount: u64) {
    if amount > 0 {
        counter.inner().fetch_add(amount, Ordering::Relaxed);
    }
}
