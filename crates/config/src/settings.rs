use std::collections::BTreeMap;
use std::time::Duration;

use domain::Calendar;
use kit::network::Network;

use crate::alerts::AlertChannel;
use crate::environment::Environment;
use crate::fields::{Fields, Unknown};
use crate::journal::Journal;
use crate::keys;
use crate::node::Node;
use crate::problems::{At, Problems};
use crate::retention::Retention;

/// Longest wait for an upstream when nothing else is set: the compatible surface's 6000 seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(6000);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// As long as the longest wait for an answer that is not streamed.
const TOTAL_TIMEOUT: Duration = REQUEST_TIMEOUT;
const NUM_RETRIES: u32 = 2;
const COOLDOWN_TIME: Duration = Duration::from_secs(5);
/// Largest request body unless set otherwise, in MiB. Leaves room for a request full of images:
/// providers themselves refuse beyond 20 to 50.
pub const REQUEST_SIZE_MB_DEFAULT: u64 = 50;
/// Largest provider answer that is not streamed, unless set otherwise, in MiB.
pub const RESPONSE_SIZE_MB_DEFAULT: u64 = 100;
const CLIENT_WRITE_TIMEOUT: Duration = Duration::from_secs(300);
const DATABASE_POOL_LIMIT: u32 = 10;
const DATABASE_TIMEOUT: Duration = Duration::from_secs(60);
const BUDGET_EXCEEDED_STATUS: u16 = 422;

/// What holds for the whole process.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Drop parameters that a provider does not take instead of refusing with 400.
    pub drop_params: bool,
    /// Longest wait for an upstream. Default 6000 s.
    pub request_timeout: Duration,
    /// The same for streamed requests; `None` means `request_timeout`.
    pub stream_timeout: Option<Duration>,
    /// Longest wait for a connection to a provider. Default 10 s.
    pub connect_timeout: Duration,
    /// Longest wait for the first byte of an answer; `None` means `stream_timeout` for a stream, and no such
    /// limit otherwise.
    pub first_byte_timeout: Option<Duration>,
    /// Longest silence within an answer. Default 300 s.
    pub idle_timeout: Duration,
    /// Longest time from sending to the end of an answer. Default 6000 s.
    pub total_timeout: Duration,
    /// Further attempts after a failed one, per model group. Default 2.
    pub num_retries: u32,
    /// Least wait before a further attempt. Default none.
    pub retry_after: Duration,
    /// Failures within a minute before a deployment cools down; `None` means the router's own rules.
    pub allowed_fails: Option<u32>,
    /// How long a deployment cools down. Default 5 s.
    pub cooldown_time: Duration,
    pub disable_cooldowns: bool,
    /// HTTP status of "budget exceeded". Default 422.
    pub budget_exceeded_status_code: u16,
    /// Where and when the days of budgets begin. Default midnight in UTC.
    pub calendar: Calendar,
    /// What was spent beyond a budget counts against its next window. Default false.
    pub budget_rollover: bool,
    /// `/metrics` needs a key. Default true.
    pub require_auth_for_metrics_endpoint: bool,
    /// Start with a weak or no master key all the same.
    pub permit_weak_master_key: bool,
    /// Largest request body, in MiB. Default [`REQUEST_SIZE_MB_DEFAULT`].
    pub max_request_size_mb: u64,
    /// Largest provider answer that is not streamed, in MiB. Default [`RESPONSE_SIZE_MB_DEFAULT`].
    pub max_response_size_mb: u64,
    /// Longest wait for a client to read some of its answer. Default 300 s.
    pub client_write_timeout: Duration,
    /// Database connections per process. Default 10.
    pub database_connection_pool_limit: u32,
    /// Longest wait for a free database connection. Default 60 s.
    pub database_connection_timeout: Duration,
    /// From where requests may come; empty is from anywhere.
    pub allowed_ips: Vec<Network>,
    /// The client is who `X-Forwarded-For` names. Default false.
    pub use_x_forwarded_for: bool,
    /// Whose word that is.
    pub trusted_proxy_ranges: Vec<Network>,
    /// Models of the database are used and can be changed. Default true.
    pub store_model_in_db: bool,
    /// Requested name → model group.
    pub model_group_alias: BTreeMap<String, ModelAlias>,
    /// `litellm_key_header_name`: the header that carries the key instead of the usual ones.
    pub key_header_name: Option<String>,
    pub journal: Journal,
    /// Where alerts of budgets go.
    pub alerts: Vec<AlertChannel>,
    pub retention: Retention,
}

