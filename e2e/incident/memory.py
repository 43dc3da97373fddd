"""A backend whose memory runs out: in a control group that has no more to give, the kernel ends it."""

import os
import threading
from pathlib import Path

import httpx

# What the process may take besides what it has.
ROOM_BYTES = 2 << 20
# The largest body that a backend reads, so that it has something to hold; and how many come at once.
BODY_BYTES, AT_ONCE = 900_000, 16
ROOT = Path("/sys/fs/cgroup")


# The machine that the roles believe to be on.
ROOM_GIB = 8


def _group(name="incident"):
    """The folder of a control group for this process's tests and the name of its limit; `None` where none can be made."""
    for root, limit in ((ROOT / "memory", "memory.limit_in_bytes"), (ROOT, "memory.max")):
        group = root / f"bulkhead-{name}-{os.getpid()}"
        try:
            group.mkdir(exist_ok=True)
            if (group / limit).exists():
                return group, limit
            group.rmdir()
        except OSError:
            pass
    return None


def can_run_out():
    return _group() is not None


class Room:
    """Memory that gateway and backend share, where the machine allows control groups; elsewhere they have the machine's."""

    def __init__(self):
        found = _group("room")
        self.group = found and found[0]
        if found:
            group, limit = found
            (group / limit).write_text(str(ROOM_GIB << 30))

    def take(self, *pids):
        if self.group:
            for pid in pids:
                (self.group / "cgroup.procs").write_text(str(pid))

    def said(self):
        return f"Gateway and backend share a control group of {ROOM_GIB} GiB." if self.group else "No control group could be made."

    def close(self):
        if self.group:
            self.group.rmdir()


def run_out(pid, url, key):
    """Leaves the process hardly any more memory, and gives it work until the kernel has ended it."""
    group, limit = _group()
    (group / limit).write_text(str(ROOM_BYTES))
    (group / "cgroup.procs").write_text(str(pid))
    over = threading.Event()

    def press():
        with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=10) as client:
            while not over.is_set() and _lives(pid):
                try:
                    client.post("/key/generate", json={"metadata": {"text": "x" * BODY_BYTES}, "duration": "nonsense"})
                except httpx.TransportError:
                    over.wait(0.1)

    threads = [threading.Thread(target=press, daemon=True) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    over.set()
    assert not _lives(pid), "the backend has more memory than its group"
    group.rmdir()


def _lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
