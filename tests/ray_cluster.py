"""A Ray cluster for tests, in this process, and a store that it reaches by HTTP."""

import os
import random
import socket
import threading
import time
import warnings
from pathlib import Path

import pytest


class FaultyStore:
    """An S3 server on loopback that answers 503 to a share of the calls, when told to."""

    def __init__(self, port):
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        self._app = DomainDispatcherApplication(create_backend_app)
        self._chance = random.Random(0)
        self._lock = threading.Lock()
        self.refusing = 0.0
        self.hanging = None
        """Calls whose path holds this are answered after a minute."""
        self.calls = self.refused = 0
        self._server = make_server("127.0.0.1", port, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _answer(self, environ, start_response):
        with self._lock:
            self.calls += 1
            refuse = self._chance.random() < self.refusing
            self.refused += refuse
        if self.hanging and self.hanging in environ["PATH_INFO"]:
            time.sleep(60)
        if refuse:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            body = b"<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>"
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
            start_response("503 Slow Down", headers)
            return [body]
        return self._app(environ, start_response)

    def close(self):
        self._server.shutdown()
        self._server.server_close()


_running = {}


def start_cluster():
    """The address of a cluster with four logical CPUs, and the store; started once."""
    pytest.importorskip("ray", reason="needs the extra scale: ray")
    pytest.importorskip("moto.server", reason="needs moto[s3], flask and flask-cors")
    if not _running:
        import logging

        import ray

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        os.environ.update(
            AWS_ACCESS_KEY_ID="testing",
            AWS_SECRET_ACCESS_KEY="testing",
            AWS_DEFAULT_REGION="us-east-1",
            FSSPEC_S3_ENDPOINT_URL=f"http://127.0.0.1:{port}",
            RAY_USAGE_STATS_ENABLED="0",
        )
        # fsspec has read its settings from the environment when it was imported.
        import fsspec

        fsspec.config.set_conf_env(fsspec.config.conf)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(
                address="local",
                num_cpus=4,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                object_store_memory=80 << 20,
            )
        _running["address"] = ray.get_runtime_context().gcs_address
        _running["store"] = FaultyStore(port)
    return _running["address"], _running["store"]


def stop_cluster():
    if _running:
        import ray

        ray.shutdown()
        _running.pop("store").close()
        _running.clear()


def worker_pids(driver=None):
    """Processes that hold a network, of the cluster that a process (this one) has started."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if not (folder / "cmdline").read_bytes().startswith(b"ray::Worker"):
                continue
            if int(_parent(_parent(folder.name))) == (driver or os.getpid()):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _parent(pid):
    return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[1]
