"""Where the incident happens: `bulkhead up` on SQLite, or split roles on PostgreSQL with a reader."""

import itertools
import os
import shutil
import signal
import tempfile
from pathlib import Path

from harness.bulkhead import Api, Up, config, new_master_key, role, run
from harness.fleet import Gateway
from harness.ports import free_port
from harness.postgres import Postgres, Replica
from harness.process import children, eventually

from .memory import Room
from .seed import PostgreSql, Sqlite, seed
from .timing import forget

_numbers = itertools.count()


class Alone:
    """One command on one machine; the supervisor brings the backend back."""

    name = "`up`, SQLite"

    def __init__(self, log_dir, upstream, size):
        self.home = Path(tempfile.mkdtemp(prefix="bulkhead-incident-"))
        (self.home / "data").mkdir()
        path = self.home / "data" / "bulkhead.db"
        self.master_key = new_master_key()
        migrate(f"sqlite://{path}", self.master_key)
        seed(Sqlite(path), size)
        self.up = Up(log_dir, config(upstream), self.master_key, data_dir=self.home / "data", cwd=self.home)
        self.admin, self.urls = self.up.admin, [self.up.url]
        self.room = Room()
        self.room.take(self.up.process.pid, *self.processes().values())

    def make_cold(self):
        port = self.up.port
        self.up.stop()
        forget(self.home / "data")
        self.up.start(port)
        self.admin = self.up.admin
        self.room.take(self.up.process.pid, *self.processes().values())
        self.await_backend()

    def processes(self):
        found = children(self.up.process.pid)
        return {name: pid for pid, command in found.items() for name in ("gateway", "backend") if name in command}

    def database_load(self):
        """No server whose work could be counted."""
        return 0, 0

    def end_backend(self, how):
        old = self.up.role("backend")
        how(old)
        eventually(lambda: self.up.role("backend") != old, 60, "the end of the backend")

    def await_backend(self):
        eventually(lambda: self.admin.get("/key/list").status_code == 200, 60, "the backend's return")

    def close(self):
        self.up.close()
        self.room.close()
        shutil.rmtree(self.home, ignore_errors=True)


class Server(Postgres):
    """Nothing here has to survive a crash of the machine."""

    settings = (*Postgres.settings, "full_page_writes=off", "max_wal_size=8GB")


class Split:
    """A gateway and a backend, a writer and a streaming reader; a backend that ends is started again, as a Deployment does it."""

    name = "split, PostgreSQL with a reader"

    def __init__(self, log_dir, upstream, size):
        self.home, self.log_dir = Path(tempfile.mkdtemp(prefix="bulkhead-incident-")), log_dir
        self.writer = Server(log_dir)
        self.database = f"incident_{next(_numbers)}"
        url = self.writer.database(self.database)
        self.master_key = new_master_key()
        migrate(url, self.master_key)
        seed(PostgreSql(self.writer, self.database), size)
        self.reader = Replica(log_dir, self.writer, 0)
        (self.home / "config.yaml").write_text(config(upstream))
        self.env = {"LITELLM_MASTER_KEY": self.master_key, "DATABASE_URL": url}
        self.room = Room()
        self.gateway = Gateway(self, 0, url)
        self.gateway.start()
        self.room.take(self.gateway.process.pid)
        self.urls = [self.gateway.url]
        self._port = free_port()
        self._start_backend()

    def _start_backend(self):
        arguments = ["--port", self._port, "--data-dir", self.home / "backend"]
        env = {**self.env, "DATABASE_URL_READ_REPLICA": self.reader.url_of(self.database)}
        self.backend, url = role("backend", self.log_dir, arguments, env, self.home)
        self.admin = Api(url, self.master_key)
        self.room.take(self.backend.pid)

    def make_cold(self):
        """Both databases: a report goes to the writer when the reader is not there yet."""
        servers = (self.reader, self.writer)
        self.admin.close()
        self.backend.stop()
        for server in servers:
            server.process.stop(signal.SIGINT)
            forget(server.home / "data")
        for server in reversed(servers):
            server.start()
        self._start_backend()
        self.await_backend()

    def processes(self):
        return {"gateway": self.gateway.process.pid, "backend": self.backend.pid}

    def database_load(self):
        """Reports that run on either server, and connections of ours to both."""
        load = """select count(*) filter (where application_name = 'bulkhead-reports' and state = 'active'), count(*)
                  from pg_stat_activity where application_name like 'bulkhead%'"""
        counts = [server.sql(load, self.database).split("|") for server in (self.writer, self.reader)]
        return tuple(sum(int(count) for count in column) for column in zip(*counts))

    def end_backend(self, how):
        how(self.backend.pid)
        self.backend.popen.wait(60)
        self._start_backend()

    def await_backend(self):
        eventually(lambda: self.admin.get("/key/list").status_code == 200, 60, "the backend's return")

    def close(self):
        self.admin.close()
        for process in (self.gateway.process, self.backend):
            process.stop()
        self.reader.close()
        self.writer.close()
        self.room.close()
        shutil.rmtree(self.home, ignore_errors=True)


def migrate(url, master_key):
    code, out, error = run(["migrate", "up"], env={"LITELLM_MASTER_KEY": master_key, "DATABASE_URL": url})
    assert code == 0, out + error


def kill(pid):
    os.kill(pid, signal.SIGKILL)
