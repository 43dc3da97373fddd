"""Ports that stay free between two starts of a server."""

import itertools
import os
import socket

# Below the range from which Linux gives ports to outgoing connections (32768 and up): one of those may not take
# the port of a server that is down, nor connect to itself there.
_FIRST, _COUNT = 15_000, 17_000
_next = itertools.count(os.getpid() * 37 % _COUNT)


def free_port():
    while True:
        port = _FIRST + next(_next) % _COUNT
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
