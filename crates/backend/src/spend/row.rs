//! One call as the compatible surface logs it.

use domain::key::MASTER_KEY_LABEL;
use domain::{Status, UsageEvent};
use kit::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::time::iso;

#[derive(Serialize, ToSchema)]
pub struct SpendLog {
    /// The provider's id of the response, or the call's id.
    pub request_id: String,
    pub call_type: &'static str,
    /// Hash of the key, or `litellm_proxy_master_key`.
    pub api_key: String,
    /// US dollars.
    pub spend: f64,
    /// The same in nano-dollars, exact.
    pub spend_nano: i64,
    pub total_tokens: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    #[serde(rename = "startTime")]
    pub start_time: String,
    #[serde(rename = "endTime")]
    pub end_time: String,
    pub request_duration_ms: i64,
    #[serde(rename = "completionStartTime")]
    pub completion_start_time: String,
    pub model: String,
    pub model_id: String,
    pub model_group: String,
    pub custom_llm_provider: String,
    pub api_base: String,
    pub user: String,
    #[schema(value_type = Object)]
    pub metadata: Value,
    pub cache_hit: &'static str,
    pub cache_key: &'static str,
    pub request_tags: Vec<String>,
    pub team_id: Option<String>,
    pub organization_id: Option<String>,
    pub end_user: Option<String>,
    pub requester_ip_address: Option<String>,
    #[schema(value_type = Object)]
    pub messages: Map<String, Value>,
    #[schema(value_type = Object)]
    pub response: Map<String, Value>,
    #[schema(value_type = Object)]
    pub proxy_server_request: Map<String, Value>,
    pub session_id: Option<String>,
    /// `success` or `failure`; `metadata.outcome` tells more.
    pub status: &'static str,
    pub litellm_call_id: String,
    /// Identity of the row; attempts of one call differ in it.
    pub event_id: String,
}

impl From<UsageEvent> for SpendLog {
    fn from(event: UsageEvent) -> Self {
        let metadata = metadata(&event);
        let UsageEvent { intent, outcome } = event;
        let text = |text: Option<Box<str>>| text.map(String::from);
        let ended = outcome.ended_at;
        Self {
            request_id: text(outcome.response_id).unwrap_or_else(|| intent.call_id.to_string()),
            call_type: intent.dialect.call_type(),
            api_key: intent.key.map_or_else(|| MASTER_KEY_LABEL.to_owned(), kit::KeyHash::to_hex),
            spend: outcome.cost.dollars(),
            spend_nano: outcome.cost.nano(),
            total_tokens: outcome.usage.total(),
            prompt_tokens: outcome.usage.input,
            completion_tokens: outcome.usage.output,
            start_time: iso(intent.started_at),
            end_time: iso(ended),
            request_duration_ms: millis(intent.started_at, ended),
            completion_start_time: iso(outcome.first_byte_at.unwrap_or(ended)),
            model: intent.model.into(),
            model_id: intent.deployment_id.into(),
            model_group: intent.model_group.into(),
            custom_llm_provider: intent.provider.into(),
            api_base: intent.api_base.into(),
            user: text(intent.user_id).unwrap_or_default(),
            metadata,
            cache_hit: "False",
            cache_key: "Cache OFF",
            request_tags: intent.tags.into_iter().map(String::from).collect(),
            team_id: text(intent.team_id),
            organization_id: text(intent.organization_id),
            end_user: text(intent.customer),
            requester_ip_address: text(intent.requester_ip),
            messages: Map::new(),
            response: Map::new(),
            proxy_server_request: Map::new(),
            session_id: text(intent.session_id),
            status: status(outcome.status),
            litellm_call_id: intent.call_id.into(),
            event_id: intent.id.to_string(),
        }
    }
}

fn metadata(event: &UsageEvent) -> Value {
    let UsageEvent { intent, outcome } = event;
    let error = outcome.error.as_deref().map(|message| {
        json!({
            "error_code": outcome.http_status.to_string(), "error_class": outcome.status.as_str(),
            "llm_provider": intent.provider, "error_message": message, "traceback": "",
        })
    });
    json!({
        "user_api_key": intent.key, "user_api_key_alias": intent.key_alias,
        "user_api_key_user_id": intent.user_id, "user_api_key_team_id": intent.team_id,
        "user_api_key_org_id": intent.organization_id, "user_api_key_project_id": intent.project_id,
        "user_agent": intent.user_agent,
        "requester_ip_address": intent.requester_ip, "litellm_call_id": intent.call_id,
        "status": status(outcome.status), "error_information": error,
        "usage_object": {
            "prompt_tokens": outcome.usage.input, "completion_tokens": outcome.usage.output,
            "total_tokens": outcome.usage.total(),
        },
        "additional_usage_values": {
            "cache_read_input_tokens": outcome.usage.cache_read,
            "cache_creation_input_tokens": outcome.usage.cache_write,
            "reasoning_tokens": outcome.usage.reasoning,
        },
        "outcome": outcome.status, "http_status": outcome.http_status, "stream": intent.stream,
        "usage_estimated": outcome.usage_estimated, "price_version": outcome.price_version,
        "superseded": outcome.superseded,
    })
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Success => "success",
        _ => "failure",
    }
}

const fn millis(from: Timestamp, until: Timestamp) -> i64 {
    until.micros().saturating_sub(from.micros()) / 1000
}
