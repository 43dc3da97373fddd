"""A child process whose output is kept, awaited by what it prints, and stopped by its id."""

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import httpx

START_SECONDS = 60
STOP_SECONDS = 40


class Process:
    """A running program. `lines` holds its standard output so far; its log file holds both streams."""

    running = []

    def __init__(self, name, command, log_dir, env=None, cwd=None, user=None):
        self.name = name
        self.log_path = Path(log_dir) / f"{name}-{time.monotonic_ns()}.log"
        self._log = open(self.log_path, "wb", buffering=0)
        self.lines = []
        self._changed = threading.Condition()
        self._ended = False
        extra = {"user": user, "group": user, "extra_groups": []} if user else {}
        self.popen = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            **extra,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        Process.running.append(self)

    @property
    def pid(self):
        return self.popen.pid

    def _read(self):
        for raw in self.popen.stdout:
            self._log.write(raw)
            with self._changed:
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, pattern, seconds=START_SECONDS):
        """The match of the first line of standard output that fits; fails at once when the program ends."""
        deadline = time.monotonic() + seconds
        seen = 0
        with self._changed:
            while True:
                while seen < len(self.lines):
                    found = re.search(pattern, self.lines[seen])
                    seen += 1
                    if found:
                        return found
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    how = f"ended with {self.popen.wait(5)}" if self._ended else f"said nothing like it for {seconds} s"
                    raise AssertionError(f"{self.name} {how}; waited for /{pattern}/\n{self.tail()}")
                self._changed.wait(left)

    def tail(self, lines=60):
        text = self.log_path.read_text("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])

    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    def send(self, number):
        self.popen.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=STOP_SECONDS):
        """Asks it to end and returns its exit code; kills it when it does not."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            self._forget()
            raise AssertionError(f"{self.name} did not end within {seconds} s of the signal\n{self.tail()}") from None
        self._forget()
        return code

    def kill(self):
        self.popen.kill()
        self.popen.wait()
        self._forget()

    def _forget(self):
        self._reader.join(5)
        if self in Process.running:
            Process.running.remove(self)
        self._log.close()


def children(pid):
    """The ids of a process's children, with their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(stat.rsplit(")", 1)[1].split()[1]) == pid:
            found[int(entry.name)] = [part.decode() for part in command if part]
    return found


def memory_bytes(pid, field="VmRSS"):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {field} of process {pid}")


def eventually(check, seconds=10, what="it"):
    """Calls `check` until it gives something true and returns that; an exception counts as not yet."""
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            value = check()
            if value:
                return value
            last = value
        except (AssertionError, KeyError, OSError, IndexError, httpx.TransportError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s; last seen: {last!r}")
        time.sleep(0.02)
