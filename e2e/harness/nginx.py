"""nginx in front of the split roles, routing as `bulkhead routes` says."""

import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path

from .ports import free_port
from .process import Process, eventually

CONFIG = """
daemon off;
worker_processes 1;
{user}
pid {home}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  client_max_body_size 0;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_buffering off;
  proxy_request_buffering off;
  proxy_read_timeout 600s;
  {upstreams}
  server {{
    listen 127.0.0.1:{port};
    {locations}
  }}
}}
"""


class Nginx:
    def __init__(self, log_dir, locations, urls):
        """`urls`: where the gateway, the backend and the dashboard answer."""
        self.home = Path(tempfile.mkdtemp(prefix="bulkhead-nginx-", dir="/tmp"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        upstreams = "\n  ".join(
            f"upstream bulkhead_{name} {{ server {url.removeprefix('http://')}; keepalive 32; }}" for name, url in urls.items()
        )
        user = "user root;" if os.geteuid() == 0 else ""
        text = CONFIG.format(home=self.home, port=self.port, user=user, upstreams=upstreams, locations=locations)
        (self.home / "nginx.conf").write_text(text)
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = Process("nginx", [program, "-p", self.home, "-c", self.home / "nginx.conf"], log_dir)
        eventually(self._answers, 10, "nginx's start")

    def _answers(self):
        assert self.process.popen.poll() is None, self.process.tail()
        socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        return True

    def close(self):
        self.process.stop(signal.SIGTERM)
        shutil.rmtree(self.home, ignore_errors=True)


class Front:
    """The nginx of the production composition, as its files say, with the addresses of this machine."""

    def __init__(self, log_dir, folder, urls):
        self.home = Path(tempfile.mkdtemp(prefix="bulkhead-front-", dir="/tmp"))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        text = (folder / "nginx.conf").read_text()
        for name, service in (("gateway", "gateway-1:4000"), ("gateway", "gateway-2:4000"), ("backend", "backend:4001"), ("ui", "ui:3000")):
            assert f"server {service};" in text, service
            text = text.replace(f"server {service};", f"server {urls[name].removeprefix('http://')};")
        text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};").replace("/tmp/", f"{self.home}/")
        text = text.replace("/etc/nginx/bulkhead-locations.conf", str(folder / "locations.conf"))
        if os.geteuid() == 0:
            text = "user root;\n" + text
        (self.home / "nginx.conf").write_text(text)
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        command = [program, "-p", self.home, "-c", self.home / "nginx.conf", "-g", "daemon off;"]
        self.process = Process("front", command, log_dir)
        eventually(lambda: socket.create_connection(("127.0.0.1", port), timeout=1).close() or True, 10, "nginx's start")

    def close(self):
        self.process.stop(signal.SIGTERM)
        shutil.rmtree(self.home, ignore_errors=True)