/// Where an alias of `model_group_alias` leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelAlias {
    pub group: String,
    /// Answers, but is not listed.
    pub hidden: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            drop_params: false,
            request_timeout: REQUEST_TIMEOUT,
            stream_timeout: None,
            connect_timeout: CONNECT_TIMEOUT,
            first_byte_timeout: None,
            idle_timeout: IDLE_TIMEOUT,
            total_timeout: TOTAL_TIMEOUT,
            num_retries: NUM_RETRIES,
            retry_after: Duration::ZERO,
            allowed_fails: None,
            cooldown_time: COOLDOWN_TIME,
            disable_cooldowns: false,
            budget_exceeded_status_code: BUDGET_EXCEEDED_STATUS,
            calendar: Calendar::default(),
            budget_rollover: false,
            require_auth_for_metrics_endpoint: true,
            permit_weak_master_key: false,
            max_request_size_mb: REQUEST_SIZE_MB_DEFAULT,
            max_response_size_mb: RESPONSE_SIZE_MB_DEFAULT,
            client_write_timeout: CLIENT_WRITE_TIMEOUT,
            database_connection_pool_limit: DATABASE_POOL_LIMIT,
            database_connection_timeout: DATABASE_TIMEOUT,
            allowed_ips: Vec::new(),
            use_x_forwarded_for: false,
            trusted_proxy_ranges: Vec::new(),
            store_model_in_db: true,
            model_group_alias: BTreeMap::new(),
            key_header_name: None,
            journal: Journal::default(),
            alerts: Vec::new(),
            retention: Retention::default(),
        }
    }
}

/// The settings sections of the file, checked.
pub struct Sections<'n> {
    pub bulkhead: Fields<'n>,
    pub litellm: Fields<'n>,
    pub router: Fields<'n>,
    pub general: Fields<'n>,
}

