"""Network policies: who reaches whom, decided as Kubernetes would."""

import ipaddress

import pytest

from harness.helm import CHART, named, render

# Where clouds hand out credentials: AWS (IPv4, containers, pods, IPv6), Azure, Alibaba, Google (IPv6).
METADATA = (
    "169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23", "168.63.129.16", "100.100.100.200",
    "fd20:ce::254",
)


def egress_of(manifests, component):
    return named(manifests, "NetworkPolicy", f"-{component}")["spec"]["egress"]


def allows(egress, address, port, protocol="TCP"):
    """Whether an address outside the cluster is reached."""
    return any(
        _takes_port(rule, port, protocol) and any(_takes_address(peer, address) for peer in rule.get("to", [{"any": True}]))
        for rule in egress
    )


def _takes_port(rule, port, protocol):
    return "ports" not in rule or any(one["port"] == port and one["protocol"] == protocol for one in rule["ports"])


def _takes_address(peer, address):
    if "any" in peer:
        return True
    block = peer.get("ipBlock")
    inside = lambda network: ipaddress.ip_address(address) in ipaddress.ip_network(network)
    return bool(block) and inside(block["cidr"]) and not any(inside(one) for one in block.get("except", []))


@pytest.mark.parametrize("example", ["guarded", "keda"])
@pytest.mark.parametrize("component", ["gateway", "backend", "ui", "migrations"])
def test_no_pod_reaches_what_a_cloud_tells_its_machines(example, component):
    egress = egress_of(render(CHART / f"ci/{example}.yaml"), component)
    for address in METADATA:
        for port in (53, 80, 443, 5432, 6379, 8080):
            for protocol in ("TCP", "UDP"):
                assert not allows(egress, address, port, protocol), f"{address}:{port}"


def test_exceptions_lie_within_their_blocks():
    for manifest in render(CHART / "ci/keda.yaml"):
        if manifest["kind"] != "NetworkPolicy":
            continue
        for rule in manifest["spec"]["egress"]:
            for peer in rule.get("to", []):
                block = peer.get("ipBlock", {})
                for one in block.get("except", []):
                    assert ipaddress.ip_network(one).subnet_of(ipaddress.ip_network(block["cidr"]))


def test_each_component_reaches_what_it_needs_and_no_more():
    manifests = render(CHART / "ci/guarded.yaml")
    gateway, backend = egress_of(manifests, "gateway"), egress_of(manifests, "backend")
    assert allows(gateway, "104.18.7.192", 443) and allows(gateway, "2606:4700::6812:7c0", 443)
    assert not allows(gateway, "104.18.7.192", 80)
    assert allows(backend, "104.18.7.192", 443), "alerts are sent"
    assert not allows(egress_of(render(CHART / "ci/keda.yaml"), "backend"), "104.18.7.192", 443), "the backend calls no provider"
    for egress in (gateway, backend, egress_of(manifests, "migrations")):
        assert allows(egress, "10.0.3.4", 6432) and not allows(egress, "10.1.3.4", 6432)
        assert allows(egress, "169.254.20.10", 53, "UDP"), "the node's own DNS"
    assert egress_of(manifests, "ui") == []


@pytest.mark.parametrize("example, order", [("guarded", "helm.sh/hook-weight"), ("keda", "argocd.argoproj.io/sync-wave")])
def test_the_way_to_the_database_is_open_before_the_migrations_go(example, order):
    """Where a namespace denies by default, a policy of the release comes too late for what runs before it."""
    manifests = render(CHART / f"ci/{example}.yaml")
    policy = named(manifests, "NetworkPolicy", "-migrations")["metadata"]["annotations"]
    job = named(manifests, "Job")["metadata"]["annotations"]
    assert int(policy[order]) < int(job.get(order, 0))
    assert {name: said for name, said in job.items() if name != order} == {name: said for name, said in policy.items() if name != order}


def test_who_may_call_whom():
    manifests = render(CHART / "ci/guarded.yaml")
    for component in ("gateway", "backend", "ui"):
        (rule,) = named(manifests, "NetworkPolicy", f"-{component}")["spec"]["ingress"]
        labels = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in rule["from"] if "podSelector" in peer]
        assert labels == ["gateway", "smoke"], "the front door and helm test"
    assert named(manifests, "NetworkPolicy", "-migrations")["spec"]["ingress"] == []
    doors = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
             for rule in egress_of(manifests, "gateway") for peer in rule.get("to", []) if "podSelector" in peer]
    assert doors == ["backend", "ui"]
