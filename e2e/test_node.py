"""The official SDKs for Node, and the dashboard in a browser, run by Node's own test runner."""

import os
import subprocess
from pathlib import Path

import pytest

from harness.bulkhead import Up, deployment, new_master_key

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


def test_dashboard(log_dir, upstream):
    demo = """
  - model_name: demo
    litellm_params:
      model: demo/demo"""
    models = deployment("priced", "openai/up-openai", f"{upstream.url}/v1") + demo
    text = f"model_list:{models}\ngeneral_settings:\n  master_key: os.environ/LITELLM_MASTER_KEY\n"
    up = Up(log_dir, text, new_master_key())
    try:
        env = {"BULKHEAD_URL": up.url, "BULKHEAD_PASSWORD": up.master_key}
        node_tests("dashboard", **env)
    finally:
        up.close()