impl<'n> Sections<'n> {
    pub fn check(root: &Fields<'n>, empty: &'n Node, problems: &mut Problems) -> Option<Self> {
        let mut section = |name: &'static str, table| {
            let fields = Fields::new(root.get(name).unwrap_or(empty), name, problems)?;
            fields.check(table, Unknown::Ignored, problems);
            Some(fields)
        };
        let litellm = section("litellm_settings", keys::LITELLM_SETTINGS);
        let router = section("router_settings", keys::ROUTER_SETTINGS);
        let general = section("general_settings", keys::GENERAL_SETTINGS);
        let bulkhead = section("bulkhead_settings", keys::BULKHEAD_SETTINGS);
        Some(Self { litellm: litellm?, router: router?, general: general?, bulkhead: bulkhead? })
    }

    pub fn settings(&self, env: &Environment<'_>, problems: &mut Problems) -> Settings {
        let Self { litellm, router, general, bulkhead } = self;
        let default = Settings::default();
        self.check_strategy(problems);
        Settings {
            drop_params: litellm
                .boolean("drop_params")
                .or_else(|| flag(env, "LITELLM_DROP_PARAMS", problems))
                .unwrap_or_default(),
            request_timeout: router
                .seconds("timeout")
                .or_else(|| litellm.seconds("request_timeout"))
                .or_else(|| seconds(env, "REQUEST_TIMEOUT", problems))
                .unwrap_or(default.request_timeout),
            stream_timeout: router.seconds("stream_timeout"),
            connect_timeout: router.seconds("connect_timeout").unwrap_or(default.connect_timeout),
            first_byte_timeout: router.seconds("first_byte_timeout"),
            idle_timeout: router.seconds("idle_timeout").unwrap_or(default.idle_timeout),
            total_timeout: router.seconds("total_timeout").unwrap_or(default.total_timeout),
            num_retries: router
                .whole("num_retries", 0, problems)
                .or_else(|| litellm.whole("num_retries", 0, problems))
                .or_else(|| whole(env, "DEFAULT_MAX_RETRIES", problems))
                .unwrap_or(default.num_retries),
            retry_after: router.seconds("retry_after").unwrap_or(default.retry_after),
            allowed_fails: router
                .whole("allowed_fails", 0, problems)
                .or_else(|| litellm.whole("allowed_fails", 0, problems))
                .or_else(|| whole(env, "DEFAULT_ALLOWED_FAILS", problems)),
            cooldown_time: router
                .seconds("cooldown_time")
                .or_else(|| seconds(env, "DEFAULT_COOLDOWN_TIME_SECONDS", problems))
                .unwrap_or(default.cooldown_time),
            disable_cooldowns: router.boolean("disable_cooldowns").unwrap_or_default(),
            budget_exceeded_status_code: self
                .budget_status(problems)
                .unwrap_or(default.budget_exceeded_status_code),
            calendar: self.calendar(problems),
            budget_rollover: litellm.boolean("budget_rollover").unwrap_or_default(),
            require_auth_for_metrics_endpoint: litellm
                .boolean("require_auth_for_metrics_endpoint")
                .unwrap_or(default.require_auth_for_metrics_endpoint),
            permit_weak_master_key: general
                .boolean("dangerously_permit_weak_or_unset_master_key")
                .or_else(|| flag(env, "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", problems))
                .unwrap_or_default(),
            max_request_size_mb: self
                .megabytes("max_request_size_mb", problems)
                .unwrap_or(default.max_request_size_mb),
            max_response_size_mb: self
                .megabytes("max_response_size_mb", problems)
                .unwrap_or(default.max_response_size_mb),
            client_write_timeout: general
                .seconds("client_write_timeout")
                .unwrap_or(default.client_write_timeout),
            database_connection_pool_limit: general
                .whole("database_connection_pool_limit", 1, problems)
                .unwrap_or(default.database_connection_pool_limit),
            database_connection_timeout: general
                .seconds("database_connection_timeout")
                .unwrap_or(default.database_connection_timeout),
            allowed_ips: networks(general, "allowed_ips", problems),
            use_x_forwarded_for: general.boolean("use_x_forwarded_for").unwrap_or_default(),
            trusted_proxy_ranges: networks(general, "trusted_proxy_ranges", problems),
            store_model_in_db: general
                .boolean("store_model_in_db")
                .or_else(|| flag(env, "STORE_MODEL_IN_DB", problems))
                .unwrap_or(default.store_model_in_db),
            model_group_alias: aliases(router, problems),
            key_header_name: general.string("litellm_key_header_name"),
            journal: Journal::read(bulkhead, env, problems),
            alerts: crate::alerts::read(general, env, problems),
            retention: Retention::read(general, bulkhead, env, problems),
        }
    }

    fn megabytes(&self, key: &str, problems: &mut Problems) -> Option<u64> {
        /// One TiB: beyond it a size is a slip, and would overflow when turned into bytes.
        const MEGABYTES_MAX: u64 = 1 << 20;
        self.general.whole::<u64>(key, 1, problems).map(|megabytes| megabytes.min(MEGABYTES_MAX))
    }

    fn budget_status(&self, problems: &mut Problems) -> Option<u16> {
        let key = "budget_exceeded_status_code";
        let status = self.litellm.whole::<u16>(key, 400, problems)?;
        if status <= 599 {
            return Some(status);
        }
        let path = self.litellm.path_of(key);
        let at = At { place: self.litellm.get(key)?.place, path: &path };
        problems.error(at, format!("expected an HTTP status from 400 to 599, found {status}"), None);
        None
    }

    fn calendar(&self, problems: &mut Problems) -> Calendar {
        let mut problem = |key: &str, sentence: String| {
            let path = self.litellm.path_of(key);
            if let Some(node) = self.litellm.get(key) {
                problems.error(At { place: node.place, path: &path }, sentence, None);
            }
        };
        let (zone, time) = (self.litellm.text("timezone"), self.litellm.text("budget_reset_time"));
        if let Err(sentence) = Calendar::new(zone, None) {
            problem("timezone", sentence);
        }
        if let Err(sentence) = Calendar::new(None, time) {
            problem("budget_reset_time", sentence);
        }
        Calendar::new(zone, time).unwrap_or_default()
    }

    fn check_strategy(&self, problems: &mut Problems) {
        const ONLY: &str = "simple-shuffle";
        let Some(strategy) = self.router.text("routing_strategy").filter(|strategy| *strategy != ONLY) else {
            return;
        };
        let Some(node) = self.router.get("routing_strategy") else { return };
        let at = At { place: node.place, path: "router_settings.routing_strategy" };
        problems.warn(at, format!("`{strategy}` is not supported yet; `{ONLY}` is used"), None);
    }
}

