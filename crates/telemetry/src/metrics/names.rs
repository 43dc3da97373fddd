//! The name, kind, labels and meaning of every metric. `docs/metrics.md` is made from this file.

/// One metric family.
#[derive(Debug)]
pub struct Name {
    /// As it is scraped.
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
    /// Upper bounds, for histograms.
    pub buckets: &'static [f64],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Seconds that an answer may take: from a cached prompt to a long chain of thought.
const ANSWER_SECONDS: &[f64] =
    &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// Seconds that the gateway itself may take; its budget is well under a millisecond.
const OVERHEAD_SECONDS: &[f64] =
    &[0.000_05, 0.000_1, 0.000_2, 0.000_3, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 1.0];

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Name {
    Name { name, kind: Kind::Counter, labels, help, buckets: &[] }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Name {
    Name { name, kind: Kind::Gauge, labels, help, buckets: &[] }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    buckets: &'static [f64],
    help: &'static str,
) -> Name {
    Name { name, kind: Kind::Histogram, labels, help, buckets }
}

const MODEL: &[&str] = &["model", "provider"];

pub const REQUESTS: Name = counter(
    "bulkhead_requests_total",
    &["dialect", "code"],
    "Requests of clients that were answered, by the dialect that the client speaks and the HTTP status",
);
pub const REQUEST_DURATION: Name = histogram(
    "bulkhead_request_duration_seconds",
    &["dialect"],
    ANSWER_SECONDS,
    "From the head of a request to the end of its answer",
);
pub const OVERHEAD: Name = histogram(
    "bulkhead_overhead_seconds",
    &["dialect"],
    OVERHEAD_SECONDS,
    "The part of a request in which no provider was waited for",
);
pub const REFUSALS: Name = counter(
    "bulkhead_refusals_total",
    &["reason"],
    "Requests that were refused before any provider was called",
);
pub const SOFT_BUDGETS: Name = counter(
    "bulkhead_soft_budget_crossings_total",
    &["kind"],
    "Times that a soft budget was seen to be used up, once for each crossing in each gateway",
);
pub const CALLS: Name = counter(
    "bulkhead_calls_total",
    &["model", "provider", "dialect", "status"],
    "Attempts at providers by how they ended, as the ledger has it",
);
pub const CALL_DURATION: Name = histogram(
    "bulkhead_call_duration_seconds",
    MODEL,
    ANSWER_SECONDS,
    "From sending a request to a provider to the end of its answer",
);
pub const FIRST_BYTE: Name = histogram(
    "bulkhead_first_byte_seconds",
    MODEL,
    ANSWER_SECONDS,
    "From sending a request to a provider to the first byte of its answer",
);
pub const TOKENS: Name = counter(
    "bulkhead_tokens_total",
    &["model", "provider", "kind"],
    "Tokens; cache_read and cache_write are part of input, reasoning is part of output",
);
pub const COST: Name =
    counter("bulkhead_cost_nano_dollars_total", MODEL, "Cost of calls in billionths of a US dollar");
pub const RETRIES: Name =
    counter("bulkhead_retries_total", &["reason"], "Attempts that were repeated, by what had failed");
pub const UPSTREAM_FAILURES: Name = counter(
    "bulkhead_upstream_failures_total",
    &["reason"],
    "Calls that got no answer from a provider, by what went wrong",
);
pub const COOLDOWNS: Name =
    counter("bulkhead_cooldowns_total", &[], "Times that a deployment was sent to rest after failures");
pub const BUILD: Name = gauge("bulkhead_build_info", &["version"], "Always 1; the label tells the version");

/// Gauges that their owners set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaugeName {
    RequestsInFlight,
    DeploymentsCooling,
    JournalBacklogBytes,
    JournalBytes,
    JournalLagSeconds,
    JournalRefusedRecords,
    JournalWaitingRecords,
    JournalShippedEvents,
    JournalInterruptedCalls,
    JournalRejectedEvents,
    JournalQuarantinedFiles,
    PolicyStalenessSeconds,
    PolicyKeys,
    PolicyUnreadableKeys,
}

impl GaugeName {
    /// In the order of the enum.
    pub const ALL: [Self; 14] = [
        Self::RequestsInFlight,
        Self::DeploymentsCooling,
        Self::JournalBacklogBytes,
        Self::JournalBytes,
        Self::JournalLagSeconds,
        Self::JournalRefusedRecords,
        Self::JournalWaitingRecords,
        Self::JournalShippedEvents,
        Self::JournalInterruptedCalls,
        Self::JournalRejectedEvents,
        Self::JournalQuarantinedFiles,
        Self::PolicyStalenessSeconds,
        Self::PolicyKeys,
        Self::PolicyUnreadableKeys,
    ];

