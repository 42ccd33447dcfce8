"""What an archive costs to restore: an estimate on paper, from the speed of one machine."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unblur.engines import heard_of_devices, parse_device
from unblur.errors import OptionError
from unblur.tasks.bench.speed import SpeedOptions, measure
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

_MOST_MEASURED_MEGAPIXELS: Final = 4.0
"""Larger photos are restored in tiles, and take as long a megapixel as this or a little less."""


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """What is to be restored, on what."""

    photos: float
    megapixels: float = 12.0
    """Megapixels of one photo."""
    machines: int | None = None
    """How many machines work; None asks how many are needed for ``hours``."""
    hours: float | None = None
    """Hours in which all is to be done."""
    price: float | None = None
    """Price of a machine for an hour, in any currency."""
    share: float = 0.85
    """Of the speed of one photo after the other that many workers reach (docs/scale.md)."""
    again: float = 0.02
    """Share of the work that is done a second time, for workers that die."""
    megabytes: float | None = None
    """Size of one photo's file; None takes 0.4 MB a megapixel, as an ordinary JPEG has."""

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            OptionError: If one is out of range.
        """
        for name in ("photos", "megapixels", "machines", "hours", "price", "megabytes"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise OptionError(f"{name} must be positive, got {value}")
        if self.machines is not None and self.hours is not None:
            raise OptionError("machines and hours decide each other; name one of them")
        if not 0 < self.share <= 1:
            raise OptionError(f"share must be above 0 and at most 1, got {self.share}")
        if not 0 <= self.again < 1:
            raise OptionError(f"again must be from 0 to below 1, got {self.again}")


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast one machine was, as measured."""

    seconds: float
    """Seconds for one photo, from file to file, on the whole machine."""
    megapixels: float
    """Megapixels of that photo."""
    what: str
    """Model, engine, precision and threads."""

    @property
    def seconds_per_megapixel(self) -> float:
        """What the estimate rests on."""
        return self.seconds / self.megapixels


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run on many machines will take."""

    speed: Speed
    machine_hours: float
    machines: int
    hours: float
    cost: float | None
    read_terabytes: float
    """Terabytes that are read; as much again is written."""
    megabits_per_second: float
    """Load of each machine's network, reading and writing."""


def estimate(options: PlanOptions, speed: Speed) -> Plan:
    """Compute time, machines and cost.

    Machine-hours are ``photos x megapixels x s_per_megapixel x (1 + again) / share / 3600``; hours
    are these by the machines, the cost is these by the price.
    """
    seconds = options.photos * options.megapixels * speed.seconds_per_megapixel
    machine_hours = seconds * (1 + options.again) / options.share / 3600
    if options.hours is not None:
        machines = max(1, math.ceil(machine_hours / options.hours))
    else:
        machines = options.machines or 1
    hours = machine_hours / machines
    megabytes = options.megabytes or 0.4 * options.megapixels
    return Plan(
        speed=speed,
        machine_hours=machine_hours,
        machines=machines,
        hours=hours,
        cost=None if options.price is None else machine_hours * options.price,
        read_terabytes=options.photos * megabytes / 1e6,
        megabits_per_second=2 * 8 * options.photos * megabytes / machine_hours / 3600,
    )


def formula(options: PlanOptions, plan: Plan) -> list[str]:
    """How the estimate comes about, with its numbers."""
    speed = plan.speed
    lines = [
        f"measured: {speed.what}: {speed.seconds:.3f} s for {speed.megapixels:.2f} megapixels, "
        f"s = {speed.seconds_per_megapixel:.3f} s a megapixel",
        "machine-hours = photos x megapixels x s x (1 + again) / share / 3600",
        f"  = {options.photos:g} x {options.megapixels:g} x {speed.seconds_per_megapixel:.3f} "
        f"x (1 + {options.again:g}) / {options.share:g} / 3600 = {plan.machine_hours:,.1f}",
        f"hours = machine-hours / machines = {plan.machine_hours:,.1f} / {plan.machines} "
        f"= {plan.hours:,.1f} ({plan.hours / 24:,.1f} days)",
    ]
    if plan.cost is not None:
        lines.append(
            f"cost = machine-hours x price = {plan.machine_hours:,.1f} x {options.price:g} "
            f"= {plan.cost:,.2f}"
        )
    lines.append(
        f"data: {plan.read_terabytes:,.2f} TB read and about as much written, "
        f"{plan.megabits_per_second:,.1f} Mbit/s at each machine"
    )
    return lines


def measure_speed(
    megapixels: float, *, device: str = "cpu", model: str = "fast", runs: int = 2
) -> Speed:
    """Measure on this machine, with a photo of that size or of 4 megapixels if it is larger.

    Raises:
        OptionError: If the device is unknown or not here.
    """
    wanted = parse_device(device)
    engine = "torch" if wanted.name == "cuda" and _has_cuda() else "auto"
    restoring = RestoreOptions(method="network", model=model, engine=engine, device=device)
    with heard_of_devices():  # the error says it
        opened = Restorer.open(restoring)
    if wanted.asked and (wanted.name == "cpu") != (opened.engine.device == "cpu"):
        raise OptionError(
            f"device {device} cannot be used here (`unblur doctor` says why); run `unblur bench "
            f"speed --device {device} --json > speed.json` where it can, and name that file: "
            "--speed speed.json"
        )
    pixels = 1e6 * min(megapixels, _MOST_MEASURED_MEGAPIXELS)
    height = max(64, round(math.sqrt(pixels * 3 / 4)))
    row = measure(
        SpeedOptions(
            models=(model,),
            width_px=max(64, round(pixels / height)),
            height_px=height,
            runs=runs,
            engine=engine,
            device=device,
            reference=False,
        )
    )[0]
    assert row.whole_seconds is not None
    return Speed(
        seconds=row.whole_seconds,
        megapixels=row.size[0] * row.size[1] / 1e6,
        what=f"{row.method}, {row.engine} {row.precision}, {_computes(row.device, row.threads)}",
    )


def read_speed(path: Path) -> Speed:
    """What `unblur bench speed --json` wrote, of its first model.

    Raises:
        OptionError: If it is not that.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        row = found["rows"][0]
        width, height = row["size"]
        return Speed(
            seconds=float(row["whole_seconds"]),
            megapixels=width * height / 1e6,
            what=f"{row['method']}, {row['engine']} {row['precision']}, "
            f"{_computes(row.get('device', 'cpu'), row['threads'])}, "
            f"{found['machine']['processor']}",
        )
    except OSError as error:
        raise OptionError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise OptionError(f"{path}: is not what `unblur bench speed --json` prints") from error


def _computes(device: str, threads: int) -> str:
    return f"{threads} threads" if device == "cpu" else device


def _has_cuda() -> bool:
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())
