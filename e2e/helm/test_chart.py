"""The chart: what it renders is taken by Kubernetes, keeps the restricted profile, and says what is wrong."""

import functools
import json
import os
import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from harness.bulkhead import run
from harness.helm import CHART, EXAMPLES, ROOT, helm, named, pods, render, template

from .foreign import check as check_foreign
from .restricted import violations

VERSIONS = [f"1.{minor}" for minor in range(28, 38)]
GOLDEN = Path(__file__).parent / "golden"
BAD = [one for one in yaml.safe_load_all((Path(__file__).parent / "bad.yaml").read_text()) if one]
example = pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.stem)


@example
def test_lint(values):
    code, out, error = helm("lint", "--strict", CHART, "--values", values)
    assert code == 0, out + error


# It reads its schemas anew for every manifest.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)


@pytest.fixture(scope="module")
def manifests():
    """Every manifest of every example, for the oldest and the newest Kubernetes; each once, whatever it is called."""
    found = {}
    for values in EXAMPLES:
        for version in (VERSIONS[0], VERSIONS[-1]):
            for manifest in render(values, f"{version}.0"):
                found[json.dumps([manifest["kind"], {**manifest, "metadata": sorted(manifest["metadata"])}])] = manifest
    return found.values()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_taken_by_kubernetes(version, manifests):
    assert len(manifests) > 50
    for manifest in manifests:
        if not check_foreign(manifest):
            kubernetes_validate.validate(manifest, version, strict=True)
    kubernetes_validate.utils.schema_contents.cache_clear()


@example
def test_the_restricted_profile_holds(values):
    found = pods(render(values))
    assert len(found) >= 3
    for component, pod in found.items():
        assert violations(pod["spec"]) == [], component
        for container in pod["spec"]["containers"]:
            if container["name"] == component:
                assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert pod["spec"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", ["minimal", "guarded"])
def test_golden(name):
    code, out, error = template("--values", CHART / f"ci/{name}.yaml")
    assert code == 0, error
    kept = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        kept.write_text(out)
    assert out == kept.read_text(), f"{kept} is stale: UPDATE_GOLDEN=1 e2e/run helm rewrites it"


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad["says"])
def test_a_mistake_is_named(bad, tmp_path):
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(bad["values"]))
    code, out, error = template("--values", CHART / "ci" / f"{bad.get('over', 'minimal')}.yaml", "--values", values)
    assert code != 0, "it was taken"
    said = error.replace("/", ".")
    assert bad["says"] in said and bad.get("also", "") in error, error
    assert "nil pointer" not in error and "wrong type" not in error, error


def test_there_are_enough_mistakes():
    assert len(BAD) >= 30 and len({bad["says"] for bad in BAD}) >= 30


def test_an_older_kubernetes_is_refused():
    code, _, error = template("--values", EXAMPLES[0], kube_version="1.27.9")
    assert code != 0 and ">=1.28" in error


def test_package(tmp_path):
    code, out, error = helm("package", CHART, "--destination", tmp_path)
    assert code == 0, error
    (package,) = tmp_path.glob("bulkhead-*.tgz")
    code, out, error = helm("template", "x", package, "--values", EXAMPLES[0])
    assert code == 0, error


def test_the_routes_are_those_of_the_code():
    code, routes, error = run(["routes", "--format", "json"])
    assert code == 0, error
    kept = CHART / "files/routes.json"
    assert routes == kept.read_text(), f"refresh it: bulkhead routes --format json > {kept.relative_to(ROOT)}"


def paths_of_ingress(manifests):
    rules = named(manifests, "Ingress")["spec"]["rules"]
    for path in rules[0]["http"]["paths"]:
        yield path["path"], path["pathType"], path["backend"]["service"]["name"].rsplit("-", 1)[1]


