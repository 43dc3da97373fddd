"""`bulkhead config check`: every problem with file, line and a sentence that helps."""

from pathlib import Path

import pytest

from harness.bulkhead import run

GOOD = """model_list:
  - model_name: gpt
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
general_settings:
  master_key: sk-a-strong-key-0123456789
"""


def check(tmp_path, text, env=None):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    code, out, error = run(["config", "check", "--config", path], env={"OPENAI_API_KEY": "x", **(env or {})}, cwd=tmp_path)
    return code, out + error


def test_a_good_file(tmp_path):
    code, said = check(tmp_path, GOOD)
    assert code == 0, said


@pytest.mark.parametrize("change, line, words", [
    (("model: openai", "modle: openai"), 4, ["modle", "model"]),
    (("model_name", "model_nam"), 2, ["model_nam", "model_name"]),
    (("general_settings:", "general_setings:"), 6, ["general_setings", "general_settings"]),
    (("master_key", "master_kye"), 7, ["master_kye", "master_key"]),
    (("model: openai/gpt-4o", "model: [1]"), 4, ["model"]),
    (("litellm_params:\n      model: openai/gpt-4o\n      api_key: os.environ/OPENAI_API_KEY", "litellm_params: 7"), 3, ["litellm_params"]),
], ids=["modle", "model_nam", "general_setings", "master_kye", "wrong-type", "not-a-map"])
def test_a_mistake_is_named_with_its_line(tmp_path, change, line, words):
    text = GOOD.replace(*change)
    assert text != GOOD
    _, said = check(tmp_path, text)
    assert f"config.yaml:{line}" in said or f"line {line}" in said, said
    assert all(word in said for word in words), said


def test_what_is_not_yaml(tmp_path):
    code, said = check(tmp_path, GOOD + "  bad: [1, 2\n x: }")
    assert code != 0 and ("line 8" in said or "line 9" in said or ":8" in said or ":9" in said), said


def test_a_file_that_is_not_there(tmp_path):
    code, out, error = run(["config", "check", "--config", tmp_path / "none.yaml"], cwd=tmp_path)
    assert code != 0 and "none.yaml" in out + error


def test_a_provider_key_that_is_not_set(tmp_path):
    _, said = check(tmp_path, GOOD.replace("OPENAI_API_KEY", "NO_SUCH_VARIABLE"))
    assert "NO_SUCH_VARIABLE" in said


def test_no_secret_is_shown(tmp_path):
    _, said = check(tmp_path, GOOD.replace("model_name", "model_nam"))
    assert "sk-a-strong-key" not in said


def test_routes(tmp_path):
    import json

    code, out, _ = run(["routes", "--format", "json"])
    rules = json.loads(out)
    assert code == 0 and {rule["component"] for rule in rules} == {"gateway", "backend", "ui"}
    code, out, _ = run(["routes", "--format", "nginx"])
    assert code == 0 and "location" in out and "bulkhead_gateway" in out


def test_doctor(tmp_path):
    (tmp_path / "config.yaml").write_text(GOOD)
    doctor = ["doctor", "--data-dir", tmp_path / "data"]
    code, out, error = run(doctor, env={"OPENAI_API_KEY": "x"}, cwd=tmp_path)
    assert code != 0 and "bulkhead migrate up" in out + error, "what to do is said"
    assert run(["migrate", "up", "--data-dir", tmp_path / "data"], cwd=tmp_path)[0] == 0
    code, out, error = run(doctor, env={"OPENAI_API_KEY": "x"}, cwd=tmp_path)
    assert "configuration" in out + error and "database" in out + error
    assert code == 0, out + error


EXAMPLES = sorted((Path(__file__).parent.parent / "crates/config/tests/examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_known_configurations_load(tmp_path, path):
    code, out, error = run(["config", "check", "--config", path], cwd=tmp_path)
    assert code == 0, out + error
