"""The image of the dashboard, as far as a machine without a container engine goes: the root that its stage makes, and its nginx in it."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import httpx

from .helm import ROOT
from .ports import free_port
from .process import Process, eventually

FOLDER = ROOT / "deploy/docker"


def stages():
    """Stage → its instructions as (word, rest), in order."""
    text = re.sub(r"\\\n", " ", (FOLDER / "Dockerfile").read_text())
    found, current = {}, None
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        word, rest = line.split(None, 1)
        if word == "FROM":
            current = rest.rsplit(" AS ", 1)[1]
            found[current] = []
        if current:
            found[current].append((word, rest))
    return found


class Image:
    """The root of the dashboard's image, made by the command of its stage."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="bulkhead-image-", dir="/tmp"))
        (command,) = [rest for word, rest in stages()["nginx"] if word == "RUN" and rest.startswith("nginx-root")]
        assert command == "nginx-root /root-of-image"
        subprocess.run([FOLDER / "nginx-root", self.root], check=True)
        self.root.chmod(0o755)
        shutil.copytree(ROOT / "ui/out", self.root / "usr/share/bulkhead-ui")

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)


class Dashboard:
    """nginx of the image: in its own root without anything else, as its user; `prefix` is the file that a prefix is told in."""

    def __init__(self, log_dir, image, root_path="", prefix=None):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        told = image.root / "etc/nginx/prefix"
        shutil.rmtree(told, ignore_errors=True)
        if root_path:
            told.mkdir()
            (told / "prefix.conf").write_text(prefix or f"set $prefix {root_path}; rewrite ^{root_path}(?:/(.*))?$ /$1;")
        text = (FOLDER / "ui.conf").read_text().replace("listen 3000;", f"listen 127.0.0.1:{port};")
        instructions = dict(stages()["bulkhead-ui"])
        entry = json.loads(instructions["ENTRYPOINT"])
        if os.geteuid() == 0:
            command = ["chroot", f"--userspec={instructions['USER']}", image.root, *entry]
        else:
            text = text.replace("/usr/share/bulkhead-ui", str(image.root / "usr/share/bulkhead-ui")).replace("/etc/nginx/prefix", str(told))
            command = [image.root / entry[0][1:], "-c", image.root / "etc/nginx/nginx.conf", *entry[3:]]
        (image.root / "etc/nginx/nginx.conf").write_text(text)
        self.process = Process("ui-image", command, log_dir, cwd="/")
        eventually(lambda: httpx.get(self.url + "/ui/").status_code, 10, "nginx's start")

    def close(self):
        if self.process.popen.poll() is None:
            # A master that is killed leaves its workers behind.
            self.process.stop()
