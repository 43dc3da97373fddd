//! Daily activity as the compatible surface shows it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use store::spend::Totals;
use utoipa::ToSchema;

/// What requests add up to. What the surface has and is not counted here is 0.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct SpendMetrics {
    /// US dollars.
    pub spend: f64,
    pub flat_cost: f64,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub cache_read_input_tokens: i64,
    pub cache_creation_input_tokens: i64,
    pub compression_saved_tokens: i64,
    pub compression_savings_spend: f64,
    pub prompt_caching_savings_spend: f64,
    pub gateway_injected_caching_savings_spend: f64,
    pub autorouter_savings_spend: f64,
    pub total_tokens: i64,
    pub successful_requests: i64,
    /// Refused and cancelled ones too.
    pub failed_requests: i64,
    pub api_requests: i64,
    pub total_response_time_ms: i64,
    pub timed_requests: i64,
}

impl From<Totals> for SpendMetrics {
    fn from(totals: Totals) -> Self {
        let failed = totals.failures + totals.refusals + totals.cancellations;
        Self {
            spend: totals.spend().dollars(),
            prompt_tokens: totals.input_tokens,
            completion_tokens: totals.output_tokens,
            cache_read_input_tokens: totals.cache_read_tokens,
            cache_creation_input_tokens: totals.cache_write_tokens,
            total_tokens: totals.input_tokens.saturating_add(totals.output_tokens),
            successful_requests: totals.requests - failed,
            failed_requests: failed,
            api_requests: totals.requests,
            total_response_time_ms: totals.duration_micros / 1_000,
            timed_requests: totals.requests - totals.refusals,
            ..Self::default()
        }
    }
}

/// Part of a day.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActivityEntry {
    pub metrics: SpendMetrics,
    /// What the name is called otherwise.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// By key; of models and entities, as far as there is room.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HashMap<String, KeyEntry>>)]
    pub api_key_breakdown: Option<KeyEntries>,
}

/// A key's part of an entry.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyEntry {
    pub metrics: SpendMetrics,
    /// What the key is called otherwise.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
}

pub type KeyEntries = BTreeMap<String, KeyEntry>;

pub type Entries = BTreeMap<String, ActivityEntry>;

/// A day by what was used and by whom. The dearest names of the whole range are shown; `other` is the rest of the day.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ActivityBreakdown {
    #[schema(value_type = HashMap<String, ActivityEntry>)]
    pub models: Entries,
    #[schema(value_type = HashMap<String, ActivityEntry>)]
    pub model_groups: Entries,
    #[schema(value_type = HashMap<String, ActivityEntry>)]
    pub mcp_servers: Entries,
    #[schema(value_type = HashMap<String, ActivityEntry>)]
    pub providers: Entries,
    #[schema(value_type = HashMap<String, ActivityEntry>)]
    pub endpoints: Entries,
    #[schema(value_type = HashMap<String, ActivityEntry>)]
    pub api_keys: Entries,
    #[schema(value_type = HashMap<String, ActivityEntry>)]
    pub entities: Entries,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActivityDay {
    pub date: String,
    pub metrics: SpendMetrics,
    pub breakdown: ActivityBreakdown,
}

/// How much of a breakdown is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Shown {
    /// In the whole range.
    pub names: u64,
    /// Of them, the dearest; the rest is `other` where there is room for that.
    pub shown: usize,
    /// Keys of each `api_key_breakdown`, the dearest of the range; the rest is `other`.
    pub api_keys_shown: usize,
}

/// Sums of the days of this page, and which page it is.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ActivityMetadata {
    pub total_spend: f64,
    /// The same in nano-dollars, exact.
    pub total_spend_nano: i64,
    pub total_flat_cost: f64,
    pub total_prompt_tokens: i64,
    pub total_completion_tokens: i64,
    pub total_tokens: i64,
    pub total_api_requests: i64,
    pub total_successful_requests: i64,
    pub total_failed_requests: i64,
    pub total_cache_read_input_tokens: i64,
    pub total_cache_creation_input_tokens: i64,
    pub total_compression_saved_tokens: i64,
    pub total_compression_savings_spend: f64,
    pub total_prompt_caching_savings_spend: f64,
    pub total_gateway_injected_caching_savings_spend: f64,
    pub total_autorouter_savings_spend: f64,
    pub total_response_time_ms: i64,
    pub total_timed_requests: i64,
    pub page: i64,
    /// A page has so many days, also those without usage, which are left out.
    pub total_pages: i64,
    pub has_more: bool,
    /// Keys that a day shows.
    pub api_key_limit: usize,
    /// Keys with usage in the range.
    pub total_api_keys: u64,
    /// Whether some breakdown does not show all names.
    pub is_cut: bool,
    /// How much each breakdown shows.
    pub breakdowns: BTreeMap<&'static str, Shown>,
    /// False where the quarter-hours of old days are not kept any more: each such UTC day then counts in the local day in
    /// which it begins.
    pub is_exact: bool,
}

impl ActivityMetadata {
    /// The sums of the page.
    pub fn add(&mut self, totals: Totals) {
        let sums = SpendMetrics::from(totals);
        self.total_spend = sums.spend;
        self.total_spend_nano = totals.cost_nano;
        self.total_prompt_tokens = sums.prompt_tokens;
        self.total_completion_tokens = sums.completion_tokens;
        self.total_tokens = sums.total_tokens;
        self.total_api_requests = sums.api_requests;
        self.total_successful_requests = sums.successful_requests;
        self.total_failed_requests = sums.failed_requests;
        self.total_cache_read_input_tokens = sums.cache_read_input_tokens;
        self.total_cache_creation_input_tokens = sums.cache_creation_input_tokens;
        self.total_response_time_ms = sums.total_response_time_ms;
        self.total_timed_requests = sums.timed_requests;
    }
}

/// Usage by day.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "results": [{
        "date": "2026-01-31",
        "metrics": {"spend": 0.0015, "prompt_tokens": 30, "completion_tokens": 15, "total_tokens": 45, "api_requests": 3,
                    "successful_requests": 2, "failed_requests": 1},
        "breakdown": {
            "models": {"gpt-4o": {"metrics": {"spend": 0.0015, "api_requests": 3}, "metadata": {}, "api_key_breakdown": {}}},
            "api_keys": {"other": {"metrics": {"spend": 0.0015, "api_requests": 3}, "metadata": {}}},
        },
    }],
    "metadata": {"total_spend": 0.0015, "total_api_requests": 3, "page": 1, "total_pages": 1, "has_more": false, "is_cut": false},
}))]
pub struct DailyActivity {
    pub results: Vec<ActivityDay>,
    pub metadata: ActivityMetadata,
}
