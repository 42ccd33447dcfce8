"""Discrete-event simulation of `unblur scale` on many workers: how long, and where it ends.

    python benchmarks/scale_simulation.py [--photos 1e7] [--workers 100] [--manifest DIR]
        [--seconds 7.8] [--driver-ms 1.0]

Service times are drawn from the rows of a manifest, stretched to the mean that is asked for (a
photo of 12 megapixels, docs/speed.md). The driver hands out and takes back one photo at a time,
which takes it --driver-ms (printed by benchmarks/scale.py --memory). Of the workers 5 % run at
half speed, of the photos 1 in 1,000 takes 20 times as long; each worker dies at random, takes its
photo with it, and is back after two minutes.
"""

import argparse
import heapq
import time
from dataclasses import dataclass

import numpy as np

from machine import describe
from quick import parse
from unblur.tasks.scale.manifest import read_rows
from unblur.tasks.scale.store import Store

CHUNK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What goes wrong, and how often."""

    slow_workers: float = 0.05
    slow_by: float = 2.0
    long_photos: float = 0.001
    long_by: float = 20.0
    hours_between_deaths: float = 24.0
    back_after_seconds: float = 120.0


NONE = Faults(slow_workers=0.0, long_photos=0.0, hours_between_deaths=float("inf"))


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one simulated run came to."""

    makespan: float
    """Seconds."""
    ideal: float
    """Seconds: all service times by the number of workers, nothing slow, lost or waiting."""
    deaths: int
    lost_seconds: float
    """Of work that died."""
    driver_busy: float
    """Share of the time."""
    idle_at_end: float
    """Seconds between the first worker without work and the last photo."""


def simulate(photos, workers, times, *, driver_seconds, faults, seed=0):
    """Run all photos through all workers, event by event.

    Args:
        photos: How many.
        workers: How many.
        times: Service times to draw from, s.
        driver_seconds: Of the driver, for each photo.
        faults: What goes wrong.
        seed: Decides which times are drawn and who dies when.
    """
    rng = np.random.default_rng(seed)
    slowness = np.where(rng.random(workers) < faults.slow_workers, faults.slow_by, 1.0).tolist()
    between = faults.hours_between_deaths * 3600
    dies = (between * rng.standard_exponential(workers)).tolist()
    free = [(0.0, worker) for worker in range(workers)]
    heapq.heapify(free)
    driver = total = lost = last = busy = 0.0
    deaths = 0
    drawn, again = iter(()), []
    remaining = photos
    while remaining or again:
        now, worker = heapq.heappop(free)
        if again:
            service = again.pop()
        else:
            service = next(drawn, None)
            if service is None:
                batch = rng.choice(times, CHUNK)
                batch[rng.random(CHUNK) < faults.long_photos] *= faults.long_by
                drawn = iter(batch.tolist())
                service = next(drawn)
            total += service
            remaining -= 1
        start = max(now, driver) + driver_seconds
        driver = start
        busy += driver_seconds
        end = start + service * slowness[worker]
        if dies[worker] <= end:
            died = max(dies[worker], start)
            lost += died - start
            deaths += 1
            again.append(service)
            back = died + faults.back_after_seconds
            dies[worker] = back + rng.exponential(between)
            heapq.heappush(free, (back, worker))
            last = max(last, died)
        else:
            last = max(last, end)
            heapq.heappush(free, (end, worker))
    return Result(
        makespan=last,
        ideal=total / workers,
        deaths=deaths,
        lost_seconds=lost,
        driver_busy=busy / last,
        idle_at_end=last - free[0][0],
    )


def load(manifest, mean_seconds):
    """Service times of this mean: those of a manifest, or lognormal ones of the usual spread."""
    if manifest is None:
        times = np.random.default_rng(1).lognormal(0.0, 0.5, 10_000)
    else:
        rows = (row for part in read_rows(Store(manifest)) for row in part)
        times = np.array([row["seconds"] for row in rows if row["status"] == "done"])
    return times * (mean_seconds / times.mean())


def row(photos, workers, result):
    """One line of the table."""
    print(
        f"| {workers} | {photos:.0e} | {result.makespan / 3600:.1f} | {result.ideal / 3600:.1f} "
        f"| {100 * result.ideal / result.makespan:.0f} % | {100 * result.driver_busy:.1f} % "
        f"| {result.deaths} | {result.lost_seconds / 3600:.2f} | {result.idle_at_end:.0f} |"
    )


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=float, default=1e7)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--manifest")
    parser.add_argument("--seconds", type=float, default=7.8)
    parser.add_argument("--driver-ms", type=float, default=1.0)
    asked = parse(parser, photos=2e4, workers=10)
    times = load(asked.manifest, asked.seconds)
    driver = asked.driver_ms / 1e3
    print(describe("simulation"))
    spread = np.percentile(times, [5, 50, 95, 100])
    print(
        f"service: mean {times.mean():.2f} s, 5 % {spread[0]:.2f}, median {spread[1]:.2f}, "
        f"95 % {spread[2]:.2f}, most {spread[3]:.2f}; driver {asked.driver_ms:g} ms a photo"
    )
    head = "| workers | photos | hours | ideal | share | driver busy | deaths | h lost | tail, s |"
    print(f"{head}\n|---|---|---|---|---|---|---|---|---|")
    started = time.perf_counter()
    for faults in (NONE, Faults()):
        count = int(asked.photos)
        row(
            count,
            asked.workers,
            simulate(count, asked.workers, times, driver_seconds=driver, faults=faults),
        )
    print(f"({time.perf_counter() - started:.0f} s; above without, below with faults)\n\n{head}")
    print("|---|---|---|---|---|---|---|---|---|")
    for workers in (10, 100, 1000, 3000, 10_000, 30_000):
        count = max(200_000, 100 * workers)
        row(count, workers, simulate(count, workers, times, driver_seconds=driver, faults=Faults()))
    print(
        f"\nThe driver is the limit from mean / driver = {times.mean() / driver:,.0f} workers on; "
        f"of photos that take 0.1 s, from {0.1 / driver:,.0f} on."
    )


if __name__ == "__main__":
    main()
