"""Kinds of others that Kubernetes' own schemas do not know: which fields they must and may have."""

# kind → (API version, needed fields of the spec, further fields)
KINDS = {
    "HTTPRoute": ("gateway.networking.k8s.io/v1", {"parentRefs", "rules"}, {"hostnames"}),
    "ServiceMonitor": ("monitoring.coreos.com/v1", {"selector", "endpoints"}, set()),
    "PodMonitor": ("monitoring.coreos.com/v1", {"selector", "podMetricsEndpoints"}, set()),
    "PrometheusRule": ("monitoring.coreos.com/v1", {"groups"}, set()),
    "ScaledObject": (
        "keda.sh/v1alpha1", {"scaleTargetRef", "triggers"},
        {"minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "fallback"},
    ),
}
SCRAPE = {"port", "path", "interval", "scrapeTimeout", "authorization"}


def check(manifest):
    """True when the kind is one of these, which then is right."""
    if manifest["kind"] not in KINDS:
        return False
    version, needed, more = KINDS[manifest["kind"]]
    spec = manifest["spec"]
    assert manifest["apiVersion"] == version and set(manifest) == {"apiVersion", "kind", "metadata", "spec"}
    assert needed <= set(spec) <= needed | more, spec
    _DETAILS[manifest["kind"]](spec)
    return True


def _route(spec):
    assert all("name" in parent for parent in spec["parentRefs"])
    for rule in spec["rules"]:
        assert set(rule) <= {"matches", "filters", "timeouts", "backendRefs"}
        for filter in rule.get("filters", []):
            assert filter["type"] == "URLRewrite" and len(rule["matches"]) == 1, "a prefix is replaced in a rule of its own"
        for to in rule["backendRefs"]:
            assert set(to) == {"name", "port"} and isinstance(to["port"], int)


def _scrape(endpoints):
    assert endpoints and all(set(one) <= SCRAPE and {"port", "path"} <= set(one) for one in endpoints)


def _rule(spec):
    for group in spec["groups"]:
        for rule in group["rules"]:
            assert {"alert", "expr", "labels", "annotations"} <= set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
            assert set(rule["annotations"]) == {"summary", "description"} and set(rule["labels"]) == {"severity"}


def _scaled(spec):
    assert spec["minReplicaCount"] <= spec["maxReplicaCount"]
    for trigger in spec["triggers"]:
        assert {"type", "metadata"} <= set(trigger) <= {"type", "metadata", "metricType", "authenticationRef"}
        assert all(isinstance(value, str) for value in trigger["metadata"].values()), "KEDA takes texts alone"


_DETAILS = {
    "HTTPRoute": _route,
    "ServiceMonitor": lambda spec: _scrape(spec["endpoints"]),
    "PodMonitor": lambda spec: _scrape(spec["podMetricsEndpoints"]),
    "PrometheusRule": _rule,
    "ScaledObject": _scaled,
}
