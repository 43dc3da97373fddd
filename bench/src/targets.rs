//! What is measured: the provider alone, a bare proxy before it, and Bulkhead before it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{self, Process};
use crate::wire::{self, Answer};
use crate::{Result, mock};

const PATH: &str = "/v1/chat/completions";
/// A budget that no run reaches, so that the budget is checked and never refuses.
const BUDGET_USD: f64 = 1_000_000.0;
/// A prompt of everyday size.
const PROMPT_WORDS: usize = 100;

pub struct Target {
    pub name: &'static str,
    pub address: SocketAddr,
    /// The process whose CPU and memory count.
    pub process: u32,
    pub whole: Vec<u8>,
    pub streamed: Vec<u8>,
}

/// All processes of a run; they end with it.
pub struct Field {
    pub targets: Vec<Target>,
    /// Bulkhead's control plane, which runs beside the gateway.
    pub backend: u32,
    pub mock: u32,
    key: String,
    master_key: String,
    _processes: Vec<Process>,
    _home: TempDir,
}

fn body(stream: bool) -> String {
    let prompt: Vec<String> = (0..PROMPT_WORDS).map(|n| format!("word{n}")).collect();
    let mut body = json!({
        "model": "bench", "temperature": 0.7, "max_tokens": 256,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": prompt.join(" ")}
        ]
    });
    if stream {
        body["stream"] = true.into();
    }
    body.to_string()
}

impl Target {
    fn new(name: &'static str, address: SocketAddr, process: u32, key: &str) -> Self {
        let request = |stream| wire::request(address, PATH, key, &body(stream));
        Self { name, address, process, whole: request(false), streamed: request(true) }
    }
}

impl Field {
    /// Starts everything.
    ///
    /// # Errors
    /// When something does not start, or Bulkhead gives no key.
    pub fn start(bulkhead: &Path) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let own = |arguments: &[&str]| -> Result<Command> {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(arguments);
            Ok(command)
        };
        let mock = Process::start(own(&["mock"])?, "mock ")?;
        let proxy = Process::start(own(&["proxy", "--to", &mock.address.to_string()])?, "proxy ")?;
        let master_key = format!("sk-bench-{:016x}{:016x}", std::process::id(), mock.address.port());
        let up = start_bulkhead(bulkhead, home.path(), mock.address, &master_key)?;
        let gateway = process::child_with(up.id(), "gateway")?;
        let backend = process::child_with(up.id(), "backend")?;
        let made = call(up.address, "/key/generate", &master_key, &json!({"max_budget": BUDGET_USD}))?;
        let key = made["key"].as_str().ok_or("no key was made")?.to_owned();
        let targets = vec![
            Target::new("direct", mock.address, mock.id(), "none"),
            Target::new("bare proxy", proxy.address, proxy.id(), "none"),
            Target::new("bulkhead", up.address, gateway, &key),
        ];
        let mock_id = mock.id();
        Ok(Self {
            targets,
            backend,
            mock: mock_id,
            key,
            master_key,
            _processes: vec![up, proxy, mock],
            _home: home,
        })
    }

    /// What the ledger says that the key has spent, USD.
    ///
    /// # Errors
    /// When Bulkhead does not say.
    pub fn spend(&self) -> Result<f64> {
        let bulkhead = self.targets.last().ok_or("no targets")?;
        let path = format!("/key/info?key={}", self.key);
        let info = get(bulkhead.address, &path, &self.master_key)?;
        info["info"]["spend"].as_f64().ok_or_else(|| format!("no spend in {info}").into())
    }
}

/// What one call costs at the prices of the configuration, USD; whole and streamed.
pub const CALL_USD: (f64, f64) = ((25.0 * 3.0 + 12.0 * 15.0) / 1e6, (25.0 * 3.0 + 50.0 * 15.0) / 1e6);
const _: () = assert!(mock::STREAM_EVENTS == 50, "the streamed answer's usage says 50 tokens");

fn start_bulkhead(binary: &Path, home: &Path, mock: SocketAddr, master_key: &str) -> Result<Process> {
    let config = format!(
        "model_list:\n  - model_name: bench\n    litellm_params:\n      model: openai/bench-model\n      api_base: http://{mock}/v1\n      \
         api_key: bench\n    model_info:\n      input_cost_per_token: 0.000003\n      output_cost_per_token: 0.000015\n\
         general_settings:\n  master_key: os.environ/LITELLM_MASTER_KEY\n"
    );
    std::fs::write(home.join("config.yaml"), config)?;
    let log = std::fs::File::create(home.join("log"))?;
    let mut command = Command::new(binary);
    command
        .args(["up", "--host", "127.0.0.1", "--port", "0", "--config", "config.yaml", "--data-dir", "data"])
        .current_dir(home)
        .env("LITELLM_MASTER_KEY", master_key)
        .env_remove("DATABASE_URL")
        .stderr(Stdio::from(log));
    Process::start(command, "").map_err(|error| {
        let log = std::fs::read_to_string(home.join("log")).unwrap_or_default();
        format!("{error}\n{log}").into()
    })
}

pub fn call(to: SocketAddr, path: &str, key: &str, body: &Value) -> Result<Value> {
    exchange(to, &wire::request(to, path, key, &body.to_string()))
}

/// A JSON answer of Bulkhead.
///
/// # Errors
/// When it is not 200.
pub fn get(to: SocketAddr, path: &str, key: &str) -> Result<Value> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {key}\r\n\r\n");
    exchange(to, request.as_bytes())
}

fn exchange(to: SocketAddr, request: &[u8]) -> Result<Value> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(request)?;
    let mut answer = Answer::default();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err("no whole answer".into());
        }
        if answer.push(&buffer[..read])? {
            break;
        }
    }
    let text = String::from_utf8_lossy(&answer.body);
    if answer.status != 200 {
        return Err(format!("status {}: {text}", answer.status).into());
    }
    // A chunked answer has its lengths around it.
    let json = text.find('{').zip(text.rfind('}')).map_or("", |(start, end)| &text[start..=end]);
    Ok(serde_json::from_str(json)?)
}
