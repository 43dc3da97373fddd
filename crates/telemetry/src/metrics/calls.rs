//! What is counted of each attempt at a provider.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::{Dialect, Outcome, Status};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{CounterFamily, HistogramFamily, Labels, count, dialect_name, histogram, names, register};

/// Distinct sets of labels that are kept apart; what comes later counts as `other`.
const LABEL_SETS_MAX: usize = 2000;
const OTHER: &str = "other";

/// The series of one model, provider and dialect, looked up once. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct CallLabels(Arc<Series>);

#[derive(Debug)]
struct Series {
    provider: Box<str>,
    dialect: Dialect,
    /// By position in [`Status::ALL`].
    by_status: Vec<Counter>,
    duration: Histogram,
    first_byte: Histogram,
    input: Counter,
    output: Counter,
    cache_read: Counter,
    cache_write: Counter,
    reasoning: Counter,
    cost: Counter,
}

pub(super) struct Calls {
    calls: CounterFamily,
    tokens: CounterFamily,
    cost: CounterFamily,
    duration: HistogramFamily,
    first_byte: HistogramFamily,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    by_model: HashMap<Box<str>, Vec<CallLabels>>,
    sets: usize,
}

impl Calls {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let (calls, tokens, cost) =
            (CounterFamily::default(), CounterFamily::default(), CounterFamily::default());
        register(registry, &names::CALLS, calls.clone());
        register(registry, &names::TOKENS, tokens.clone());
        register(registry, &names::COST, cost.clone());
        Self {
            calls,
            tokens,
            cost,
            duration: histogram(registry, &names::CALL_DURATION),
            first_byte: histogram(registry, &names::FIRST_BYTE),
            known: RwLock::default(),
        }
    }

    pub(super) fn labels(&self, model: &str, provider: &str, dialect: Dialect) -> CallLabels {
        let found = self.known.read().unwrap_or_else(PoisonError::into_inner).find(model, provider, dialect);
        found.unwrap_or_else(|| self.add(model, provider, dialect))
    }

    fn add(&self, model: &str, provider: &str, dialect: Dialect) -> CallLabels {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let (model, provider) = if known.sets < LABEL_SETS_MAX { (model, provider) } else { (OTHER, OTHER) };
        if let Some(found) = known.find(model, provider, dialect) {
            return found;
        }
        let labels = CallLabels(Arc::new(self.series(model, provider, dialect)));
        known.sets += 1;
        known.by_model.entry(model.into()).or_default().push(labels.clone());
        labels
    }

    fn series(&self, model: &str, provider: &str, dialect: Dialect) -> Series {
        let common = || vec![("model", model.to_owned()), ("provider", provider.to_owned())];
        let with = |name: &'static str, value: &str| {
            let mut labels: Labels = common();
            labels.push((name, value.to_owned()));
            labels
        };
        let by_status = |status: Status| {
            let mut labels = with("dialect", dialect_name(dialect));
            labels.push(("status", status.as_str().to_owned()));
            self.calls.get_or_create_owned(&labels)
        };
        let tokens = |kind: &str| self.tokens.get_or_create_owned(&with("kind", kind));
        Series {
            provider: provider.into(),
            dialect,
            by_status: Status::ALL.into_iter().map(by_status).collect(),
            duration: self.duration.get_or_create_owned(&common()),
            first_byte: self.first_byte.get_or_create_owned(&common()),
            input: tokens("input"),
            output: tokens("output"),
            cache_read: tokens("cache_read"),
            cache_write: tokens("cache_write"),
            reasoning: tokens("reasoning"),
            cost: self.cost.get_or_create_owned(&common()),
        }
    }
}

impl Known {
    fn find(&self, model: &str, provider: &str, dialect: Dialect) -> Option<CallLabels> {
        let same = |labels: &&CallLabels| *labels.0.provider == *provider && labels.0.dialect == dialect;
        self.by_model.get(model)?.iter().find(same).cloned()
    }
}

impl CallLabels {
    pub(super) fn first_byte(&self, waited: Duration) {
        self.0.first_byte.observe(waited.as_secs_f64());
    }

    pub(super) fn ended(&self, outcome: &Outcome, took: Duration) {
        let series = &self.0;
        let position = Status::ALL.iter().position(|status| *status == outcome.status);
        if let Some(counter) = position.and_then(|position| series.by_status.get(position)) {
            counter.inc();
        }
        series.duration.observe(took.as_secs_f64());
        let usage = &outcome.usage;
        count(&series.input, usage.input);
        count(&series.output, usage.output);
        count(&series.cache_read, usage.cache_read.unwrap_or(0));
        count(&series.cache_write, usage.cache_write.unwrap_or(0));
        count(&series.reasoning, usage.reasoning.unwrap_or(0));
        count(&series.cost, u64::try_from(outcome.cost.nano()).unwrap_or(0));
    }
}
