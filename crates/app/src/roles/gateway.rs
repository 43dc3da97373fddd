//! `bulkhead gateway`: the data plane. Requests are served by worker threads of their own; shipping, tailing
//! and metrics run on a runtime beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gateway::{
    BodyMemory, Clients, Core, Doors, Drain, FrontDoor, Prices, Pulses, RoutingNow, Server, Settings, Worker,
};
use kit::{Clock, Rng, SeededRng};
use ledger::Ledger;
use policy::{DiskCopy, ModelFollower, Replica, Stock};
use routing::CooldownSettings;
use store::Store;
use telemetry::metrics::{GaugeName, Metrics};
use tokio::sync::watch;

use crate::assembly::Assembly;
use crate::cli::Gateway;
use crate::error::Failure;
use crate::system::{OsRng, SystemClock};
use crate::{lifecycle, listen, models};

/// Threads of the runtime that ships, tails and counts.
const BACKGROUND_THREADS: usize = 1;
/// How much nicer than the workers the background is to others (0 to 19).
const BACKGROUND_NICENESS: i32 = 10;
/// How often gauges are set.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);
/// A worker that has not turned for so long is stuck, and liveness says so. Longer than any worker is busy with
/// one thing, or starved by a machine that still does its work.
const STUCK_AFTER: Duration = Duration::from_secs(10);
const MIB: u64 = 1 << 20;

pub fn run(gateway: Gateway) -> Result<(), Failure> {
    telemetry::logs::init_from_env();
    lifecycle::die_with_supervisor(gateway.listen.inherit_listener);
    let background = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(BACKGROUND_THREADS)
        .thread_name("background")
        .on_thread_start(yield_to_workers)
        .enable_all()
        .build()?;
    background.block_on(serve(gateway))
}

/// Lowers the priority of the calling thread, and of the threads that it will start (the database's): rows
/// may reach the database a little later, a request may not wait for them.
fn yield_to_workers() {
    if let Err(error) = rustix::process::setpriority_process(None, BACKGROUND_NICENESS) {
        tracing::warn!("the background threads keep the priority of requests: {error}");
    }
}

async fn serve(options: Gateway) -> Result<(), Failure> {
    let assembly = Assembly::load(&options.common)?;
    let master_key = assembly.master_key()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let store = Store::connect_lazy(&assembly.store_settings())?;
    let copy =
        DiskCopy::new(assembly.data_dir.policy_snapshot(), assembly.salt_key(&master_key), Box::new(OsRng));
    let replica = Arc::new(Replica::load_or_empty(copy, policy::Settings::default()));
    let journal = journal_settings(&assembly.config.settings.journal, worker_count(options.workers));
    let ledger = Ledger::open(&assembly.data_dir.journal(), journal, clock.clone())
        .map_err(|error| Failure::Said(error.to_string()))?;
    let follower = ModelFollower::new(assembly.vault(&master_key)?, assembly.data_dir.models_snapshot());
    let stock = follower.load();
    let core = Arc::new(core(&assembly, &options, master_key, &clock, &replica, &ledger, &stock)?);
    let listener = listen::open(&options.listen, options.port)?;
    let url = listen::url_of(&listener)?;

    let shutdown = lifecycle::shutdown()?;
    let (drained, after_drain) = watch::channel(false);
    let modelling = tokio::spawn(follow_models(
        follower,
        stock,
        (store.clone(), replica.clone()),
        (core.clone(), assembly),
        after_drain.clone(),
    ));
    let tailing = tokio::spawn(tail(replica.clone(), store.clone(), clock.clone(), after_drain.clone()));
    let shipping = tokio::spawn(ship(ledger.clone(), store, replica.clone(), after_drain.clone()));
    let gauges = tokio::spawn(set_gauges(core.clone(), after_drain));

    let probes =
        options.health_port.map(|port| listen::bind((options.listen.host, port).into())).transpose()?;
    let drain = Drain {
        delay: Duration::from_secs(options.drain_delay_seconds),
        time_max: Duration::from_secs(options.drain_seconds),
    };
    let workers = workers(&core, &clock, worker_count(options.workers))?;
    let server = Server::start(core, workers, drain.time_max)?;
    println!("gateway ready: {url}");
    if let Some(probes) = &probes {
        println!("probes at: {}", listen::url_of(probes)?);
    }
    server.run(Doors { requests: listener, probes }, drain, shutdown).await?;
    let _ = drained.send(true);
    let _ = tokio::join!(modelling, tailing, shipping, gauges);
    Ok(())
}

