"""The compositions, and the nginx of the larger one, run for real in front of servers that say who they are."""

import json
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import yaml

from harness.bulkhead import run
from harness.helm import ROOT
from harness.nginx import Front
from harness.postgres import Postgres, program
from harness.ports import free_port
from harness.process import Process, eventually

FOLDER = ROOT / "deploy/docker"


def composition(name):
    return yaml.safe_load((FOLDER / name).read_text())


@pytest.mark.parametrize("name", ["compose.yaml", "compose.production.yaml"])
def test_what_is_named_is_there(name):
    whole = composition(name)
    stages = set(re.findall(r" AS ([\w-]+)$", (FOLDER / "Dockerfile").read_text(), re.M))
    for service, said in whole["services"].items():
        if "build" in said:
            assert said["build"]["target"] in stages and (FOLDER / said["build"]["context"] / said["build"]["dockerfile"]).exists()
            assert said["read_only"] and said["cap_drop"] == ["ALL"], service
        for volume in said.get("volumes", []):
            source = volume.split(":")[0]
            assert (FOLDER / source).exists() if source.startswith(".") else source in whole["volumes"], volume
        for other in said.get("depends_on", []):
            assert other in whole["services"], other


def test_no_secret_is_written_out():
    for name in ("compose.yaml", "compose.production.yaml"):
        for service in composition(name)["services"].values():
            environment = service.get("environment", {})
            if isinstance(environment, dict):
                for key, value in environment.items():
                    assert value.startswith("${") or not re.search("KEY|PASSWORD", key), key


def test_commands_and_variables_are_those_of_the_binary():
    sources = "".join(path.read_text() for path in ROOT.glob("crates/*/src/**/*.rs"))
    for name in ("compose.yaml", "compose.production.yaml"):
        for said in composition(name)["services"].values():
            if said.get("image") == "bulkhead":
                code, _, error = run([*said["command"], "--help"])
                assert code == 0, error
                for variable in said["environment"]:
                    assert f'"{variable.removesuffix("_READ_REPLICA")}"' in sources, variable


def test_the_locations_are_those_of_the_code():
    code, locations, error = run(["routes", "--format", "nginx"])
    assert code == 0, error
    kept = FOLDER / "locations.conf"
    assert locations == kept.read_text(), f"refresh it: bulkhead routes --format nginx > {kept.relative_to(ROOT)}"


class Named:
    """A server that answers everything with its name."""

    def __init__(self, name):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(200)
                self.send_header("content-length", str(len(name)))
                self.end_headers()
                self.wfile.write(name.encode())

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def front(log_dir):
    named = {name: Named(name) for name in ("gateway", "backend", "ui")}
    front = Front(log_dir, FOLDER, {name: one.url for name, one in named.items()})
    yield front.url
    front.close()
    for one in named.values():
        one.server.shutdown()


def belongs_to(path, routes):
    """The component of a path, as the table has it: the first rule that takes it."""
    for route in routes:
        root = route["path"].rstrip("/")
        if path == route["path"] or (route["match"] == "prefix" and (path == root or path.startswith(root + "/"))):
            return route["component"]
    return "backend"


def test_every_documented_route_reaches_its_component(front):
    code, routes, error = run(["routes", "--format", "json"])
    assert code == 0, error
    routes = json.loads(routes)
    document = json.loads((ROOT / "ui/openapi.json").read_text())["paths"]
    listed = re.findall(r"\| `(?:GET|POST|PUT|PATCH|DELETE) (/[^`?]*)`", (ROOT / "docs/compatibility.md").read_text())
    data_plane = [
        "/v1/chat/completions", "/chat/completions", "/openai/deployments/gpt-4o/chat/completions", "/engines/gpt-4o/embeddings",
        "/v1/completions", "/v1/embeddings", "/v1/messages", "/v1/messages/count_tokens", "/v1/models", "/models/gpt-4o",
        "/health/liveness", "/health/readiness", "/metrics", "/metrics/",
    ]
    near = ["/", "/ui", "/ui/", "/ui/keys/", "/uikit", "/_next/static/a.js", "/_nextx", "/favicon.ico", "/favicon.icon", "/v1/chats", "/healthy"]
    asked = {re.sub(r"\{[^}]*\}", "x", path) for path in [*document, *listed, *data_plane, *near]}
    assert len(asked) > 150
    with httpx.Client(base_url=front) as client:
        wrong = {path: said for path in sorted(asked) if (said := client.get(path).text) != belongs_to(path, routes)}
    assert wrong == {}
    assert {belongs_to(path, routes) for path in data_plane} == {"gateway"}
    assert belongs_to("/uikit", routes) == "backend" and belongs_to("/ui/keys/", routes) == "ui"


def test_a_replica_is_made_by_its_script(log_dir, tmp_path):
    """The script of the replica, against a PostgreSQL of this machine."""
    writer = Postgres(log_dir)
    try:
        url = writer.database("bulkhead")
        folder = writer.home / "replica"
        programs = str(Path(program("postgres")).parent)
        port = free_port()
        env = {
            "PATH": f"{programs}:/usr/bin:/bin", "PGDATA": str(folder), "POSTGRES_USER": "bulkhead", "POSTGRES_PASSWORD": "any",
            "PRIMARY_HOST": "127.0.0.1", "PRIMARY_PORT": str(writer.port),
        }
        command = ["bash", FOLDER / "postgres-replica.sh", "-p", port, "-k", writer.home]
        replica = Process("replica", command, log_dir, env=env, cwd="/tmp", user=writer.user)
        ask = ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "bulkhead", "-d", "bulkhead", "-Atc", "select pg_is_in_recovery()"]
        answer = lambda: subprocess.run(ask, capture_output=True, text=True, env=env).stdout.strip() == "t"
        eventually(answer, 30, "the replica's start")
        assert url and replica.stop() == 0
    finally:
        writer.close()
