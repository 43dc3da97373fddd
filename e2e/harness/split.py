"""The roles as separate processes on PostgreSQL, behind nginx."""

import shutil
import tempfile
from pathlib import Path

from .bulkhead import Api, config, new_master_key, role, run
from .nginx import Nginx


class Split:
    """Gateway, backend and dashboard on one database, behind nginx."""

    names = iter(range(1000))

    def __init__(self, log_dir, upstream, postgres, root_path="", config_text=None, ui=None):
        self.home = Path(tempfile.mkdtemp(prefix="bulkhead-split-"))
        self.log_dir = log_dir
        self.database = f"split_{next(self.names)}"
        self.database_url = postgres.database(self.database)
        self.master_key = new_master_key()
        (self.home / "config.yaml").write_text(config_text or config(upstream))
        self.env = {"LITELLM_MASTER_KEY": self.master_key, "DATABASE_URL": self.database_url, "SERVER_ROOT_PATH": root_path}
        code, out, error = run(["migrate", "up"], env=self.env, cwd=self.home)
        assert code == 0, out + error
        self.processes = {}
        self.urls = {name: self.start(name) for name in ("backend", "gateway")}
        self.urls["ui"] = ui or self.start("ui")
        code, locations, error = run(["routes", "--format", "nginx"], env=self.env)
        assert code == 0, error
        self.nginx = Nginx(log_dir, locations, self.urls)
        self.url = self.nginx.url
        self.admin = Api(self.url + root_path, self.master_key)

    def start(self, name, port=0):
        arguments = ["--port", port]
        if name != "ui":
            arguments += ["--data-dir", self.home / name]
        self.processes[name], url = role(name, self.log_dir, arguments, self.env, self.home)
        return url

    def restart(self, name):
        """Starts a role anew on its old port."""
        self.start(name, int(self.urls[name].rsplit(":", 1)[1]))

    def close(self):
        self.admin.close()
        self.nginx.close()
        for process in self.processes.values():
            if process.popen.poll() is None:
                process.stop()
        shutil.rmtree(self.home, ignore_errors=True)
