"""A second machine of the tests' Ray cluster, played by a second raylet with its own folders."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def second_node(address, *, temporary, cpus=2):
    """Join a node to the cluster at this address, and yield its id.

    Args:
        address: Of the cluster.
        temporary: The folder for temporary files of processes there.
        cpus: Logical ones.
    """
    import ray

    before = {node["NodeID"] for node in ray.nodes()}
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--address", address]
    command += ["--num-cpus", str(cpus), "--object-store-memory", str(80 << 20), "--block"]
    environment = os.environ | {"TMPDIR": str(temporary), "RAY_TMPDIR": "/tmp"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while not (new := _alive(ray) - before):
            assert process.poll() is None, "the node has not started"
            assert time.monotonic() < until, "the node is not seen"
            time.sleep(0.1)
        yield new.pop()
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        until = time.monotonic() + 60
        while _alive(ray) - before and time.monotonic() < until:
            time.sleep(0.1)


def kill_node(node):
    """End its raylet by SIGKILL, as if somebody had pulled the plug; its workers go with it."""
    for folder in Path("/proc").iterdir():
        with suppress(OSError):  # not ours, or gone since
            words = folder.joinpath("cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"/raylet") and f"--node_id={node}".encode() in words:
                os.kill(int(folder.name), signal.SIGKILL)
                return
    raise AssertionError(f"no raylet of {node}")


def _alive(ray):
    return {node["NodeID"] for node in ray.nodes() if node["Alive"]}
