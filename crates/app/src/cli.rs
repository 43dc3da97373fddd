use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::RootPath;
use jiff::civil::Date;

/// An LLM gateway whose control plane cannot take down its data plane.
///
/// `bulkhead up` runs everything on this machine with an embedded database. The other commands are
/// the roles that `up` is made of, for running them as separate processes on PostgreSQL.
#[derive(Parser)]
#[command(name = "bulkhead", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run gateway, backend and dashboard on this machine, on one port, with an embedded database
    Up(Up),
    /// Run the data plane: the LLM endpoints, health and metrics
    Gateway(Gateway),
    /// Run the control plane: keys, spend, models, sign-in
    Backend(Backend),
    /// Serve the dashboard's files
    Ui(Ui),
    /// Change the database schema
    #[command(subcommand)]
    Migrate(Migrate),
    /// Keep stored provider keys and credentials safe
    #[command(subcommand)]
    Credentials(Credentials),
    /// Make right what was counted of past calls
    #[command(subcommand)]
    Usage(Usage),
    /// Print which path belongs to which component
    Routes(Routes),
    /// Look at config.yaml
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check configuration, database, disk and keys, and say what is wrong
    Doctor(Common),
    /// Check an installation from outside: mint a key, ask the demo model, wait for the row of spend
    Smoke(Smoke),
}

