//! Names of log fields, so that one fact has one name in every line:
//! `info!({ fields::MODEL } = %group, "…")`.

/// `x-litellm-call-id`.
pub const CALL_ID: &str = "call.id";
/// The hash of a virtual key, never the key.
pub const KEY_HASH: &str = "key.hash";
/// The model group that the client asked for.
pub const MODEL: &str = "model";
pub const PROVIDER: &str = "provider";
pub const DEPLOYMENT: &str = "deployment.id";
pub const HTTP_STATUS: &str = "http.status";
pub const DURATION_MS: &str = "duration_ms";
pub const COST_NANO_USD: &str = "cost.nano_usd";
pub const ERROR: &str = "error";
