//! `bulkhead ui`: the dashboard's files, and nothing else.

use axum::Router;

use crate::cli::Ui;
use crate::error::Failure;
use crate::{dashboard, lifecycle, listen};

pub async fn run(ui: Ui) -> Result<(), Failure> {
    telemetry::logs::init_from_env();
    let listener = listen::open(&ui.listen, ui.port)?;
    println!("ui ready: {}", listen::url_of(&listener)?);
    let mut shutdown = lifecycle::shutdown()?;
    let router: Router = dashboard::router(ui.listen.root_path);
    axum::serve(tokio::net::TcpListener::from_std(listener)?, router)
        .with_graceful_shutdown(async move {
            let _ = shutdown.wait_for(|stop| *stop).await;
        })
        .await?;
    Ok(())
}