/// What most roles take.
#[derive(Args, Clone)]
pub struct Common {
    /// Configuration file; `config.yaml` in the working folder is used when there
    #[arg(long, env = "CONFIG_FILE_PATH", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for the embedded database, the journal, the policy snapshot and the master key
    #[arg(long, env = "BULKHEAD_DATA_DIR", value_name = "DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// Database: `postgresql://user:password@host/name` or `sqlite://path`. Unset: that of the
    /// configuration, else DATABASE_URL, else embedded SQLite in the data folder
    #[arg(long, env = "BULKHEAD_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

#[derive(Args, Clone)]
pub struct Listen {
    /// Address to listen on
    #[arg(long, env = "HOST", default_value = "0.0.0.0")]
    pub host: IpAddr,
    /// Path under which everything is served, such as /llm, where the host is shared with others. What is asked without it is
    /// answered too
    #[arg(long, env = "SERVER_ROOT_PATH", value_name = "PATH", default_value = "")]
    pub root_path: RootPath,
    /// Take the listening socket from standard input instead of opening one (the supervisor does this)
    #[arg(long, hide = true)]
    pub inherit_listener: bool,
}

#[derive(Args)]
pub struct Up {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub listen: Listen,
    /// Port for API, management and dashboard; 0 picks a free one
    #[arg(long, env = "PORT", default_value_t = 4000)]
    pub port: u16,
}

#[derive(Args)]
pub struct Gateway {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub listen: Listen,
    /// Port to listen on; 0 picks a free one
    #[arg(long, env = "PORT", default_value_t = 4000)]
    pub port: u16,
    /// Threads that serve requests, each with its own connections to providers; all cores when unset
    #[arg(long, env = "NUM_WORKERS", value_name = "N")]
    pub workers: Option<usize>,
    /// Forward what is not a data-plane path to this backend, so that one URL serves everything
    #[arg(long, value_name = "HOST:PORT")]
    pub front_door_backend: Option<String>,
    /// With a front door: where the dashboard is served; the backend when unset
    #[arg(long, value_name = "HOST:PORT")]
    pub front_door_ui: Option<String>,
    /// Seconds to go on listening after SIGTERM, no longer ready, so that load balancers hear of it first
    #[arg(long, env = "BULKHEAD_DRAIN_DELAY", value_name = "SECONDS", default_value_t = 3)]
    pub drain_delay_seconds: u64,
    /// A second port that answers liveness and readiness alone, whatever the request threads do
    #[arg(long, env = "SEPARATE_HEALTH_PORT", value_name = "PORT")]
    pub health_port: Option<u16>,
    /// Seconds to let running requests end after that
    #[arg(long, env = "GRACEFUL_SHUTDOWN_TIMEOUT", value_name = "SECONDS", default_value_t = 30)]
    pub drain_seconds: u64,
}

#[derive(Args)]
pub struct Backend {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub listen: Listen,
    /// Port to listen on; 0 picks a free one
    #[arg(long, env = "PORT", default_value_t = 4001)]
    pub port: u16,
    /// Serve the dashboard too
    #[arg(long)]
    pub with_ui: bool,
    /// Seconds to go on listening after SIGTERM, so that load balancers hear of it first
    #[arg(long, env = "BULKHEAD_DRAIN_DELAY", value_name = "SECONDS", default_value_t = 0)]
    pub drain_delay_seconds: u64,
}

#[derive(Args)]
pub struct Smoke {
    /// Where gateways answer: an ingress, a Service
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// Where the backend answers, when it is not the same
    #[arg(long, value_name = "URL")]
    pub management_url: Option<String>,
    /// Ask this model; unset, a demo model is made for the test and deleted after it
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    #[arg(long, env = "LITELLM_MASTER_KEY", value_name = "KEY", hide_env_values = true)]
    pub master_key: String,
}

#[derive(Args)]
pub struct Ui {
    #[command(flatten)]
    pub listen: Listen,
    /// Port to listen on; 0 picks a free one
    #[arg(long, env = "PORT", default_value_t = 3000)]
    pub port: u16,
}

#[derive(Subcommand)]
pub enum Migrate {
    /// Bring the schema to this version; safe to repeat, and to kill at any moment
    Up(MigrateUp),
    /// Take away what only older versions needed, once none of them runs; after it there is no way back to them
    Finish(MigrateFinish),
    /// Show which migrations have run
    Status(MigrateStatus),
}

#[derive(Args)]
pub struct MigrateUp {
    #[command(flatten)]
    pub common: Common,
    /// Seconds to go on trying while the database is away or a lock is taken
    #[arg(long, env = "BULKHEAD_MIGRATE_WAIT", value_name = "SECONDS", default_value_t = 60)]
    pub wait_seconds: u64,
}

#[derive(Args)]
pub struct MigrateFinish {
    #[command(flatten)]
    pub common: Common,
    /// Seconds to go on trying while the database is away, a lock is taken or an older version is still connected
    #[arg(long, env = "BULKHEAD_MIGRATE_WAIT", value_name = "SECONDS", default_value_t = 60)]
    pub wait_seconds: u64,
    /// Do not look for older versions: none of them runs. SQLite, which cannot tell, asks for it
    #[arg(long)]
    pub all_are_new: bool,
}

#[derive(Args)]
pub struct MigrateStatus {
    #[command(flatten)]
    pub common: Common,
    /// Print nothing but whether all of `up` have run, and fail when not: for init containers
    #[arg(long)]
    pub check: bool,
    /// With --check: seconds to wait for them
    #[arg(long, env = "BULKHEAD_MIGRATE_WAIT", value_name = "SECONDS", default_value_t = 60)]
    pub wait_seconds: u64,
}

#[derive(Subcommand)]
pub enum Credentials {
    /// Seal every stored secret with the present LITELLM_SALT_KEY (the master key without one); those of before are
    /// opened with BULKHEAD_OLD_SALT_KEY. May be broken off and run again
    Rotate(Common),
}

#[derive(Subcommand)]
pub enum Usage {
    /// Recompute what reports add up (quarter-hours, days and months) from the rows of single calls, while all serve
    ///
    /// Cells of usage and of latency that differ from the calls of their time are made right, days and quarter-hours from the
    /// calls, months from their days. Gateways go on as ever; what they ship meanwhile is counted once. Rows of calls, running
    /// totals, spend and budgets are not touched. Each part is a short transaction: it may be killed at any moment and run again.
    ///
    /// Days of which some calls are no longer kept (`maximum_spend_logs_retention_period`) are refused, since nothing tells what
    /// they should be. A month of which some calls are gone follows its days, if it is their sum.
    ///
    /// To see whether all is well:  bulkhead usage rebuild --from 2026-11-01 --dry-run
    Rebuild(Rebuild),
    /// Charge calls of the past at the prices of now
    ///
    /// For a model that had no price or a wrong one: set the price (in config.yaml, or of the stored model; the price book comes
    /// with the version), then let the calls of before follow. A call's own tokens are multiplied with the price that its
    /// deployment has now; its row, the roll-ups, the running totals, the spend of its key and of all who pay for it, and what
    /// counts against budgets move together by the difference. So a key may be over its budget afterwards.
    ///
    /// Without --apply it only tells what would change. Each part is one short transaction of up to 500 calls, told in the audit
    /// log; it may be killed at any moment and run again, and run again it changes nothing. Calls that never reached a provider,
    /// without tokens, or for which there is no price now stay as they are, as do those whose deployment had a price of its own
    /// and is gone. Tokens that were estimated are priced like others.
    ///
    /// For example:  bulkhead usage reprice --from 2026-11-01 --model my-model
    Reprice(Reprice),
}

#[derive(Args)]
pub struct Reprice {
    #[command(flatten)]
    pub common: Common,
    /// First day, UTC
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Date,
    /// Last day, UTC, which is meant too; today when unset
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub to: Option<Date>,
    /// Only calls of this model, by the provider's name of it
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Only calls that asked for this model, by the name that clients use
    #[arg(long, value_name = "NAME")]
    pub model_group: Option<String>,
    /// Change it; without, only tell what would change
    #[arg(long)]
    pub apply: bool,
}

#[derive(Args)]
pub struct Rebuild {
    #[command(flatten)]
    pub common: Common,
    /// First day, UTC
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Date,
    /// Last day, UTC, which is meant too; today when unset
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub to: Option<Date>,
    /// Only tell how cells differ from their calls
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
pub struct Routes {
    /// How to print them
    #[arg(long, value_enum, default_value_t = RouteFormat::Table)]
    pub format: RouteFormat,
    /// Path under which everything is served
    #[arg(long, env = "SERVER_ROOT_PATH", value_name = "PATH", default_value = "")]
    pub root_path: RootPath,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RouteFormat {
    Table,
    Json,
    /// `location` blocks for upstreams named bulkhead_gateway, bulkhead_backend and bulkhead_ui
    Nginx,
    /// A Kubernetes Ingress
    Ingress,
    /// A Gateway API HTTPRoute
    Httproute,
}

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Validate a configuration file: every problem with file, line and a sentence
    Check(Common),
}
