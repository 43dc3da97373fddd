"""The Dockerfile and what it is made of, as far as a machine without a container engine goes: stages, sources, commands."""

import fnmatch
import json
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from harness.bulkhead import role
from harness.helm import ROOT
from harness.images import FOLDER, Dashboard, Image, stages


def copied(instructions):
    """Sources of COPY that come out of the repository."""
    for word, rest in instructions:
        if word == "COPY" and "--from=" not in rest:
            yield from rest.split()[:-1]


def ignored(path):
    """Whether .dockerignore holds a path back; the last rule that fits decides."""
    held = False
    for rule in (ROOT / ".dockerignore").read_text().splitlines():
        if rule and not rule.startswith("#"):
            pattern = rule.removeprefix("!").removeprefix("**/")
            if any(fnmatch.fnmatch(part, pattern) for part in (path, *(str(one) for one in Path(path).parents), Path(path).name)):
                held = not rule.startswith("!")
    return held


def test_the_images_run_as_nobody_on_nothing():
    for name in ("bulkhead", "bulkhead-ui"):
        instructions = stages()[name]
        words = dict(instructions)
        assert words["USER"] == "65532:65532" and json.loads(words["ENTRYPOINT"])[0].startswith("/usr/")
        assert words["FROM"].startswith(("scratch", "${BASE}")) and "RUN" not in words, "no shell is in it"
    assert "distroless" in (FOLDER / "Dockerfile").read_text()
    # Of stages that compile, one is per processor.
    assert stages()["pages"][0][1].startswith("--platform=$BUILDPLATFORM")


def test_the_sbom_looks_where_the_parts_are_known():
    """A compiled binary and copied files tell nothing; lock files and packages are in the stages that make them."""
    for name in ("pages", "binary", "nginx"):
        assert ("ARG", "BUILDKIT_SBOM_SCAN_STAGE=true") in stages()[name], name


def test_every_source_is_there_and_sent():
    for name, instructions in stages().items():
        for source in copied(instructions):
            assert (ROOT / source).exists(), f"{name}: {source}"
            assert not ignored(source), f"{name}: .dockerignore holds {source} back"
    for secret in (".env", "data/master-key", "ui/node_modules/x", "target/debug/bulkhead", ".git/config"):
        assert ignored(secret), secret


def test_the_binary_is_built_as_the_makefile_builds_it():
    makefile = (ROOT / "Makefile").read_text()
    runs = {name: [rest for word, rest in found if word == "RUN"] for name, found in stages().items()}
    assert runs["binary"][0] in makefile and runs["pages"] == ["npm ci --no-audit --no-fund", "npm run build"]
    assert " && ".join(runs["pages"]) in makefile


def test_what_is_sent_is_a_whole_workspace(tmp_path):
    """cargo finds every member in a clean folder that holds the sent sources alone."""
    for source in copied(stages()["binary"]):
        kept = lambda folder, names: [
            name for name in names if ignored(str((Path(folder) / name).relative_to(ROOT)))
        ]
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source, ignore=kept)
        else:
            shutil.copy(ROOT / source, tmp_path / source)
    done = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"], cwd=tmp_path, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stderr
    members = {package["name"] for package in json.loads(done.stdout)["packages"]}
    locked = re.findall(r'^name = "(bulkhead-[\w-]+)"', (tmp_path / "Cargo.lock").read_text(), re.M)
    assert members == set(locked) and len(members) > 15


@pytest.fixture(scope="module")
def image():
    image = Image()
    yield image
    image.close()


@pytest.fixture(scope="module")
def served(image, log_dir):
    served = Dashboard(log_dir, image)
    yield served
    served.close()


@pytest.mark.parametrize("root", ["", "/services/llm"])
def test_the_image_serves_as_the_role_does(image, log_dir, tmp_path, root):
    process, by_role = role("ui", log_dir, ["--port", 0], {"SERVER_ROOT_PATH": root}, tmp_path)
    served = Dashboard(log_dir, image, root)
    try:
        pages = [path.relative_to(ROOT / "ui/out") for path in (ROOT / "ui/out").rglob("*") if path.is_file()]
        assets = [f"/{path}" for path in pages if path.parts[0] == "_next"][:40]
        asked = ["", "/", "/ui/", "/ui", "/ui/keys/", "/ui/keys", "/ui/none/", "/_next/none.js", "/favicon.ico", *assets]
        for path in [*(root + path for path in asked), *(asked if root else ())]:
            ours, theirs = httpx.get(served.url + path), httpx.get(by_role + path)
            same = ("content-type", "cache-control", "x-frame-options", "x-content-type-options", "location")
            assert ours.status_code == theirs.status_code, path
            if ours.status_code == 200:
                assert [ours.headers.get(name) for name in same] == [theirs.headers.get(name) for name in same], path
                assert ours.content == theirs.content and b"__bulkhead_prefix__" not in ours.content, path
            else:
                assert ours.headers.get("location") == theirs.headers.get("location"), path
    finally:
        served.close()
        process.stop()


def test_the_image_stops_in_good_order(served):
    import signal

    number = getattr(signal, dict(stages()["bulkhead-ui"])["STOPSIGNAL"])
    assert served.process.stop(number) == 0
