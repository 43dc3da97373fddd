use std::sync::Arc;
use std::time::Duration;

use domain::RootPath;
use kit::{Clock, KeyHash, Rng, Secret};
use store::{Store, Vault};

use crate::alerts::AlertChannel;
use crate::http::limits::Limits;
use crate::http::reports::ReportLimits;
use crate::models::Catalog;
use crate::session::DASHBOARD_PATH;
use crate::session::throttle::Throttle;
use crate::settings::allowed_ips::AllowedIps;

/// Makes sources of randomness that are fit for secrets.
pub type RngFactory = Arc<dyn Fn() -> Box<dyn Rng> + Send + Sync>;

/// All that the control plane works with.
pub struct State {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub rng: RngFactory,
    /// Seals what nobody else may read.
    pub vault: Vault,
    /// What the configuration offers.
    pub catalog: Catalog,
    pub master_key: Secret,
    /// `SERVER_ROOT_PATH`: what may stand before every path, and stands before those that browsers are sent to.
    pub root_path: RootPath,
    /// `UI_USERNAME`; the default is `admin`.
    pub ui_username: String,
    /// `UI_PASSWORD`; the default is the master key.
    pub ui_password: Secret,
    /// Of the product, as `/openapi.json` and `/health/readiness` tell it.
    pub version: &'static str,
    pub limits: Limits,
    pub report_limits: ReportLimits,
    /// How long the audit log is kept; forever without it.
    pub audit_retention: Option<Duration>,
    /// How long usage of quarter-hours is kept; `None` is forever.
    pub quarter_hours_retention: Option<Duration>,
    /// How long single calls are kept; `None` is forever.
    pub calls_retention: Option<Duration>,
    /// Who is told of budgets that are used up.
    pub alerts: Vec<AlertChannel>,
    /// Reads what OpenAI billed, with `OPENAI_ADMIN_KEY`.
    pub bill: Option<upstream::OpenAiBill>,
    /// Every setting of the configuration.
    pub settings: Vec<config::SettingFact>,
    /// Answers paths that are not the control plane's, such as the dashboard's files; 404 without it.
    pub beyond: Option<axum::Router>,
    pub(crate) throttle: Throttle,
    pub(crate) allowed_ips: AllowedIps,
}

/// State as handlers share it.
pub(crate) type Shared = Arc<State>;

impl State {
    /// A state with the default sign-in and limits; change its fields before it is used.
    pub fn new(
        store: Store,
        vault: Vault,
        clock: Arc<dyn Clock>,
        rng: RngFactory,
        master_key: Secret,
    ) -> Self {
        Self {
            store,
            vault,
            clock,
            rng,
            catalog: Catalog::default(),
            root_path: RootPath::default(),
            ui_username: "admin".into(),
            ui_password: master_key.clone(),
            master_key,
            version: env!("CARGO_PKG_VERSION"),
            limits: Limits::default(),
            report_limits: ReportLimits::default(),
            audit_retention: None,
            quarter_hours_retention: None,
            calls_retention: None,
            alerts: Vec::new(),
            bill: None,
            settings: Vec::new(),
            beyond: None,
            throttle: Throttle::default(),
            allowed_ips: AllowedIps::default(),
        }
    }

    /// A page of the dashboard, as browsers find it.
    pub(crate) fn dashboard(&self, query: &str) -> String {
        self.root_path.outside(&format!("{DASHBOARD_PATH}?{query}"))
    }

    /// A new id for a row.
    pub(crate) fn new_id(&self) -> String {
        kit::new_id(self.clock.now(), (self.rng)().as_mut()).to_string()
    }

    /// A new secret with 128 bits of chance: `sk-` and 22 characters, as the reference makes keys.
    pub(crate) fn new_secret(&self) -> (String, KeyHash) {
        let secret = format!("sk-{}", self.new_token());
        let hash = KeyHash::of(&secret);
        (secret, hash)
    }

    /// 22 characters with 128 bits of chance.
    pub(crate) fn new_token(&self) -> String {
        use base64::Engine as _;
        let mut bytes = [0; 16];
        (self.rng)().fill(&mut bytes);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }
}