fn core(
    assembly: &Assembly,
    options: &Gateway,
    master_key: kit::Secret,
    clock: &Arc<dyn Clock>,
    replica: &Arc<Replica>,
    ledger: &Ledger,
    stock: &Stock,
) -> Result<Core, Failure> {
    let mut settings = settings(assembly, master_key)?;
    settings.root_path = options.listen.root_path.clone();
    let cooldown = CooldownSettings {
        cooldown: assembly.config.settings.cooldown_time,
        allowed_fails: assembly.config.settings.allowed_fails,
        disabled: assembly.config.settings.disable_cooldowns,
    };
    let aliases = assembly.config.settings.model_group_alias.iter();
    let aliases = aliases
        .map(|(name, to)| (name.clone(), routing::Alias { group: to.group.clone(), hidden: to.hidden }))
        .collect();
    let table_options = routing::Options { aliases, cooldown };
    let deployments = models::deployments(&assembly.config, stock, &assembly.environment());
    let prices = Arc::new(Prices::new(pricing::PriceBook::builtin()));
    let bodies = Arc::new(BodyMemory::new(settings.bodies_bytes_max));
    let front_door = options.front_door_backend.clone().map(|backend| {
        let root_path = settings.root_path.clone();
        FrontDoor::new(backend, options.front_door_ui.clone(), root_path, bodies.clone())
    });
    Ok(Core {
        settings,
        routing: RoutingNow::new(
            deployments,
            table_options,
            prices.clone(),
            assembly.environment(),
            clock.clone(),
        ),
        prices,
        replica: replica.clone(),
        metrics: Arc::new(Metrics::new()),
        ledger: ledger.clone(),
        clock: clock.clone(),
        bodies,
        in_flight: Arc::new(AtomicUsize::new(0)),
        draining: AtomicBool::new(false),
        cutting_off: AtomicBool::new(false),
        pulses: Pulses::new(worker_count(options.workers), STUCK_AFTER),
        front_door,
    })
}

fn settings(assembly: &Assembly, master_key: kit::Secret) -> Result<Settings, Failure> {
    let config = &assembly.config.settings;
    let key_header =
        config.key_header_name.as_deref().map(gateway::key_header).transpose().map_err(|_| {
            Failure::Said("general_settings.litellm_key_header_name is not a header name".into())
        })?;
    Ok(Settings {
        key_header,
        request_body_bytes_max: config.max_request_size_mb * MIB,
        response_body_bytes_max: config.max_response_size_mb * MIB,
        client_write_timeout: config.client_write_timeout,
        request_timeout: config.request_timeout,
        stream_timeout: config.stream_timeout,
        connect_timeout: config.connect_timeout,
        first_byte_timeout: config.first_byte_timeout,
        idle_timeout: config.idle_timeout,
        total_timeout: config.total_timeout,
        num_retries: config.num_retries,
        retry_delay_min: config.retry_after,
        drop_params: config.drop_params,
        allowed_ips: config.allowed_ips.clone(),
        use_forwarded_for: config.use_x_forwarded_for,
        trusted_proxies: config.trusted_proxy_ranges.clone(),
        budget_exceeded_status: config.budget_exceeded_status_code,
        metrics_need_key: config.require_auth_for_metrics_endpoint,
        journal_strict: config.journal.strict,
        ..Settings::with_master_key(master_key)
    })
}

fn journal_settings(journal: &config::Journal, workers: usize) -> ledger::Settings {
    let fsync = match journal.fsync {
        config::JournalFsync::Group(interval) => ledger::Fsync::Group(interval),
        config::JournalFsync::Os => ledger::Fsync::Os,
    };
    let settings = ledger::Settings { fsync, strict: journal.strict, ..ledger::Settings::default() };
    settings.with_room(u64::from(journal.max_size_mb) * MIB, workers)
}

/// As many as there are cores, unless it is said.
fn worker_count(wanted: Option<usize>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    wanted.unwrap_or_else(cores).max(1)
}

