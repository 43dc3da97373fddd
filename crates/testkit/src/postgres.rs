//! A private Postgres for tests: started once for all tests that run at the time, stopped when the
//! last of them is gone.
//!
//! Each test process holds a shared lock on a file for as long as it lives, however it ends. A small
//! shell process waits for the exclusive lock, which it can only get when no test is left, then stops
//! the server and removes its folder.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

/// The one database user; it needs no password, since the server listens on 127.0.0.1 only.
const USER: &str = "bulkhead";
/// Connections of all tests together.
const CONNECTIONS_MAX: u32 = 400;
/// How long the shared server outlives its last test, so that tests in a row need only one.
const LINGER_SECS: u32 = 2;
/// Another process may take the port that was free a moment ago.
const PORTS_TRIED: u32 = 5;

type Result<T> = std::result::Result<T, String>;

/// A fresh, empty database on the shared server.
///
/// # Errors
/// A sentence that says what is missing or went wrong.
pub fn database() -> Result<String> {
    static SHARED: Mutex<Option<Cluster>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = match shared.take() {
        Some(cluster) => cluster,
        None => Cluster::shared()?,
    };
    let url = cluster.create_database();
    *shared = Some(cluster);
    url
}

/// A Postgres server in a folder of its own.
pub struct Cluster {
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Locked for as long as the server is needed.
    _lease: File,
}

impl Cluster {
    /// A server for this process alone, to be stopped and started at will. It is gone when the value is
    /// dropped or the process ends.
    ///
    /// # Errors
    /// A sentence that says what is missing or went wrong.
    pub fn private() -> Result<Self> {
        let folder = folder_named(&format!("private-{}-{}", std::process::id(), serial()));
        fs::create_dir_all(&folder).map_err(|error| at("make", &folder, &error))?;
        let lease = lease(&folder)?;
        let binaries = binaries()?;
        let port = start_new(&binaries, &folder)?;
        watch(&binaries, &folder, 0)?;
        Ok(Self { binaries, folder, port, _lease: lease })
    }

    fn shared() -> Result<Self> {
        let binaries = binaries()?;
        let folder = folder_named("shared");
        fs::create_dir_all(&folder).map_err(|error| at("make", &folder, &error))?;
        let gate = open(&folder.join("gate"))?;
        gate.lock().map_err(|error| at("lock", &folder, &error))?;
        let lease = lease(&folder)?;
        let port = match running_port(&folder) {
            Some(port) => port,
            None => {
                let port = start_new(&binaries, &folder)?;
                watch(&binaries, &folder, LINGER_SECS)?;
                port
            }
        };
        Ok(Self { binaries, folder, port, _lease: lease })
    }

    /// A fresh, empty database on this server.
    ///
    /// # Errors
    /// A sentence that says what went wrong.
    pub fn create_database(&self) -> Result<String> {
        let name = format!("t{}_{}", std::process::id(), serial());
        let port = self.port.to_string();
        let arguments = ["-h", "127.0.0.1", "-p", &port, "-U", USER, "-T", "template0", &name];
        run(&self.binaries.join("createdb"), arguments, None)?;
        Ok(format!("postgres://{USER}@127.0.0.1:{port}/{name}"))
    }

    /// Runs SQL text in one of its databases.
    ///
    /// # Errors
    /// A sentence that says what went wrong.
    pub fn sql(&self, url: &str, text: &str) -> Result<()> {
        run(&self.binaries.join("psql"), ["-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", text], None)
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server as a crash would: connections break, nothing is flushed.
    ///
    /// # Errors
    /// A sentence that says what went wrong.
    pub fn stop(&self) -> Result<()> {
        control(&self.binaries, &self.folder, &["stop", "-m", "immediate"])
    }

    /// Starts it again on the same port.
    ///
    /// # Errors
    /// A sentence that says what went wrong.
    pub fn start(&self) -> Result<()> {
        start(&self.binaries, &self.folder, self.port)
    }
}

fn serial() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A folder that belongs to this user of the machine.
fn folder_named(name: &str) -> PathBuf {
    let user = fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid());
    std::env::temp_dir().join(format!("bulkhead-postgres-{user}")).join(name)
}

fn open(path: &Path) -> Result<File> {
    File::options().create(true).append(true).open(path).map_err(|error| at("open", path, &error))
}

fn lease(folder: &Path) -> Result<File> {
    let file = open(&folder.join("lease"))?;
    file.lock_shared().map_err(|error| at("lock", folder, &error))?;
    Ok(file)
}

fn running_port(folder: &Path) -> Option<u16> {
    let port = fs::read_to_string(folder.join("port")).ok()?.trim().parse().ok()?;
    TcpStream::connect(("127.0.0.1", port)).ok().map(|_| port)
}

