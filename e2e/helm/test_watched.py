"""Alerts, monitors and the dashboard speak of metrics that the gateway has, by labels that these have."""

import json
import re

from harness.helm import CHART, ROOT, named, render

# Of Prometheus and kube-state-metrics.
OTHERS = {"up": set(), "kube_job_status_failed": {"job_name"}}
# What Prometheus adds to every sample of a pod.
ADDED = {"namespace", "pod", "le"}


def known():
    """Metric → its labels, as docs/metrics.md has them from the code."""
    found = dict(OTHERS)
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", (ROOT / "docs/metrics.md").read_text(), re.M):
        labels = set(re.findall(r"`(\w+)`", labels))
        names = [name + ending for ending in ("_bucket", "_sum", "_count")] if kind == "histogram" else [name]
        found.update({one: labels for one in names})
    assert len(found) > 25
    return found


def unknown(expression, metrics):
    """Metrics and labels of an expression that nothing has."""
    wrong = []
    for name, selector in re.findall(r"\b(bulkhead_\w+|kube_\w+|up)\b(?:\{([^}]*)\})?", expression):
        if name not in metrics:
            wrong.append(name)
            continue
        wrong += [f"{name}.{label}" for label in re.findall(r"(\w+)\s*=", selector) if label not in metrics[name] | ADDED]
    used = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(",")}
    of_all = set().union(ADDED, *(metrics.get(name, set()) for name in re.findall(r"\b(bulkhead_\w+)", expression)))
    return wrong + sorted(used - of_all)


def test_alerts():
    metrics = known()
    (group,) = named(render(CHART / "ci/guarded.yaml"), "PrometheusRule")["spec"]["groups"]
    alerts = {rule["alert"]: rule["expr"] for rule in group["rules"]}
    for name, expression in alerts.items():
        assert unknown(expression, metrics) == [], name
        assert expression.count("(") == expression.count(")") and expression.count("{") == expression.count("}"), name
    for needed in ("LedgerLate", "PolicyStale", "Errors", "BudgetAtRisk", "MigrationFailed"):
        assert f"Bulkhead{needed}" in alerts
    assert f"> {int(0.8 * 8192 * 2**20)}" in alerts["BulkheadJournalFull"]
    job = re.search(r'job_name=~"([^"]*)"', alerts["BulkheadMigrationFailed"])[1]
    assert re.fullmatch(job, named(render(CHART / "ci/guarded.yaml"), "Job")["metadata"]["name"])


def test_the_dashboard():
    metrics = known()
    kept = named(render(CHART / "ci/guarded.yaml"), "ConfigMap", "-dashboard")["data"]["bulkhead.json"]
    dashboard = json.loads(kept)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids)) > 10
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            assert unknown(target["expr"], metrics) == [], panel["title"]
            legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert legend <= set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"])))), panel["title"]


def test_a_mistaken_metric_is_found():
    metrics = known()
    assert unknown("sum by (pod) (bulkhead_nothing_total)", metrics) == ["bulkhead_nothing_total"]
    assert unknown('bulkhead_requests_total{team="a"}', metrics) == ["bulkhead_requests_total.team"]
    assert unknown("sum by (team) (bulkhead_requests_total)", metrics) == ["team"]


def test_a_monitor_brings_a_key_where_one_is_needed():
    (endpoint,) = named(render(CHART / "ci/guarded.yaml"), "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["authorization"] == {"type": "Bearer", "credentials": {"name": "metrics-key", "key": "key"}}
    (endpoint,) = named(render(CHART / "ci/nginx.yaml"), "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert "authorization" not in endpoint, "proxy_config opens /metrics"


def test_gateways_scale_by_requests_in_flight():
    hpa = named(render(CHART / "ci/guarded.yaml"), "HorizontalPodAutoscaler", "-gateway")["spec"]
    assert hpa["scaleTargetRef"]["kind"] == "StatefulSet" and (hpa["minReplicas"], hpa["maxReplicas"]) == (2, 10)
    names = [metric.get("pods", metric.get("resource")).get("metric", metric.get("resource"))["name"] for metric in hpa["metrics"]]
    assert names == ["cpu", "bulkhead_requests_in_flight"] and set(names[1:]) <= set(known())
    trigger = named(render(CHART / "ci/keda.yaml"), "ScaledObject")["spec"]["triggers"][0]["metadata"]
    assert unknown(trigger["query"], known()) == []