/// One maker per worker thread; a worker is made on its own thread.
fn workers(
    core: &Arc<Core>,
    clock: &Arc<dyn Clock>,
    count: usize,
) -> Result<Vec<impl FnOnce() -> Worker + Send + 'static>, Failure> {
    let extra_roots = std::env::var_os("SSL_CERT_FILE").map(std::path::PathBuf::from);
    let tls = upstream::tls::client_config(extra_roots.as_deref())
        .map_err(|error| Failure::Said(error.to_string()))?;
    let make = |_| {
        let (core, clock, tls) = (core.clone(), clock.clone(), tls.clone());
        let writer = core.ledger.writer();
        let mut rng = SeededRng::new(OsRng.next_u64());
        move || {
            let mut own = SeededRng::new(rng.next_u64());
            let clients = Clients::new(core.settings.connect_timeout, move |connect_timeout| {
                let settings = upstream::ClientSettings { connect_timeout, ..Default::default() };
                upstream::Client::new(&settings, &tls, clock.clone(), &mut own)
            });
            Worker::new(core, clients, writer, Box::new(rng))
        }
    };
    Ok((0..count).map(make).collect())
}

async fn tail(replica: Arc<Replica>, store: Store, clock: Arc<dyn Clock>, stop: watch::Receiver<bool>) {
    replica.run(store, clock, stopped(stop)).await;
}

/// Routes by what the database has, beside the configuration.
async fn follow_models(
    follower: ModelFollower,
    stock: Stock,
    (store, replica): (Store, Arc<Replica>),
    (core, assembly): (Arc<Core>, Assembly),
    stop: watch::Receiver<bool>,
) {
    if !assembly.config.settings.store_model_in_db {
        return;
    }
    let environment = assembly.environment();
    let apply = |stock: &Stock| {
        core.routing.replace(models::deployments(&assembly.config, stock, &environment));
        tracing::info!(models = stock.models.len(), "routing by the models of the database");
    };
    follower.run(store, stock, replica.models_changed(), apply, stopped(stop)).await;
}

async fn ship(ledger: Ledger, store: Store, replica: Arc<Replica>, stop: watch::Receiver<bool>) {
    let on_shipped = move |batch: ledger::ShippedBatch<'_>| {
        let shipped = batch.shipped;
        replica.shipped(batch.own, batch.events, &shipped.key_spend, shipped.at);
    };
    if let Err(error) = ledger.run(store, on_shipped, stopped(stop)).await {
        tracing::error!("the ledger has stopped shipping: {error}");
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn set_gauges(core: Arc<Core>, stop: watch::Receiver<bool>) {
    let mut stop = std::pin::pin!(stopped(stop));
    let mut ticks = tokio::time::interval(GAUGE_INTERVAL);
    loop {
        tokio::select! { _ = ticks.tick() => {}, () = &mut stop => return }
        let journal = core.ledger.stats();
        let policy = core.replica.status(core.clock.now());
        let gauges = [
            (GaugeName::RequestsInFlight, core.in_flight.load(Ordering::Relaxed) as f64),
            (GaugeName::DeploymentsCooling, cooling(&core) as f64),
            (GaugeName::JournalBytes, journal.bytes as f64),
            (GaugeName::JournalLagSeconds, journal.lag.as_secs_f64()),
            (GaugeName::JournalRefusedRecords, journal.refused as f64),
            (GaugeName::JournalWaitingRecords, journal.waiting_records as f64),
            (GaugeName::JournalShippedEvents, journal.shipped as f64),
            (GaugeName::JournalInterruptedCalls, journal.interrupted as f64),
            (GaugeName::JournalRejectedEvents, journal.rejected as f64),
            (GaugeName::JournalQuarantinedFiles, journal.quarantined_files as f64),
            (GaugeName::JournalBacklogBytes, journal.backlog_bytes as f64),
            (GaugeName::PolicyKeys, policy.keys as f64),
            (GaugeName::PolicyUnreadableKeys, policy.unreadable_keys as f64),
            (GaugeName::PolicyStalenessSeconds, policy.stale_for.as_secs_f64()),
        ];
        for (gauge, value) in gauges {
            core.metrics.set(gauge, value);
        }
    }
}

fn cooling(core: &Core) -> usize {
    core.routing.get().deployments.status().iter().filter(|status| status.cooling.is_some()).count()
}
