"""`unblur scale` on this machine: throughput, memory of the driver, and runs full of faults.

    python benchmarks/scale.py [--photos 2000] [--memory 2000,20000] [--faults 2000] [--store 300]

Each part is left out with 0. Throughput: the reference is two `unblur restore` started by hand on
halves of the photos, in the same run. Memory: the most that the driver had at once. Faults: a
worker killed every few seconds, the driver killed three times, 1 % of the photos damaged; then
the same command until the end, and every target is compared with what `unblur restore` writes.
Store: an S3 server on loopback that answers 503 to a fifth of all calls.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import skimage.data

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from machine import describe
from quick import parse
from ray_cluster import start_cluster, stop_cluster, worker_pids
from small_network import sharpening_network
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.scale.manifest import read_rows
from unblur.tasks.scale.run import ScaleOptions, restore_everywhere
from unblur.tasks.scale.store import Store

UNBLUR = (sys.executable, "-m", "unblur")
WORKERS = ("--workers", "2", "--cpus", "1")
DISTINCT = 50
SMALL = ("--engine", "onnx", "--no-guard")


def make_photos(folder, count, width, height, *, damaged=0.0):
    """Write so many JPEGs in two folders; a share of them cannot be decoded."""
    picture = np.tile(skimage.data.astronaut(), (2, 2, 1)).astype(np.float32) / 255
    rng = np.random.default_rng(0)
    folder.mkdir()
    first = []
    for index in range(DISTINCT):
        top, left = rng.integers(500, size=2)
        path = folder.parent / f"{folder.name}-{index}.jpg"
        write_photo(Photo(pixels=picture[top : top + height, left : left + width].copy()), path)
        first.append(path.read_bytes())
        path.unlink()
    bad = set(rng.choice(count, int(count * damaged), replace=False).tolist())
    for index in range(count):
        path = folder / ("a", "b")[index % 2] / f"{index:06}.jpg"
        path.parent.mkdir(exist_ok=True)
        data = first[index % DISTINCT]
        path.write_bytes(data[: len(data) // 50] if index in bad else data)
    return len(bad)


def seconds(*commands):
    """Wall seconds until all of these, started together, have ended."""
    started = time.perf_counter()
    running = [subprocess.Popen(x, stdout=subprocess.DEVNULL) for x in commands]
    codes = [process.wait() for process in running]
    if any(codes):
        raise SystemExit("a run has failed")
    return time.perf_counter() - started


def throughput(top, count):
    """Photos a second of `scale`, and of two restores by hand."""
    photos = top / "photos"
    make_photos(photos, count, 320, 240)
    halves = [(*UNBLUR, "restore", "-q", photos / half, "-o") for half in "ab"]
    ways = {  # by hand before and after, since a machine is seldom quiet for so long
        "two by hand": [[*x, top / f"hand-{n}"] for n, x in enumerate(halves)],
        "scale, 2 workers": [[*UNBLUR, "scale", "-q", photos, top / "scaled", *WORKERS]],
        "two by hand, again": [[*x, top / f"again-{n}"] for n, x in enumerate(halves)],
    }
    took = {name: seconds(*commands) for name, commands in ways.items()}
    same = all(
        path.read_bytes() == (top / f"hand-{'ab'.index(path.parent.name)}" / path.name).read_bytes()
        for path in (top / "scaled").rglob("*.unblurred.jpg")
    )
    hand = (took["two by hand"] + took["two by hand, again"]) / 2
    print(f"{count} JPEGs of 320x240, wall time with start-up, bytes equal: {same}")
    for name, spent in took.items():
        print(f"  {name:40} {spent:7.1f} s  {count / spent:6.2f} photos/s  {hand / spent:5.2f}")
    rows = [row["seconds"] for part in read_rows(manifest(top / "scaled")) for row in part]
    print(f"  a photo in its worker: median {np.median(rows):.3f} s, mean {np.mean(rows):.3f} s")


def memory(top, counts):
    """The most that the driver had at once, MB, and its own processor time."""
    network = sharpening_network(top / "small.onnx")
    for count in counts:
        photos, out = top / f"photos-{count}", top / f"out-{count}"
        make_photos(photos, count, 32, 24)
        command = [*UNBLUR, "scale", "-q", photos, out, *WORKERS, *SMALL, "--model", network]
        started = time.perf_counter()
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        most = spent = 0.0
        while driver.poll() is None:
            with suppress(OSError, IndexError):
                status = Path(f"/proc/{driver.pid}/status").read_text()
                most = max(most, int(status.split("VmHWM:")[1].split()[0]) / 1e3)
                fields = Path(f"/proc/{driver.pid}/stat").read_text().rpartition(")")[2].split()
                spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            time.sleep(0.1)
        wall = time.perf_counter() - started
        print(
            f"{count} JPEGs of 32x24: driver {most:.0f} MB at most, {spent:.1f} s of processor "
            f"time, {1e3 * spent / count:.2f} ms a photo; {count / wall:.0f} photos/s"
        )
        shutil.rmtree(photos)
        shutil.rmtree(out)


def faults(top, count):
    """Kill workers and drivers, and count what is lost, double or wrong at the end."""
    network = sharpening_network(top / "small.onnx")
    photos, out = top / "faulty", top / "survived"
    bad = make_photos(photos, count, 320, 240, damaged=0.01)
    command = [*UNBLUR, "scale", "-q", photos, out, *WORKERS, *SMALL, "--model", network]
    workers = drivers = 0
    while True:
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before, kills = len(list(out.rglob("*.unblurred.jpg"))), time.monotonic() + 3
        while driver.poll() is None:
            time.sleep(0.05)
            if time.monotonic() > kills and (alive := worker_pids(driver.pid)):
                os.kill(alive[workers % len(alive)], signal.SIGKILL)
                workers, kills = workers + 1, time.monotonic() + 3
            if drivers < 3 and len(list(out.rglob("*.unblurred.jpg"))) > before + count // 5:
                driver.kill()
                drivers += 1
        if driver.returncode != -signal.SIGKILL:
            break
    expected = top / "expected"
    plain = [*UNBLUR, "restore", "-r", "-q", photos, "-o", expected, *SMALL, "--model", network]
    subprocess.run(plain, check=False, stderr=subprocess.DEVNULL)
    print(f"{count} photos, {bad} damaged; killed: {workers} workers, {drivers} drivers")
    tell(photos, out, read(expected), read(out))


def store(top, count):
    """The same with a store that refuses a fifth of all calls."""
    import fsspec

    network = sharpening_network(top / "small.onnx")
    photos, expected = top / "for-store", top / "of-store"
    bad = make_photos(photos, count, 120, 96, damaged=0.01)
    plain = [*UNBLUR, "restore", "-r", "-q", photos, "-o", expected, *SMALL, "--model", network]
    subprocess.run(plain, check=False, stderr=subprocess.DEVNULL)
    _, server = start_cluster()
    remote = fsspec.filesystem("s3")
    remote.mkdir("bench")
    remote.put(f"{photos}/", "bench/in/", recursive=True)
    server.refusing, server.calls, server.refused = 0.2, 0, 0
    how = RestoreOptions(method="network", model=str(network), engine="onnx", guard=False)
    run = restore_everywhere("s3://bench/in", "s3://bench/out", how, ScaleOptions(workers=2))
    outcomes = Counter(outcome.status for outcome in run)
    server.refusing = 0.0
    print(
        f"{count} photos in a store, {bad} damaged; 503 to {server.refused} of {server.calls} "
        f"calls; {dict(outcomes)}"
    )
    remote.get("bench/out/", str(top / "fetched"), recursive=True)
    tell(photos, top / "fetched", read(expected), read(top / "fetched"))
    stop_cluster()


def tell(photos, out, expected, found):
    """Counts of what must not be."""
    rows = [row for part in read_rows(manifest(out)) for row in part]
    last = {row["source"]: row["status"] for row in rows}
    done = Counter(row["source"] for row in rows if row["status"] == "done")
    sources = [str(path.relative_to(photos)) for path in photos.rglob("*.jpg")]
    half = list(out.rglob(".unblur-*"))
    corrupt = sum(expected[name] != data for name, data in found.items() if name in expected)
    print(f"  in the end: {dict(Counter(last.values()))}")
    print(
        f"  lost {sum(source not in last for source in sources) + len(expected.keys() - found)}, "
        f"doubled {sum(times > 1 for times in done.values()) + len(found.keys() - expected)}, "
        f"corrupt {corrupt}, files in the making {len(half)}"
    )


def read(folder):
    """Results by name."""
    return {str(x.relative_to(folder)): x.read_bytes() for x in folder.rglob("*.unblurred.jpg")}


def manifest(out):
    """The manifest of these results."""
    return Store(str(out / "unblur-manifest"))


def main():
    """Print what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--memory", default="2000,20000")
    parser.add_argument("--faults", type=int, default=2000)
    parser.add_argument("--store", type=int, default=300)
    asked = parse(parser, photos=4, memory="0", faults=0, store=0)
    print(describe("bf16 or float32, as `unblur doctor` says"))
    print(f"load before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top)
        if asked.photos:
            throughput(folder, asked.photos)
        if asked.memory != "0":
            memory(folder, [int(count) for count in asked.memory.split(",")])
        if asked.faults:
            faults(folder, asked.faults)
        if asked.store:
            store(folder, asked.store)


if __name__ == "__main__":
    main()
