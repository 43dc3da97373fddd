"""The chart, rendered by the real Helm."""

import os
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/bulkhead"
EXAMPLES = sorted(CHART.glob("ci/*.yaml"))
NAMESPACE = "llm"


def helm(*arguments):
    """Runs Helm in a home of its own: exit code, standard output, standard error."""
    folder = os.environ.get("HELM_DIR")
    assert folder, "HELM_DIR is not set: run the tests with e2e/run"
    done = subprocess.run(
        [f"{folder}/helm", *map(str, arguments)], capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "HELM_NO_PLUGINS": "1"},
    )
    return done.returncode, done.stdout, done.stderr


def template(*arguments, kube_version="1.36.0"):
    return helm("template", "demo", CHART, "--namespace", NAMESPACE, "--kube-version", kube_version, *arguments)


def render(values, kube_version="1.36.0"):
    """The manifests of a file of values."""
    code, out, error = template("--values", values, kube_version=kube_version)
    assert code == 0, f"{values}: {error}"
    return [document for document in yaml.safe_load_all(out) if document]


def pod_of(manifest):
    """The pod template of a workload, the pod itself, or nothing."""
    if manifest["kind"] == "Pod":
        return manifest
    return manifest.get("spec", {}).get("template") if manifest["kind"] in ("Deployment", "StatefulSet", "Job") else None


def pods(manifests):
    """Component → pod template."""
    found = [pod for pod in map(pod_of, manifests) if pod]
    return {pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod for pod in found}


def named(manifests, kind, ending=""):
    """The one manifest of a kind whose name ends so."""
    found = [one for one in manifests if one["kind"] == kind and one["metadata"]["name"].endswith(ending)]
    assert len(found) == 1, f"{len(found)} of {kind} …{ending}"
    return found[0]