/// `alias: group`, or `alias: {model: group, hidden: true}`.
/// Addresses and ranges; each that is none is reported.
fn networks(general: &Fields<'_>, key: &str, problems: &mut Problems) -> Vec<Network> {
    let mut networks = Vec::new();
    for item in general.get(key).and_then(Node::items).unwrap_or_default() {
        let Some(text) = item.text() else { continue };
        match text.parse() {
            Ok(network) => networks.push(network),
            Err(error) => {
                let path = general.path_of(key);
                problems.error(At { place: item.place, path: &path }, format!("`{text}`: {error}"), None);
            }
        }
    }
    networks
}

fn aliases(router: &Fields<'_>, problems: &mut Problems) -> BTreeMap<String, ModelAlias> {
    let mut aliases = BTreeMap::new();
    for entry in router.get("model_group_alias").and_then(Node::entries).unwrap_or_default() {
        let group = entry.value.text().or_else(|| entry.value.get("model")?.text());
        let hidden = entry.value.get("hidden").and_then(Node::boolean).unwrap_or_default();
        if let Some(group) = group {
            aliases.insert(entry.key.clone(), ModelAlias { group: group.into(), hidden });
            continue;
        }
        let path = format!("{}.{}", router.path_of("model_group_alias"), entry.key);
        let at = At { place: entry.value.place, path: &path };
        let found = entry.value.describe();
        problems.error(at, format!("expected a model group, or a map with `model`, found {found}"), None);
    }
    aliases
}

pub(crate) fn flag(env: &Environment<'_>, name: &str, problems: &mut Problems) -> Option<bool> {
    let text = env.get(name)?;
    let flag = match text.as_str() {
        "1" => Some(true),
        "0" => Some(false),
        text => crate::scalar::boolean(text),
    };
    if flag.is_none() {
        problems.env_warn(name, "expected `true` or `false`; it counts as not set");
    }
    flag
}

pub(crate) fn seconds(env: &Environment<'_>, name: &str, problems: &mut Problems) -> Option<Duration> {
    let text = env.get(name)?;
    let seconds = crate::scalar::number(&text).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    if seconds.is_none() {
        problems.env_error(name, "expected a number of seconds, not negative");
    }
    seconds
}

pub(crate) fn whole(env: &Environment<'_>, name: &str, problems: &mut Problems) -> Option<u32> {
    let number = env.get(name)?.parse().ok();
    if number.is_none() {
        problems.env_error(name, "expected a whole number, not negative");
    }
    number
}
