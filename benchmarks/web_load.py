"""Many uploads at once to `unblur serve`: nothing is lost, memory stays flat, the queue says busy.

    python benchmarks/web_load.py [--uploads 200] [--clients 8] [--garbage 0.1] [--queue 4]

Starts a server of its own on a free port of 127.0.0.1. Each client sends photos of 640x480, one
after the other, to `POST /api/restore`, waits and tries again when it is told "busy", and compares
each answer with what `unblur restore` writes. Garbage must be refused with one line. Printed:
counts, seconds from the first try to the answer, and the memory of server and worker, the means of
the first and the last quarter of the run after as many uploads as there are clients to warm up.
"""

import argparse
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from batch import make_photos
from machine import describe, engine_dtypes
from quick import parse
from unblur.tasks.batch.any_kind import restore

PHOTOS = 10


def memory_mb(pid):
    """Resident memory of a process and its children, MB; Linux only."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
        except OSError:
            continue
        parent = re.search(r"PPid:\s+(\d+)", status)
        size = re.search(r"VmRSS:\s+(\d+)", status)
        if size and (folder.name == str(pid) or int(parent[1]) == pid):
            total += int(size[1]) / 1024
    return total


class Load:
    """Sends, and counts what comes of it."""

    def __init__(self, url, photos, expected, asked):
        self.url, self.photos, self.expected = url, photos, expected
        self.counts, self.seconds, self.memory = Counter(), [], []
        rng = random.Random(0)
        garbage = set(rng.sample(range(asked.uploads), round(asked.garbage * asked.uploads)))
        self.kinds = [index in garbage for index in range(asked.uploads)]
        self.lock = threading.Lock()

    def send(self, client, index, pid):
        """One upload, until it is taken."""
        data = self.photos[index % PHOTOS]
        if self.kinds[index]:
            data = (os.urandom(20_000), data[: len(data) // 3], b"")[index % 3]
        started = time.perf_counter()
        while True:
            files = {"photo": (f"{index}.jpg", data)}
            answer = client.post(f"{self.url}/api/restore", files=files)
            if answer.status_code != 503:
                break
            assert answer.json()["error"].startswith("busy")
            with self.lock:
                self.counts["told busy, tried again"] += 1
            time.sleep(0.2)
        took = time.perf_counter() - started
        if self.kinds[index]:
            fine = answer.status_code == 422 and "\n" not in answer.json()["error"]
            outcome = "garbage refused" if fine else "garbage WRONG"
        else:
            fine = answer.status_code == 200 and answer.content == self.expected[index % PHOTOS]
            outcome = "restored, bytes as expected" if fine else "photo WRONG OR LOST"
        used = memory_mb(pid)
        with self.lock:
            self.counts[outcome] += 1
            self.seconds.append(took)
            self.memory.append(used)


def start(folder, queue):
    """A server on a free port; its process and address."""
    command = [sys.executable, "-m", "unblur", "serve", "--port", "0", "--queue", str(queue)]
    environment = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    for line in process.stderr:
        if found := re.search(r"http://\S+(?=/ )", line):
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return process, found[0]
    raise SystemExit("the server did not start")


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--garbage", type=float, default=0.1)
    parser.add_argument("--queue", type=int, default=4)
    asked = parse(parser, uploads=8, clients=2)
    with tempfile.TemporaryDirectory() as top:
        make_photos(Path(top, "photos"), PHOTOS)
        photos = [path.read_bytes() for path in sorted(Path(top, "photos").iterdir())]
        load_folder = Path(top, "server")
        load_folder.mkdir()
        process, url = start(load_folder, asked.queue)
        try:
            load = Load(url, photos, [restore(photo) for photo in photos], asked)
            local = threading.local()

            def send(index):
                if not hasattr(local, "client"):
                    local.client = httpx.Client(timeout=600)
                load.send(local.client, index, process.pid)

            with ThreadPoolExecutor(asked.clients) as pool:
                list(pool.map(send, range(asked.uploads)))
        finally:
            process.terminate()
            process.wait(30)
        left = list(load_folder.iterdir())
    print(f"{asked.uploads} uploads, {asked.clients} clients, queue {asked.queue}")
    for outcome, count in sorted(load.counts.items()):
        print(f"  {count:5}  {outcome}")
    done = sorted(load.seconds)
    p95 = done[int(0.95 * (len(done) - 1))]
    print(f"  seconds to the answer: p50 {statistics.median(done):.2f}, p95 {p95:.2f}")
    warm = load.memory[asked.clients :]
    quarter = max(1, len(warm) // 4)
    first, last = statistics.mean(warm[:quarter]), statistics.mean(warm[-quarter:])
    print(f"  memory: first quarter {first:.0f} MB, last {last:.0f} MB, {last / first:.3f}x")
    print(f"  left behind: {len(left)} files or folders")
    print(describe(engine_dtypes("auto")))
    lost = asked.uploads - sum(
        load.counts[fine] for fine in ("restored, bytes as expected", "garbage refused")
    )
    raise SystemExit(1 if lost or left else 0)


if __name__ == "__main__":
    main()
