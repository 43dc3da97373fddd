//! What the gateway can be told, with what it does otherwise.

use std::time::Duration;

use domain::RootPath;
use http::HeaderName;
use kit::Secret;
use kit::network::Network;

/// Settings of the request path.
#[derive(Clone, Debug)]
pub struct Settings {
    pub master_key: Secret,
    /// `SERVER_ROOT_PATH`: what may stand before every path.
    pub root_path: RootPath,
    /// `general_settings.litellm_key_header_name`: the one header that carries keys.
    pub key_header: Option<HeaderName>,
    /// `general_settings.max_request_size_mb`; 32 MiB unless set.
    pub request_body_bytes_max: u64,
    /// `general_settings.max_response_size_mb`; 64 MiB unless set. Streams are not bounded by it.
    pub response_body_bytes_max: u64,
    /// Bodies of all requests together, in memory at one time.
    pub bodies_bytes_max: u64,
    /// Requests that one gateway runs at once.
    pub requests_in_flight_max: usize,
    /// For the whole request body to arrive.
    pub body_time_max: Duration,
    /// `general_settings.client_write_timeout`: for a client with bytes to read to take some of them.
    pub client_write_timeout: Duration,
    /// `litellm_settings.request_timeout`: for a provider's whole answer, or the first byte of a stream.
    pub request_timeout: Duration,
    /// `router_settings.stream_timeout`: the first byte of a stream, when set apart.
    pub stream_timeout: Option<Duration>,
    /// `router_settings.connect_timeout`: for a connection to a provider.
    pub connect_timeout: Duration,
    /// `router_settings.first_byte_timeout`: the first byte of any answer, when set.
    pub first_byte_timeout: Option<Duration>,
    /// `router_settings.idle_timeout`: between two chunks of a provider's answer.
    pub idle_timeout: Duration,
    /// `router_settings.total_timeout`: from sending to the end of any answer.
    pub total_timeout: Duration,
    pub num_retries: u32,
    /// `router_settings.retry_after`: the shortest wait before a retry.
    pub retry_delay_min: Duration,
    pub drop_params: bool,
    /// `general_settings.allowed_ips`; with none here nor in the policy, requests may come from anywhere.
    pub allowed_ips: Vec<Network>,
    /// `general_settings.use_x_forwarded_for`: what proxies say of the client counts.
    pub use_forwarded_for: bool,
    /// `general_settings.trusted_proxy_ranges`.
    pub trusted_proxies: Vec<Network>,
    /// 422 unless `litellm_settings.budget_exceeded_status_code` says otherwise.
    pub budget_exceeded_status: u16,
    pub metrics_need_key: bool,
    /// `bulkhead_settings.journal_strict`: make no call that cannot be written down.
    pub journal_strict: bool,
}

impl Settings {
    /// Every default, under this master key.
    pub fn with_master_key(master_key: Secret) -> Self {
        Self {
            master_key,
            root_path: RootPath::default(),
            key_header: None,
            request_body_bytes_max: 32 << 20,
            response_body_bytes_max: 64 << 20,
            bodies_bytes_max: 1 << 30,
            requests_in_flight_max: 10_000,
            body_time_max: Duration::from_secs(60),
            client_write_timeout: Duration::from_secs(300),
            request_timeout: Duration::from_secs(6000),
            stream_timeout: None,
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: None,
            idle_timeout: Duration::from_secs(300),
            total_timeout: Duration::from_secs(6000),
            num_retries: 2,
            retry_delay_min: Duration::ZERO,
            drop_params: false,
            allowed_ips: Vec::new(),
            use_forwarded_for: false,
            trusted_proxies: Vec::new(),
            budget_exceeded_status: 422,
            metrics_need_key: true,
            journal_strict: false,
        }
    }
}
