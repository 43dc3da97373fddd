//! `bulkhead up`: everything on this machine, as two processes under one supervisor.

use std::net::SocketAddr;

use domain::RootPath;

use crate::assembly::Assembly;
use crate::banner::Banner;
use crate::cli::Up;
use crate::error::Failure;
use crate::supervisor::{self, Event, Role};
use crate::system::OsRng;
use crate::{lifecycle, listen};

pub async fn run(up: Up) -> Result<(), Failure> {
    telemetry::logs::init_from_env();
    lifecycle::die_with_supervisor(up.listen.inherit_listener);
    let mut assembly = Assembly::load(&up.common)?;
    let key_file = assembly.ensure_master_key(&mut OsRng)?;
    let listener = listen::open(&up.listen, up.port)?;
    let backend = listen::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    migrate(&assembly).await?;

    let root_path = &up.listen.root_path;
    let url = format!("{}{}", listen::url_of(&listener)?, root_path.as_str());
    let master_key = assembly.master_key()?;
    let file = assembly.data_dir.master_key_file();
    let banner = Banner {
        url: &url,
        master_key: &master_key,
        key_file: key_file.map(|new| (file.as_path(), new)),
        model: assembly.example_model(),
    };
    let text = banner.render();
    let roles = roles(&assembly, listener, backend, root_path)?;
    supervisor::run(roles, |Event::AllReady| println!("{text}\nready: {url}")).await?;
    Ok(())
}

async fn migrate(assembly: &Assembly) -> Result<(), Failure> {
    let store = assembly.connect().await?;
    let pending = store.migration_status().await?.pending();
    if pending > 0 {
        store.migrate_up().await?;
        tracing::info!("brought the database schema to this version ({pending} migrations)");
    }
    store.close().await;
    Ok(())
}

fn roles(
    assembly: &Assembly,
    listener: std::net::TcpListener,
    backend: std::net::TcpListener,
    root_path: &RootPath,
) -> Result<Vec<Role>, Failure> {
    let mut common = assembly.common_arguments();
    common.extend(["--root-path".to_owned(), root_path.as_str().to_owned()]);
    // Secrets go by the environment, which only the owner can read, not by the command line.
    let environment = vec![
        ("LITELLM_MASTER_KEY", assembly.master_key()?.reveal().to_owned()),
        ("BULKHEAD_DATABASE_URL", assembly.database_url.clone()),
    ];
    let arguments = |role: &str, more: &[&str]| {
        [&[role.to_owned()], common.as_slice(), &more.iter().map(ToString::to_string).collect::<Vec<_>>()]
            .concat()
    };
    let backend_address = backend.local_addr()?.to_string();
    Ok(vec![
        Role {
            name: "backend",
            arguments: arguments("backend", &["--with-ui", "--drain-delay-seconds", "0"]),
            environment: environment.clone(),
            listener: backend,
            nice: true,
        },
        Role {
            name: "gateway",
            arguments: arguments(
                "gateway",
                &["--front-door-backend", &backend_address, "--drain-delay-seconds", "0"],
            ),
            environment,
            listener,
            nice: false,
        },
    ])
}