def paths_of_route(manifests):
    rules = named(manifests, "HTTPRoute")["spec"]["rules"]
    assert len(rules) <= 16
    for rule in rules:
        (to,) = rule["backendRefs"]
        assert len(rule["matches"]) <= 8
        for match in rule["matches"]:
            yield match["path"]["value"], match["path"]["type"], to["name"].rsplit("-", 1)[1]


def test_ingress_and_route_are_made_of_the_routes():
    routes = json.loads((CHART / "files/routes.json").read_text())
    expected = {(route["path"], route["match"], route["component"]) for route in routes}
    kinds = {"Exact": "exact", "Prefix": "prefix", "PathPrefix": "prefix"}
    by_route = {(path, kinds[kind], to) for path, kind, to in paths_of_route(render(CHART / "ci/httproute.yaml"))}
    assert by_route == expected
    by_alb = list(paths_of_ingress(render(CHART / "ci/alb.yaml")))
    extra = ("/passthrough", "prefix", "gateway")
    assert {(path, kinds[kind], to) for path, kind, to in by_alb} == expected | {extra}
    assert by_alb[-1] == ("/", "Prefix", "backend"), "what nothing takes is last"
    # ingress-nginx takes a dot in no other type of path.
    by_nginx = list(paths_of_ingress(render(CHART / "ci/nginx.yaml")))
    assert all((kind == "ImplementationSpecific") == ("." in path) for path, kind, _ in by_nginx)
    assert {(path, to) for path, _, to in by_nginx} == {(path, to) for path, _, to in expected} | {("/eu.assemblyai", "gateway")}


def test_streams_are_not_held_up():
    nginx = named(render(CHART / "ci/nginx.yaml"), "Ingress")["metadata"]["annotations"]
    said = {name.removeprefix("nginx.ingress.kubernetes.io/"): value for name, value in nginx.items()}
    assert said["proxy-buffering"] == said["proxy-request-buffering"] == "off"
    assert int(said["proxy-read-timeout"]) >= 6000 and said["proxy-body-size"] == "20m"
    alb = named(render(CHART / "ci/alb.yaml"), "Ingress")["metadata"]["annotations"]
    assert alb["alb.ingress.kubernetes.io/load-balancer-attributes"] == "idle_timeout.timeout_seconds=4000"
    assert alb["alb.ingress.kubernetes.io/scheme"] == "internal"


def test_a_prefix_stands_before_every_path():
    manifests = render(CHART / "ci/prefix.yaml")
    code, routes, error = run(["routes", "--format", "json", "--root-path", "/services/llm"])
    assert code == 0, error
    expected = {(route["path"], route["match"], route["component"]) for route in json.loads(routes)}
    extra = ("/services/llm/eu.assemblyai", "prefix", "gateway")
    kinds = {"Exact": "exact", "PathPrefix": "prefix"}
    assert {(path, kinds[kind], to) for path, kind, to in paths_of_route(manifests)} == expected | {extra}
    by_ingress = list(paths_of_ingress(manifests))
    assert {(path, to) for path, _, to in by_ingress} == {(path, to) for path, _, to in expected | {extra}}
    assert by_ingress[-1] == ("/services/llm", "Prefix", "backend"), "what nothing takes is last"
    for component in ("gateway", "backend"):
        env = {one["name"]: one.get("value") for one in pods(manifests)[component]["spec"]["containers"][0]["env"]}
        assert env["SERVER_ROOT_PATH"] == "/services/llm"


def test_a_prefix_at_the_front_door():
    manifests = render(CHART / "ci/prefix-door.yaml")
    assert list(paths_of_ingress(manifests)) == [("/llm", "Prefix", "gateway")]
    arguments = pods(manifests)["gateway"]["spec"]["containers"][0]["args"]
    assert arguments == ["gateway", "--front-door-backend", "demo-bulkhead-backend:4001", "--front-door-ui", "demo-bulkhead-ui:3000"]


