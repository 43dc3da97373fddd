//! `bulkhead backend`: the control plane, and with `--with-ui` the dashboard's files beside it.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use backend::{AlertChannel, Catalog, ModelCard, State};
use domain::{Deployment, Usage};
use kit::{Clock, Rng, Secret};
use pricing::{Price, PriceBook};
use serde_json::{Map, Value};
use upstream::{OPENAI_API_BASE, OpenAiBill};

use crate::assembly::Assembly;
use crate::cli::Backend;
use crate::error::Failure;
use crate::system::{OsRng, SystemClock};
use crate::{dashboard, lifecycle, listen};

pub async fn run(options: Backend) -> Result<(), Failure> {
    telemetry::logs::init_from_env();
    lifecycle::die_with_supervisor(options.listen.inherit_listener);
    let assembly = Assembly::load(&options.common)?;
    let master_key = assembly.master_key()?;
    let mut state = state(&assembly, master_key).await?;
    let listener = listen::open(&options.listen, options.port)?;
    println!("backend ready: {}", listen::url_of(&listener)?);
    let mut shutdown = lifecycle::shutdown()?;
    let drain_delay = Duration::from_secs(options.drain_delay_seconds);
    let stop = async move {
        let _ = shutdown.wait_for(|stop| *stop).await;
        tokio::time::sleep(drain_delay).await;
    };
    let listener = tokio::net::TcpListener::from_std(listener)?;
    state.beyond = options.with_ui.then(|| dashboard::router(options.listen.root_path.clone()));
    state.root_path = options.listen.root_path;
    backend::serve(listener, state, stop).await?;
    Ok(())
}

async fn state(assembly: &Assembly, master_key: Secret) -> Result<State, Failure> {
    let environment = assembly.environment();
    let rng = || -> Box<dyn Rng> { Box::new(OsRng) };
    let vault = assembly.vault(&master_key)?;
    let clock = Arc::new(SystemClock::new());
    let mut state = State::new(assembly.connect().await?, vault, clock, Arc::new(rng), master_key);
    if let Some(name) = environment("UI_USERNAME") {
        state.ui_username = name;
    }
    if let Some(password) = environment("UI_PASSWORD") {
        state.ui_password = Secret::new(password);
    }
    state.catalog = catalog(assembly);
    let retention = assembly.config.settings.retention;
    state.audit_retention = retention.audit_log;
    state.quarter_hours_retention = retention.quarter_hours;
    state.calls_retention = retention.calls;
    state.alerts = alert_channels(&assembly.config.settings.alerts, &state.clock)?;
    state.bill = bill(&*environment, &state.clock)?;
    state.settings.clone_from(&assembly.config.facts);
    state.version = env!("CARGO_PKG_VERSION");
    Ok(state)
}

/// What is sent to them goes over connections of their own.
fn alert_channels(
    configured: &[config::AlertChannel],
    clock: &Arc<dyn Clock>,
) -> Result<Vec<AlertChannel>, Failure> {
    if configured.is_empty() {
        return Ok(Vec::new());
    }
    let client = client(clock)?;
    let channel = |channel: &config::AlertChannel| {
        let hook = upstream::Hook::new(client.clone(), &channel.url);
        let hook =
            hook.map_err(|error| Failure::Said(format!("alerts to {}: {error}", channel.format.as_str())))?;
        Ok(AlertChannel { format: channel.format, hook })
    };
    configured.iter().map(channel).collect()
}

/// The bill is read with a key of its own: `OPENAI_ADMIN_KEY`.
fn bill(
    environment: &(dyn Fn(&str) -> Option<String> + Send + Sync),
    clock: &Arc<dyn Clock>,
) -> Result<Option<OpenAiBill>, Failure> {
    let Some(key) = environment("OPENAI_ADMIN_KEY") else { return Ok(None) };
    let base = environment("OPENAI_ADMIN_API_BASE").unwrap_or_else(|| OPENAI_API_BASE.to_owned());
    let bill = OpenAiBill::new(client(clock)?, &base, &Secret::new(key));
    let bill =
        bill.map_err(|error| Failure::Said(format!("OPENAI_ADMIN_KEY, OPENAI_ADMIN_API_BASE: {error}")));
    bill.map(Some)
}

/// For what is sent elsewhere than to models.
fn client(clock: &Arc<dyn Clock>) -> Result<upstream::Client, Failure> {
    let extra_roots = std::env::var_os("SSL_CERT_FILE").map(std::path::PathBuf::from);
    let tls = upstream::tls::client_config(extra_roots.as_deref());
    let tls = tls.map_err(|error| Failure::Said(error.to_string()))?;
    Ok(upstream::Client::new(&upstream::ClientSettings::default(), &tls, clock.clone(), &mut OsRng))
}

fn catalog(assembly: &Assembly) -> Catalog {
    let book = Arc::new(PriceBook::builtin());
    let prices = book.clone();
    let cost = move |deployment: &Deployment, usage: &Usage| {
        // Prices that cannot be read were refused when the configuration was loaded.
        let own = Price::from_fields(&deployment.prices).ok().flatten();
        let listed = prices.find(&deployment.provider, &deployment.model, deployment.base_model.as_deref());
        own.as_ref().or(listed).map(|price| price.cost(usage).total)
    };
    let facts = Arc::new(move |deployment: &Deployment| {
        let listed = book.find(&deployment.provider, &deployment.model, deployment.base_model.as_deref());
        listed.map(fields).unwrap_or_default()
    });
    let card = |deployment: &Deployment| ModelCard {
        deployment: deployment.clone(),
        facts: facts(deployment),
        stored: None,
    };
    Catalog {
        cards: assembly.config.deployments.iter().map(card).collect(),
        credentials: assembly.config.credentials.clone(),
        settings: assembly.config.settings.clone(),
        environment: assembly.environment(),
        facts,
        cost: Arc::new(cost),
        tokens: Arc::new(pricing::estimate::tokens_in),
        cost_map: Arc::new(|| COST_MAP.clone()),
    }
}

/// The price book by model. A provider's name stands before its own models, but for those that have no other.
static COST_MAP: LazyLock<String> = LazyLock::new(|| {
    let book = PriceBook::builtin();
    let mut map = Map::new();
    for provider in domain::providers::KNOWN.iter().map(|provider| provider.name) {
        for model in book.models_of(provider) {
            let Some(price) = book.find(provider, model, None) else { continue };
            let mut facts = fields(price);
            facts.insert("litellm_provider".into(), provider.into());
            let is_bare = ["openai", "anthropic"].contains(&provider);
            map.insert(if is_bare { model.to_owned() } else { format!("{provider}/{model}") }, facts.into());
        }
    }
    Value::Object(map).to_string()
});

/// What the price book knows, under the compatible surface's names.
fn fields(price: &Price) -> Map<String, Value> {
    let info = &price.info;
    let known = [
        ("mode", Some(Value::from(info.mode.as_str()))),
        ("max_input_tokens", info.max_input_tokens.map(Value::from)),
        ("max_output_tokens", info.max_output_tokens.map(Value::from)),
    ];
    let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let capabilities = info.capabilities.flags().map(|flag| (flag.to_owned(), Value::from(true)));
    known.chain(price.to_fields()).chain(capabilities).collect()
}
