"""The official SDKs for Node, and the dashboard in a browser, run by Node's own test runner."""

import os
import subprocess
from pathlib import Path

import pytest

from harness.bulkhead import Up, deployment, new_master_key
from harness.helm import CHART, named, pods, render
from harness.images import Dashboard, Image
from harness.postgres import Postgres
from harness.split import Split

NODE = Path(__file__).parent / "node"


def node_tests(name, **env):
    done = subprocess.run(
        ["node", "--test", "--test-reporter=spec", f"{name}.test.mjs"], cwd=NODE, env={**os.environ, **env},
        capture_output=True, text=True, timeout=110,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "pass 0" not in done.stdout


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_sdk(up, key, sdk):
    node_tests(sdk, BULKHEAD_URL=up.url, BULKHEAD_KEY=key)


def models(upstream):
    demo = """
  - model_name: demo
    litellm_params:
      model: demo/demo"""
    priced = deployment("priced", "openai/up-openai", f"{upstream.url}/v1")
    return f"model_list:{priced}{demo}\ngeneral_settings:\n  master_key: os.environ/LITELLM_MASTER_KEY\n"


@pytest.mark.parametrize("root", ["", "/services/llm"])
def test_dashboard(log_dir, upstream, root):
    up = Up(log_dir, models(upstream), new_master_key(), env={"SERVER_ROOT_PATH": root})
    try:
        env = {"BULKHEAD_URL": up.url, "BULKHEAD_PASSWORD": up.master_key}
        node_tests("dashboard", **env)
    finally:
        up.close()


def test_dashboard_behind_nginx_under_a_path(log_dir, upstream):
    """The roles apart, with the dashboard of its image; the prefix is told as the chart tells it."""
    root = "/services/llm"
    manifests = render(CHART / "ci/prefix.yaml")
    assert {one["name"]: one.get("value") for one in pods(manifests)["backend"]["spec"]["containers"][0]["env"]}["SERVER_ROOT_PATH"] == root
    prefix = named(manifests, "ConfigMap", "-ui-prefix")["data"]["prefix.conf"]
    postgres, image = Postgres(log_dir), Image()
    dashboard = Dashboard(log_dir, image, root, prefix)
    split = Split(log_dir, upstream, postgres, root, models(upstream), ui=dashboard.url)
    try:
        node_tests("dashboard", BULKHEAD_URL=split.url + root, BULKHEAD_PASSWORD=split.master_key)
    finally:
        split.close()
        dashboard.close()
        image.close()
        postgres.close()