@example
def test_a_pod_has_time_to_stop(values):
    found = pods(render(values))
    for component in ("gateway", "backend"):
        env = {one["name"]: one.get("value") for one in found[component]["spec"]["containers"][0]["env"]}
        needed = int(env["BULKHEAD_DRAIN_DELAY"]) + int(env.get("GRACEFUL_SHUTDOWN_TIMEOUT", 10))
        assert found[component]["spec"]["terminationGracePeriodSeconds"] > needed


def test_a_journal_on_a_volume_outlives_its_pod():
    gateway = named(render(CHART / "ci/guarded.yaml"), "StatefulSet")
    (claim,) = gateway["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "16Gi" and claim["spec"]["storageClassName"] == "fast"
    assert set(gateway["spec"]["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    (container,) = gateway["spec"]["template"]["spec"]["containers"]
    assert {"name": "data", "mountPath": "/var/lib/bulkhead"} in container["volumeMounts"]


def test_migrations_run_before_anything_else():
    hooked = named(render(CHART / "ci/minimal.yaml"), "Job")["metadata"]["annotations"]
    assert hooked["helm.sh/hook"] == "pre-install,pre-upgrade"
    argo = named(render(CHART / "ci/keda.yaml"), "Job")["metadata"]["annotations"]
    assert argo["argocd.argoproj.io/hook"] == "PreSync" and "helm.sh/hook" not in argo
    plain = named(render(CHART / "ci/url.yaml"), "Job")["metadata"]
    assert plain["name"] == "demo-bulkhead-migrations-1" and "annotations" not in plain
    found = pods(render(CHART / "ci/url.yaml"))
    (waits,) = found["backend"]["spec"]["initContainers"]
    assert waits["args"][:3] == ["migrate", "status", "--check"] and "initContainers" not in found["gateway"]["spec"]


def test_an_image_by_digest():
    found = pods(render(CHART / "ci/nginx.yaml"))
    assert found["gateway"]["spec"]["containers"][0]["image"] == f"registry.example.com/bulkhead@sha256:{'1' * 64}"
    assert found["ui"]["spec"]["containers"][0]["image"] == "registry.example.com/bulkhead-ui:v1"


def test_the_seed_values_are_honoured():
    """Writer and reader with a Secret each, as LiteLLM's componentized chart shows them."""
    found = pods(render(CHART / "ci/reader.yaml"))
    env = {one["name"]: one for one in found["backend"]["spec"]["containers"][0]["env"]}
    said = {name: one["value"] for name, one in env.items() if "value" in one}
    assert (said["DATABASE_HOST"], said["DATABASE_HOST_READ_REPLICA"]) == ("litellm-pg-rw.litellm.svc", "litellm-pg-ro.litellm.svc")
    assert said["DATABASE_NAME"] == said["DATABASE_NAME_READ_REPLICA"] == "litellm"
    secret = {name: one["valueFrom"]["secretKeyRef"] for name, one in env.items() if "valueFrom" in one}
    assert secret["LITELLM_MASTER_KEY"] == {"name": "litellm-master-key-secret", "key": "master-key"}
    assert secret["DATABASE_USERNAME"] == {"name": "litellm-writer-secret", "key": "username"}
    assert secret["DATABASE_PASSWORD_READ_REPLICA"] == {"name": "litellm-reader-secret", "key": "password"}
    for component in ("gateway", "migrations"):
        names = {one["name"] for one in found[component]["spec"]["containers"][0]["env"]}
        assert "DATABASE_PASSWORD" in names and not any("READ_REPLICA" in name for name in names)


def test_the_guide_names_values_that_are_there():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    guide = (ROOT / "docs/kubernetes.md").read_text().split("## Coming from")[0]
    named_there = set(re.findall(r"`((?:%s)\.[\w.]+)`" % "|".join(values), guide)) - {"values.yaml"}
    assert len(named_there) > 15
    for name in named_there:
        at = values
        for part in name.split("."):
            assert part in at, f"docs/kubernetes.md names {name}, which values.yaml does not have"
            at = at[part] or {}


def test_the_chart_and_the_code_are_of_one_version():
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == version
