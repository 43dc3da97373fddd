"""Requests made out of the OpenAPI document, sensible ones and others: no 5xx, and no answer that it does not describe.

`SCHEMATHESIS_EXAMPLES` sets how many are made for each operation beside those at the edges of each field.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.bulkhead import config, environment, new_master_key, role, run
from harness.postgres import Postgres

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", 4))
SEED = 1
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request, log_dir, upstream):
    """A backend alone, and its master key."""
    home = Path(tempfile.mkdtemp(prefix="bulkhead-openapi-"))
    (home / "config.yaml").write_text(config(upstream))
    postgres = Postgres(log_dir) if request.param == "postgres" else None
    url = postgres.database("openapi") if postgres else f"sqlite:{home}/bulkhead.db"
    env = {"LITELLM_MASTER_KEY": new_master_key(), "DATABASE_URL": url}
    code, out, error = run(["migrate", "up"], env=env, cwd=home)
    assert code == 0, out + error
    process, address = role("backend", log_dir, ["--port", 0, "--data-dir", home / "data"], env, home)
    yield address, env["LITELLM_MASTER_KEY"], process
    process.stop()
    if postgres:
        postgres.close()
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.timeout(3600)
def test_every_operation_answers_as_described(backend, tmp_path):
    address, master_key, process = backend
    command = [
        Path(sys.executable).with_name("schemathesis"), "run", f"{address}/openapi.json",
        "--header", f"Authorization: Bearer {master_key}", "--checks", CHECKS, "--phases", "examples,coverage,fuzzing",
        "--max-examples", EXAMPLES, "--seed", SEED, "--continue-on-failure", "--no-shrink", "--warnings", "off",
        # They send on to addresses elsewhere, which the tool would follow.
        "--exclude-path", "/get_image", "--exclude-path", "/get_favicon",
        # 503 is its answer about a model of which no deployment is healthy.
        "--exclude-path", "/health", "--no-color",
    ]
    # No file of its own, and no proxy on the way.
    env = environment(NO_PROXY="127.0.0.1", PYTHONHASHSEED=SEED)
    done = subprocess.run([str(part) for part in command], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "panicked" not in process.log()