/// Where Postgres keeps its programs: newest version first.
fn binaries() -> Result<PathBuf> {
    let mut places = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        places.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    let mut versions = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect::<Vec<_>>())
        .unwrap_or_default();
    versions.sort_by_key(|path| {
        std::cmp::Reverse(path.file_name().and_then(OsStr::to_str).and_then(|name| name.parse::<u32>().ok()))
    });
    places.extend(versions.into_iter().map(|version| version.join("bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    places.extend(std::env::split_paths(&path));
    places.into_iter().find(|place| place.join("initdb").is_file()).ok_or_else(|| {
        "these tests need PostgreSQL's server programs (`initdb`, `postgres`): install them, for example \
         with `apt-get install postgresql`"
            .to_owned()
    })
}

/// Makes a new data folder and starts a server on it; returns its port.
fn start_new(binaries: &Path, folder: &Path) -> Result<u16> {
    let data = folder.join("data");
    if data.exists() {
        // Left by a run that was cut off.
        let _ = control(binaries, folder, &["stop", "-m", "immediate"]);
        fs::remove_dir_all(&data).map_err(|error| at("remove", &data, &error))?;
    }
    fs::create_dir_all(&data).map_err(|error| at("make", &data, &error))?;
    fs::set_permissions(&data, Permissions::from_mode(0o700))
        .map_err(|error| at("prepare", &data, &error))?;
    if let Some((user, group)) = stand_in() {
        chown(&data, Some(user), Some(group)).map_err(|error| at("hand over", &data, &error))?;
    }
    let arguments =
        ["-U", USER, "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"].map(OsStr::new);
    run(&binaries.join("initdb"), arguments.into_iter().chain([data.as_os_str()]), stand_in())?;
    let mut last = String::new();
    for _ in 0..PORTS_TRIED {
        let port = free_port()?;
        match start(binaries, folder, port) {
            Ok(()) => {
                let file = folder.join("port");
                fs::write(&file, port.to_string()).map_err(|error| at("write", &file, &error))?;
                return Ok(port);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| format!("no free port: {error}"))?;
    Ok(listener.local_addr().map_err(|error| format!("no free port: {error}"))?.port())
}

/// Nothing here has to survive a crash of the machine, so nothing waits for the disk.
fn start(binaries: &Path, folder: &Path, port: u16) -> Result<()> {
    let options = format!(
        "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off \
         -c synchronous_commit=off -c full_page_writes=off -c max_connections={CONNECTIONS_MAX} \
         -c shared_buffers=64MB -c log_min_messages=fatal"
    );
    control(binaries, folder, &["start", "-w", "-t", "60", "-o", &options])
}

fn control(binaries: &Path, folder: &Path, arguments: &[&str]) -> Result<()> {
    let data = folder.join("data");
    let log = data.join("server.log");
    let fixed = ["-D".as_ref(), data.as_os_str(), "-l".as_ref(), log.as_os_str(), "-s".as_ref()];
    run(&binaries.join("pg_ctl"), fixed.into_iter().chain(arguments.iter().map(OsStr::new)), stand_in())
}

/// Leaves a process behind that ends the server once nobody holds a lease any more. It asks for the gate
/// first, so that no test can come in between its last look and the end.
fn watch(binaries: &Path, folder: &Path, linger_secs: u32) -> Result<()> {
    const SCRIPT: &str = r#"
        while :; do
            flock "$1/lease" true; sleep "$3"
            exec 8>>"$1/gate"; flock 8
            exec 9>>"$1/lease"
            if flock -n 9; then
                pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
                [ -n "$pid" ] && kill -QUIT "$pid" && while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
                rm -rf "$1/data" "$1/port"; [ "$3" = 0 ] && rm -rf "$1"
                exit
            fi
            exec 9>&- 8>&-
        done"#;
    let mut command = Command::new("setsid");
    command.args(["-f", "sh", "-c", SCRIPT, "watch"]).arg(folder).arg(binaries).arg(linger_secs.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status =
        command.status().map_err(|error| format!("these tests need `setsid` and `flock`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the watcher of the test Postgres failed: {status}")) }
}

/// Postgres refuses to run as root: then it runs as `postgres`, or as `nobody`.
fn stand_in() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid()) != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let fields = fields.into_iter().find(|fields| fields.first() == Some(&name))?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody"))
}

fn run<I, S>(program: &Path, arguments: I, user: Option<(u32, u32)>) -> Result<()>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(program);
    command.args(arguments).current_dir("/").env("LC_ALL", "C").stdin(Stdio::null());
    if let Some((user, group)) = user {
        command.gid(group).uid(user);
    }
    // A server started by `pg_ctl` keeps its parent's output open; a pipe would never end.
    let errors = tempfile::tempfile().map_err(|error| format!("no temporary file: {error}"))?;
    let copy = errors.try_clone().map_err(|error| format!("no temporary file: {error}"))?;
    let status = command.stdout(Stdio::null()).stderr(copy).status();
    let status = status.map_err(|error| at("run", program, &error))?;
    if status.success() {
        return Ok(());
    }
    let mut said = String::new();
    let mut errors = errors;
    let _ = io::Seek::rewind(&mut errors).and_then(|()| io::Read::read_to_string(&mut errors, &mut said));
    Err(format!("{} failed ({status}): {}", program.display(), said.trim()))
}

fn at(verb: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {verb} {}: {error}", path.display())
}
