"""Clients that can leave at any point of a request, over HTTP/1.1 and over HTTP/2 with prior knowledge."""

import json
import socket
import time

import h2.config
import h2.connection
import h2.events

READ_BYTES = 1 << 16


class Leaver:
    """One request on a connection of its own. `left_us` is when the client left, in microseconds since 1970."""

    def __init__(self, port, key, path, body, call_id, seconds=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.path = path
        self.payload = json.dumps(body).encode()
        self.headers = {
            "authorization": f"Bearer {key}", "content-type": "application/json", "x-litellm-call-id": call_id,
            "content-length": str(len(self.payload)),
        }
        self.left_us = None

    def leave(self):
        self.left_us = time.time() * 1e6
        self._leave()

    def close(self):
        self.socket.close()


class Http1(Leaver):
    def send(self, share=1.0):
        """The head and a share of the body."""
        lines = [f"POST {self.path} HTTP/1.1", "host: localhost", *(f"{name}: {value}" for name, value in self.headers.items())]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + self.payload[: int(len(self.payload) * share)])

    def read(self):
        """Some of the answer; empty at its end."""
        return self.socket.recv(READ_BYTES)

    def _leave(self):
        self.socket.close()


class Http1Reset(Http1):
    """Leaves with RST."""

    def _leave(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()


class Http1HalfClosed(Http1):
    """Ends its sending side only."""

    def _leave(self):
        self.socket.shutdown(socket.SHUT_WR)


class Http1Pipelined(Http1):
    """Has sent more bytes behind its request, which nobody reads yet."""

    def send(self, share=1.0):
        super().send(share)
        if share == 1.0:
            self.socket.sendall(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n")


class Http2(Leaver):
    """Leaves by resetting its stream; the connection stays."""

    STREAM = 1

    def send(self, share=1.0):
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.h2.initiate_connection()
        pseudo = {":method": "POST", ":path": self.path, ":scheme": "http", ":authority": "localhost"}
        self.h2.send_headers(self.STREAM, [*pseudo.items(), *self.headers.items()])
        self.h2.send_data(self.STREAM, self.payload[: int(len(self.payload) * share)], end_stream=share == 1.0)
        self.socket.sendall(self.h2.data_to_send())

    def read(self):
        """Some of the answer. The windows are opened for what was read."""
        while True:
            data = self.socket.recv(READ_BYTES)
            if not data:
                return data
            pieces = []
            for event in self.h2.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, self.STREAM)
                    pieces.append(event.data)
                elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                    pieces.append(b"")
            self.socket.sendall(self.h2.data_to_send())
            if pieces:
                return b"".join(pieces)

    def _leave(self):
        self.h2.reset_stream(self.STREAM, error_code=8)
        self.socket.sendall(self.h2.data_to_send())


class Http2Closed(Http2):
    """Closes the whole connection."""

    def _leave(self):
        self.socket.close()