    pub const fn name(self) -> &'static Name {
        const REQUESTS_IN_FLIGHT: Name =
            gauge("bulkhead_requests_in_flight", &[], "Requests that are being answered now");
        const DEPLOYMENTS_COOLING: Name =
            gauge("bulkhead_deployments_cooling", &[], "Deployments that rest now after failures");
        const JOURNAL_BACKLOG: Name = gauge(
            "bulkhead_journal_backlog_bytes",
            &[],
            "Bytes of the ledger's journal that the database does not have yet",
        );
        const JOURNAL_BYTES: Name =
            gauge("bulkhead_journal_bytes", &[], "Size of the ledger's journal on disk");
        const JOURNAL_LAG: Name = gauge(
            "bulkhead_journal_lag_seconds",
            &[],
            "Age of the oldest event that the database does not have",
        );
        const JOURNAL_REFUSED: Name = gauge(
            "bulkhead_journal_refused_records",
            &[],
            "Records since the start that the journal had no room for (disk full, bound reached) and that are not kept",
        );
        const JOURNAL_WAITING: Name = gauge(
            "bulkhead_journal_waiting_records",
            &[],
            "Records that wait in memory until the journal has room for them",
        );
        const JOURNAL_SHIPPED: Name = gauge(
            "bulkhead_journal_shipped_events",
            &[],
            "Events since the start that the database has taken, those it already had included",
        );
        const JOURNAL_INTERRUPTED: Name = gauge(
            "bulkhead_journal_interrupted_calls",
            &[],
            "Calls among the shipped events that the death of a gateway had interrupted",
        );
        const JOURNAL_REJECTED: Name = gauge(
            "bulkhead_journal_rejected_events",
            &[],
            "Events since the start that the database will never take; each is kept in a `.corrupt` file",
        );
        const JOURNAL_QUARANTINED: Name = gauge(
            "bulkhead_journal_quarantined_files",
            &[],
            "Journal files since the start that held bytes that do not check; each is kept as a `.corrupt` file",
        );
        const POLICY_STALENESS: Name = gauge(
            "bulkhead_policy_staleness_seconds",
            &[],
            "Time since the policy replica last agreed with the database",
        );
        const POLICY_KEYS: Name = gauge("bulkhead_policy_keys", &[], "Keys in the policy replica");
        const POLICY_UNREADABLE_KEYS: Name = gauge(
            "bulkhead_policy_unreadable_keys",
            &[],
            "Keys that are refused since their stored policy cannot be read",
        );
        match self {
            Self::RequestsInFlight => &REQUESTS_IN_FLIGHT,
            Self::DeploymentsCooling => &DEPLOYMENTS_COOLING,
            Self::JournalBacklogBytes => &JOURNAL_BACKLOG,
            Self::JournalBytes => &JOURNAL_BYTES,
            Self::JournalLagSeconds => &JOURNAL_LAG,
            Self::JournalRefusedRecords => &JOURNAL_REFUSED,
            Self::JournalWaitingRecords => &JOURNAL_WAITING,
            Self::JournalShippedEvents => &JOURNAL_SHIPPED,
            Self::JournalInterruptedCalls => &JOURNAL_INTERRUPTED,
            Self::JournalRejectedEvents => &JOURNAL_REJECTED,
            Self::JournalQuarantinedFiles => &JOURNAL_QUARANTINED,
            Self::PolicyStalenessSeconds => &POLICY_STALENESS,
            Self::PolicyKeys => &POLICY_KEYS,
            Self::PolicyUnreadableKeys => &POLICY_UNREADABLE_KEYS,
        }
    }
}

/// Every family, as the documentation lists them.
pub fn all() -> Vec<&'static Name> {
    let families = [
        &REQUESTS,
        &REQUEST_DURATION,
        &OVERHEAD,
        &REFUSALS,
        &SOFT_BUDGETS,
        &CALLS,
        &CALL_DURATION,
        &FIRST_BYTE,
        &TOKENS,
        &COST,
        &RETRIES,
        &UPSTREAM_FAILURES,
        &COOLDOWNS,
    ];
    families.into_iter().chain(GaugeName::ALL.iter().map(|gauge| gauge.name())).chain([&BUILD]).collect()
}

impl Name {
    /// The name under which it is registered: the encoder appends `_total` to counters itself.
    pub(super) fn registered(&self) -> &'static str {
        self.name.strip_suffix("_total").unwrap_or(self.name)
    }
}
