"""The binary under test: how it is found, configured, started, and asked."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import httpx

from .process import Process, children, eventually

# Prices of every scripted deployment, in nano-dollars per token; as written into the configuration.
PRICES = {"input": 3_000, "output": 15_000, "cache_read": 300, "cache_write": 3_750}
PRICE_FIELDS = """
      input_cost_per_token: 0.000003
      output_cost_per_token: 0.000015
      cache_read_input_token_cost: 0.0000003
      cache_creation_input_token_cost: 0.00000375"""

# Variables that would change what the binary does.
_CLEARED = (
    "DATABASE_URL", "CONFIG_FILE_PATH", "PORT", "HOST", "LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "NUM_WORKERS",
    "BULKHEAD_DATA_DIR", "UI_USERNAME", "UI_PASSWORD", "OPENAI_API_KEY", "ANTHROPIC_API_KEY",
)


def binary():
    named = os.environ.get("BULKHEAD_BIN")
    if named:
        assert Path(named).exists(), f"BULKHEAD_BIN names {named}, which is not there"
        return Path(named)
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path.home() / ".cache/bulkhead/target"))
    for profile in ("release", "debug"):
        if (target / profile / "bulkhead").exists():
            return target / profile / "bulkhead"
    raise AssertionError("the binary is not built: cargo build -p bulkhead-app")


def environment(**extra):
    """This process's environment without what would reach into the binary, with what the test sets."""
    kept = {name: value for name, value in os.environ.items() if name not in _CLEARED and not name.endswith("_API_KEY")}
    return {**kept, **{name: str(value) for name, value in extra.items()}}


def new_master_key():
    return "sk-" + secrets.token_urlsafe(24)


def deployment(name, model, base, key="provider-key", extra="", info=PRICE_FIELDS):
    return f"""
  - model_name: {name}
    litellm_params:
      model: {model}
      api_base: {base}
      api_key: {key}{extra}
    model_info:
      id: id-{name.replace('*', 'star').replace('/', '-')}{info}"""


def config(upstream, more="", settings=""):
    """A configuration with one deployment per dialect, and several that tests may send into cool-down."""
    openai, anthropic = f"{upstream.url}/v1", upstream.url
    models = [
        deployment("oai", "openai/up-openai", openai),
        deployment("ant", "anthropic/up-claude", anthropic),
        deployment("azure", "azure/up-azure", upstream.url, extra='\n      api_version: "2024-10-21"'),
        deployment("embed", "openai/up-embed", openai, info=PRICE_FIELDS + "\n      mode: embedding"),
        deployment("instruct", "text-completion-openai/up-instruct", openai, info=PRICE_FIELDS + "\n      mode: completion"),
        deployment("wild/*", "openai/wild-*", openai),
        deployment("wrong-key", "openai/up-openai", openai, key="wrong-provider-key"),
        deployment("nowhere", "openai/up-openai", "http://127.0.0.1:9/v1"),
        deployment("patient", "openai/up-openai", openai, extra="\n      timeout: 1"),
    ]
    models += [deployment(f"oai-{n}", f"openai/up-openai-{n}", openai) for n in range(16)]
    models += [deployment(f"ant-{n}", f"anthropic/up-claude-{n}", anthropic) for n in range(16)]
    return f"""model_list:{''.join(models)}{more}
litellm_settings:
  num_retries: 0
  request_timeout: 30{settings}
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
"""


