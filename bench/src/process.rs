//! Child processes: started, awaited by their ready line, read by `/proc`, ended with the run.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Result;

/// Clock ticks per second in `/proc/PID/stat`; fixed by the kernel's interface on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Says where this process listens, for the one that started it.
pub fn announce(name: &str, address: SocketAddr) -> Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{name} ready: http://{address}")?;
    stdout.flush()?;
    Ok(())
}

/// A running child, killed when dropped; asked to end first.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// Starts `command` and waits for its line `<prefix>ready: http://<address>`.
    ///
    /// # Errors
    /// When it does not start, or ends before it is ready.
    pub fn start(mut command: Command, prefix: &str) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let wanted = format!("{prefix}ready: http://");
        let address = loop {
            let Some(line) = lines.next() else {
                return Err(format!("{command:?} ended before it was ready: {}", child.wait()?).into());
            };
            if let Some(address) = line?.strip_prefix(&wanted) {
                break address.trim_end_matches('/').parse()?;
            }
        };
        // What else it prints is read and dropped, so that it never waits for us.
        std::thread::spawn(move || for _ in lines {});
        Ok(Self { child, address })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// CPU seconds that a process has used so far, in user and kernel mode.
///
/// # Errors
/// When the process is gone.
pub fn cpu_seconds(id: u32) -> Result<f64> {
    cpu_of(Path::new(&format!("/proc/{id}/stat")))
}

fn cpu_of(path: &Path) -> Result<f64> {
    let stat = fs::read_to_string(path)?;
    let (_, fields) = stat.rsplit_once(')').ok_or("a stat line without a name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // Fields 14 and 15 of the line; the name is field 2, and what follows it begins with field 3.
    Ok((ticks(11) + ticks(12)) / TICKS_PER_SECOND)
}

/// CPU seconds by name of thread, numbers at the end of names left out.
///
/// # Errors
/// When the process is gone.
pub fn cpu_by_thread(id: u32) -> Result<BTreeMap<String, f64>> {
    let mut threads = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{id}/task"))? {
        let path = entry?.path();
        let (Ok(name), Ok(seconds)) = (fs::read_to_string(path.join("comm")), cpu_of(&path.join("stat")))
        else {
            continue;
        };
        let name = name.trim().trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned();
        *threads.entry(name).or_insert(0.0) += seconds;
    }
    Ok(threads)
}

/// A field of `/proc/PID/status` that is given in kB, in bytes.
///
/// # Errors
/// When the process is gone or has no such field.
pub fn memory_bytes(id: u32, field: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kilobytes.ok_or("no such field")? * 1024)
}

/// The child of `parent` whose command line has `word` as an argument.
///
/// # Errors
/// When there is none.
pub fn child_with(parent: u32, word: &str) -> Result<u32> {
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let of_parent =
            stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if of_parent == Some(parent) && command.split(|byte| *byte == 0).any(|part| part == word.as_bytes()) {
            return Ok(id);
        }
    }
    Err(format!("process {parent} has no child `{word}`").into())
}
