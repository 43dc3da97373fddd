//! Connections: accepted up to a bound, with time limits against slow clients, drained at the end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use domain::RootPath;
use http::{Request, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tower_service::Service as _;

use crate::audit::keep_bounded;
use crate::openapi::router;
use crate::settings::allowed_ips;
use crate::state::State;
use crate::{alerts, calls, fold, prune, windows};

/// Longest wait for open requests once shutdown began.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the system refused a connection, as when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Largest head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Serves the control plane until `shutdown` resolves, then lets open requests end.
///
/// # Errors
/// When the listener has no address, which means it is not usable at all.
pub async fn serve(
    listener: TcpListener,
    state: State,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let (limits, root_path) = (state.limits, state.root_path.clone());
    tracing::info!(address = %listener.local_addr()?, "control plane is listening");
    let state = Arc::new(state);
    let _chores = [
        Chore(tokio::spawn(allowed_ips::follow(state.clone()))),
        Chore(tokio::spawn(keep_bounded(state.clone()))),
        Chore(tokio::spawn(prune::run(state.store.clone(), state.clock.clone()))),
        Chore(tokio::spawn(fold::keep_bounded(state.clone()))),
        Chore(tokio::spawn(calls::keep_bounded(state.clone()))),
        Chore(tokio::spawn(fold::run(state.store.clone(), state.clock.clone()))),
        Chore(tokio::spawn(windows::run(state.store.clone(), state.clock.clone()))),
        Chore(tokio::spawn(alerts::watch(state.clone()))),
        Chore(tokio::spawn(alerts::send(state.clone()))),
    ];
    let router = router(state);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(HEAD_BYTES_MAX);
    let (graceful, places) = (GracefulShutdown::new(), Arc::new(Semaphore::new(limits.connections_max)));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let (router, root_path) = (router.clone(), root_path.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            if let Some(inner) = beneath(&root_path, request.uri()) {
                *request.uri_mut() = inner;
            }
            router.clone().call(request.map(Body::new))
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still open at the end");
    }
    Ok(())
}

/// What is asked beneath the path under which everything is served; `None` where it is asked without that.
fn beneath(root: &RootPath, uri: &Uri) -> Option<Uri> {
    root.beneath(uri.path_and_query()?.as_str())?.parse().ok()
}

/// A background task that ends with its owner.
struct Chore(JoinHandle<()>);

impl Drop for Chore {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Place = tokio::sync::OwnedSemaphorePermit;

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, Place)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, peer, place))
        }
        Err(error) => {
            tracing::warn!(%error, "connection was not accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}