class Api:
    """A client of one address with one key."""

    def __init__(self, url, key=None):
        self.url = url
        self.key = key
        self.http = httpx.Client(base_url=url, timeout=30, headers={"authorization": f"Bearer {key}"} if key else {})

    def get(self, path, **kwargs):
        return self.http.get(path, **kwargs)

    def post(self, path, body=None, **kwargs):
        return self.http.post(path, json=body, **kwargs) if body is not None else self.http.post(path, **kwargs)

    def put(self, path, body):
        return self.http.put(path, json=body)

    def delete(self, path):
        return self.http.delete(path)

    def with_key(self, key):
        return Api(self.url, key)

    def ok(self, response):
        assert response.status_code == 200, f"{response.status_code}: {response.text[:2000]}"
        return response.json()

    def generate(self, **fields):
        """A new virtual key's answer."""
        return self.ok(self.post("/key/generate", fields))

    def chat(self, model, text="hello", **fields):
        body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
        return self.post("/v1/chat/completions", body)

    def row(self, call_id, seconds=10):
        """The one row of the ledger for a call id, once it has arrived."""
        def look():
            rows = self.ok(self.get("/spend/logs", params={"request_id": call_id}))
            assert len(rows) <= 1, f"{len(rows)} rows for {call_id}: {rows}"
            return rows
        return eventually(look, seconds, f"the row of {call_id}")[0]

    def close(self):
        self.http.close()


class Up:
    """`bulkhead up` in a data folder of its own."""

    def __init__(self, log_dir, config_text=None, master_key=None, data_dir=None, env=None, cwd=None, arguments=()):
        self.home = Path(cwd or tempfile.mkdtemp(prefix="bulkhead-e2e-"))
        self.data_dir = Path(data_dir or self.home / "data")
        self.log_dir = log_dir
        if config_text is not None:
            (self.home / "config.yaml").write_text(config_text)
        variables = dict(env or {})
        if master_key:
            variables["LITELLM_MASTER_KEY"] = master_key
        self._env = environment(**variables)
        self._arguments = arguments
        self.master_key = master_key
        self.start()

    def start(self, port=0):
        command = [binary(), "up", "--host", "127.0.0.1", "--port", port, "--data-dir", self.data_dir, *self._arguments]
        self.process = spawn("up", command, self.log_dir, self._env, self.home)
        self.url = self.process.wait_for(r"^ready: (http://\S+)")[1].rstrip("/")
        self.admin = Api(self.url, self.master_key)

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def role(self, name):
        """The process id of the gateway or the backend."""
        def find():
            for pid, command in children(self.process.pid).items():
                if name in command and "nice" not in command[0]:
                    return pid
            return None
        return eventually(find, 10, f"a {name} process")

    def stop(self, number=signal.SIGTERM):
        self.admin.close()
        return self.process.stop(number)

    def close(self):
        if self.process.popen.poll() is None:
            self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


def spawn(name, command, log_dir, env, cwd):
    # `Process` adds to this process's environment; `env -i` makes sure that nothing else comes along.
    prefix = ["env", "-i", *(f"{key}={value}" for key, value in env.items())]
    return Process(name, [*prefix, *command], log_dir, cwd=cwd)


def role(name, log_dir, arguments, env, cwd, program=None):
    """Starts one role, of another binary where one is named, and returns its process and the URL that it answers on."""
    process = spawn(name, [program or binary(), name, "--host", "127.0.0.1", *arguments], log_dir, environment(**env), cwd)
    return process, process.wait_for(rf"{name} ready: (http://\S+)")[1].rstrip("/")


def run(arguments, env=None, cwd=None, seconds=60, program=None):
    """Runs the binary, or the one that is named, to its end: exit code, standard output, standard error."""
    done = subprocess.run(
        [str(program or binary()), *map(str, arguments)], env=environment(**(env or {})), cwd=cwd, capture_output=True, text=True,
        timeout=seconds, stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


def nano(usd):
    """Nano-dollars of a USD figure in JSON."""
    return round(float(usd) * 1e9)


def cost_nano(billed):
    """What the provider's own count costs at the configured prices."""
    fresh = billed["input"] - billed["cache_read"] - billed["cache_write"]
    return (
        fresh * PRICES["input"]
        + billed["cache_read"] * PRICES["cache_read"]
        + billed["cache_write"] * PRICES["cache_write"]
        + billed["output"] * PRICES["output"]
    )
