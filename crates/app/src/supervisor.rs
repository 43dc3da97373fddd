//! Runs the roles of `up` as operating-system processes, starts them again when they end, and ends with
//! them.

use std::io;
use std::net::TcpListener;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, getpriority_process, kill_process, setpriority_pgrp};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{info, warn};

/// First pause before a role is started again; doubled up to the longest while it does not even become ready.
const RESTART_PAUSE_MIN: Duration = Duration::from_millis(50);
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Ready lines that wait to be read; a role prints one at each start.
const READY_LINES_MAX: usize = 16;
/// How much nicer than the gateway the backend is to others: a busy dashboard must not slow inference.
const BACKEND_NICENESS: i32 = 10;
const NICENESS_MAX: i32 = 19;

/// A role to run: its arguments and the socket that it answers on.
pub struct Role {
    pub name: &'static str,
    pub arguments: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
    pub listener: TcpListener,
    pub nice: bool,
}

impl Role {
    fn start(&self) -> io::Result<Child> {
        let program = std::env::current_exe()?;
        let mut command = Command::new(program);
        command
            .args(&self.arguments)
            .arg("--inherit-listener")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(self.listener.try_clone()?)))
            .stdout(Stdio::piped())
            // A group of its own, so that a terminal's Ctrl-C reaches the supervisor alone and the roles
            // are asked to drain once.
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn()?;
        if self.nice {
            yield_to_others(&child);
        }
        Ok(child)
    }
}

/// Lowers the priority of all threads that the child has, and of those that it will start. No program is asked to do it: images
/// without a shell have none.
fn yield_to_others(child: &Child) {
    let own = getpriority_process(None).unwrap_or_default();
    let lowered =
        pid_of(child).map(|group| setpriority_pgrp(Some(group), (own + BACKEND_NICENESS).min(NICENESS_MAX)));
    if let Some(Err(error)) = lowered {
        warn!("the backend keeps the priority of requests: {error}");
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
}

/// What the supervisor tells while it runs.
pub enum Event {
    /// Every role has said that it answers.
    AllReady,
}

/// Runs the roles until a signal asks to stop: then each is asked to drain, and a second signal is passed
/// on as well. Returns when all have ended.
pub async fn run(roles: Vec<Role>, mut tell: impl FnMut(Event)) -> io::Result<()> {
    let (mut interrupts, mut terminations) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (ready, mut readies) = mpsc::channel(READY_LINES_MAX);
    let (stop, stopping) = tokio::sync::watch::channel(0_u32);
    let mut tasks = tokio::task::JoinSet::new();
    let mut waiting: Vec<_> = roles.iter().map(|role| role.name).collect();
    for role in roles {
        tasks.spawn(keep_running(role, ready.clone(), stopping.clone()));
    }
    let mut announced = false;
    loop {
        tokio::select! {
            _ = interrupts.recv() => stop.send_modify(|times| *times += 1),
            _ = terminations.recv() => stop.send_modify(|times| *times += 1),
            Some(name) = readies.recv() => {
                waiting.retain(|role| *role != name);
                if waiting.is_empty() && !announced {
                    announced = true;
                    tell(Event::AllReady);
                }
            }
            ended = tasks.join_next() => match ended {
                None => return Ok(()),
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => return Err(error),
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
    }
}

async fn keep_running(
    role: Role,
    ready: mpsc::Sender<&'static str>,
    mut stopping: tokio::sync::watch::Receiver<u32>,
) -> io::Result<()> {
    let mut pause = RESTART_PAUSE_MIN;
    while *stopping.borrow() == 0 {
        let mut child = role.start()?;
        let was_ready = announce_ready(&mut child, role.name, ready.clone());
        let status = until_ended(&mut child, &mut stopping).await?;
        if *stopping.borrow() > 0 {
            info!("{} ended: {status}", role.name);
            return Ok(());
        }
        // Whoever came up was stopped by something else than its own start: clients wait for it to come back.
        if was_ready.load(Ordering::Relaxed) {
            pause = RESTART_PAUSE_MIN;
        }
        warn!("{} ended unasked ({status}); starting it again in {} ms", role.name, pause.as_millis());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopping.changed() => {}
        }
        pause = (pause * 2).min(RESTART_PAUSE_MAX);
    }
    Ok(())
}

/// Waits for the child, passing on each request to stop as SIGTERM.
async fn until_ended(
    child: &mut Child,
    stopping: &mut tokio::sync::watch::Receiver<u32>,
) -> io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return status,
            changed = stopping.changed() => {
                if changed.is_ok() {
                    terminate(child);
                }
            }
        }
    }
}

fn terminate(child: &Child) {
    if let Some(pid) = pid_of(child)
        && let Err(error) = kill_process(pid, Signal::TERM)
    {
        warn!("cannot signal process {pid:?}: {error}");
    }
}

/// Watches a role's standard output for its ready line; logs go to standard error and pass by. Tells whether
/// the line has come.
fn announce_ready(
    child: &mut Child,
    name: &'static str,
    ready: mpsc::Sender<&'static str>,
) -> Arc<AtomicBool> {
    let was_ready = Arc::new(AtomicBool::new(false));
    let Some(stdout) = child.stdout.take() else { return was_ready };
    let noting = was_ready.clone();
    tokio::spawn(async move {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains(" ready: ") {
                noting.store(true, Ordering::Relaxed);
                let _ = ready.send(name).await;
            }
        }
    });
    was_ready
}
