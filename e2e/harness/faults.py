"""The fault proxy between gateways and their database."""

from .ports import free_port
from .testkit import Program


class FaultProxy(Program):
    def __init__(self, log_dir, to_port):
        self.port = free_port()
        super().__init__("fault-proxy", log_dir, [self.port, f"127.0.0.1:{to_port}"])

    def mode(self, mode, **more):
        """`pass`, `delay` (ms), `cut`, `half_open` or `reset`."""
        self.order("POST", "/mode", {"mode": mode, **more})

    def cut_commits(self, **counts):
        """Breaks the connection of so many commits to come: `unanswered` (the answer is swallowed), `unsent` (the
        database never hears of it) or `muted` (nor does it hear that the client is gone)."""
        self.order("POST", "/cut-commits", counts)

    def counts(self):
        return self.order("GET", "/counts")
