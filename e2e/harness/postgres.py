"""A private PostgreSQL cluster on loopback, started, stopped and started again by tests."""

import csv
import io
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from .ports import free_port
from .process import Process, eventually


def program(name):
    found = shutil.which(name)
    if found:
        return found
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    assert versions, f"{name} is missing: install PostgreSQL"
    return versions[-1]


# A copy of gigabytes.
COPY_SECONDS = 600


class Postgres:
    # Commits reach the operating system, which outlives what these tests do to PostgreSQL.
    settings = ("fsync=off", "listen_addresses=127.0.0.1", "max_connections=60")

    def __init__(self, log_dir):
        # PostgreSQL refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        self._log_dir = log_dir
        self.home = Path(tempfile.mkdtemp(prefix="bulkhead-pg-", dir="/tmp"))
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.home, owner.pw_uid, owner.pw_gid)
        self.port = free_port()
        self._fill()
        self.start()
        self.url = f"postgresql://bulkhead@127.0.0.1:{self.port}/postgres"

    def _fill(self):
        self._run([program("initdb"), "-D", self.home / "data", "-U", "bulkhead", "-A", "trust", "-E", "UTF8", "--no-sync"])

    def _run(self, command, seconds=60, text=None):
        user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        done = subprocess.run([str(part) for part in command], input=text, capture_output=True, text=True, cwd="/tmp",
                              timeout=seconds, **user)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self):
        flags = [part for setting in self.settings for part in ("-c", setting)]
        command = [program("postgres"), "-D", self.home / "data", "-p", self.port, "-k", self.home, *flags]
        self.process = Process("postgres", command, self._log_dir, cwd="/tmp", user=self.user)
        eventually(lambda: self.sql("select 1", "postgres") == "1", 30, "PostgreSQL's start")

    def _psql(self, database):
        flags = ["-h", "127.0.0.1", "-p", self.port, "-U", "bulkhead", "-d", database, "-At", "-v", "ON_ERROR_STOP=1"]
        return [program("psql"), *flags]

    def sql(self, statement, database):
        """The answer of one statement, as text."""
        return self._run([*self._psql(database), "-c", statement]).strip()

    def script(self, statements, database, seconds):
        """Statements of any length, one after the other."""
        self._run([*self._psql(database), "-q", "-f", "-"], seconds, ";\n".join(statements) + ";\n")

    def rows(self, query, database):
        """The rows of a query, as dictionaries of text."""
        text = self.sql(f"copy ({query}) to stdout with (format csv, header)", database)
        return list(csv.DictReader(io.StringIO(text)))

    def database(self, name):
        """A fresh database, and its URL."""
        self.sql(f"create database {name}", "postgres")
        return f"postgresql://bulkhead@127.0.0.1:{self.port}/{name}"

    def stop(self):
        """Ends it at once, breaking every connection, as a failing machine would."""
        self.process.stop(signal.SIGQUIT)

    def close(self):
        if self.process.popen.poll() is None:
            self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class Replica(Postgres):
    """A streaming replica that applies what the writer commits only `lag_seconds` later."""

    def __init__(self, log_dir, writer, lag_seconds):
        self._writer = writer
        # So late a replica would end any query that meets what it is to clear away; this one waits for it.
        late = f"recovery_min_apply_delay={lag_seconds}s"
        self.settings = (*self.settings, late, "max_standby_streaming_delay=-1")
        super().__init__(log_dir)

    def _fill(self):
        self._run([
            program("pg_basebackup"), "-D", self.home / "data", "-R", "-c", "fast", "--no-sync",
            "-h", "127.0.0.1", "-p", self._writer.port, "-U", "bulkhead",
        ], COPY_SECONDS)

    def url_of(self, database):
        return f"postgresql://bulkhead@127.0.0.1:{self.port}/{database}"
