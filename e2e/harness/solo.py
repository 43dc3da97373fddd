"""A gateway alone, and streams that it has open."""

import sqlite3
import threading

import httpx

from .bulkhead import Api, config, deployment, new_master_key, role, run
from .process import eventually
from .upstream import script

CHAT = "/v1/chat/completions"


class Solo:
    """A gateway without backend or supervisor, on SQLite."""

    def __init__(self, home, log_dir, upstream):
        self.home, self.log_dir = home, log_dir
        base = f"{upstream.url}/v1"
        # Two deployments of one group: the first answers nobody.
        more = deployment("pair", "openai/up-dead", "http://127.0.0.1:9/v1", extra="\n      order: 1")
        more += deployment("pair", "openai/up-alive", base, extra="\n      order: 2").replace("id-pair", "id-alive")
        (home / "config.yaml").write_text(config(upstream, more=more))
        self.database = home / "solo.db"
        self.env = {"LITELLM_MASTER_KEY": new_master_key(), "DATABASE_URL": f"sqlite://{self.database}"}
        code, out, error = run(["migrate", "up"], env=self.env, cwd=home)
        assert code == 0, out + error

    def start(self, *arguments):
        arguments = ["--port", 0, "--data-dir", self.home / "data", *arguments]
        self.process, self.url = role("gateway", self.log_dir, arguments, self.env, self.home)
        self.api = self.admin = Api(self.url, self.env["LITELLM_MASTER_KEY"])

    def journals(self):
        """The folders of processes that left something."""
        return [path for path in (self.home / "data" / "journal").iterdir() if path.is_dir()]

    def rows(self, columns="call_id, status, output_tokens, usage_estimated"):
        with sqlite3.connect(self.database) as database:
            return database.execute(f"select {columns} from usage_events").fetchall()


class Stream(threading.Thread):
    """Reads a stream that has begun to its end, whatever that is."""

    def __init__(self, solo, words):
        super().__init__(daemon=True)
        self.solo, self.lines, self.broke = solo, [], None
        text, self.name = script(words)
        self.body = {"model": "oai", "stream": True, "messages": [{"role": "user", "content": text}]}
        self.call_id = f"stream-{self.name}"

    def run(self):
        try:
            with self.solo.api.http.stream("POST", CHAT, json=self.body, headers={"x-litellm-call-id": self.call_id}) as response:
                for line in response.iter_lines():
                    self.lines.append(line)
        except httpx.HTTPError as error:
            self.broke = error

    def begun(self, lines=10):
        self.start()
        eventually(lambda: len(self.lines) >= lines, 10, "the begin of a stream")
        return self
