//! Signals: when a role is to stop, and what a supervised role does when its supervisor is gone.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

/// Turns true at the first SIGTERM or SIGINT; a second one ends the process at once, journal intact.
pub fn shutdown() -> std::io::Result<watch::Receiver<bool>> {
    let (mut interrupts, mut terminations) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (tell, told) = watch::channel(false);
    tokio::spawn(async move {
        for times in 1.. {
            tokio::select! { _ = interrupts.recv() => {}, _ = terminations.recv() => {} }
            if times > 1 {
                info!("second signal: ending at once");
                std::process::exit(1);
            }
            info!("asked to stop: draining");
            let _ = tell.send(true);
        }
    });
    Ok(told)
}

/// Asks the kernel to end this role when its supervisor dies, so that none is left behind holding the port.
pub fn die_with_supervisor(supervised: bool) {
    if supervised
        && let Err(error) =
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
    {
        tracing::warn!("this role would outlive its supervisor: {error}");
    }
}
