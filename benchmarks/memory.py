"""Seconds in turns; seconds and peak memory of whole processes, by size and by settings.

`python benchmarks/restore.py` runs this. With --sizes, --memory or --settings every row is
its own process, since freed memory stays with a process and hides what the next row needs.
"""

import gc
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyvips
import skimage.data

from machine import describe, engine_dtypes
from quick import has_bf16
from start_up import peak_of
from unblur.devices import keep_freed_memory
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

FIGURE = Path(__file__).parents[1] / "docs/figures/speed-by-size.svg"
SIZE_ROWS = (("fast", "openvino"), ("fast", "onnx"), ("deblurgan", "openvino"))
ENGINES = (("openvino", "bf16"), ("openvino", "fp32"), ("onnx", "fp32"), ("torch", "fp32"))
LIMIT_SECONDS = 240
"""A row ends before a size that would take longer, judged by the last one."""
COLOURS = ("#1f6f8b", "#c2571a", "#6a3d9a")
MEBI = 1 << 20
TURN_SECONDS = 1.0
"""What is faster gets several calls a turn."""


def in_turns(work: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Median seconds of each, or of the seconds that it returns; the first turn warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(runs + 1):
        for name, call in work.items():
            found: list[float] = []
            while len(found) < 6 and sum(found) < TURN_SECONDS:
                started = time.perf_counter()
                result = call()
                taken = time.perf_counter() - started
                found.append(result if isinstance(result, float) else taken)
                del result
            gc.collect()
            if turn:
                seconds[name].append(statistics.median(found[1:] or found))
    return {name: statistics.median(values) for name, values in seconds.items()}


@contextmanager
def networks() -> Iterator[dict[str, str]]:
    """What to name for each network; DeblurGAN is a file with random weights."""
    from unblur.models import build_model
    from unblur.tasks.networks.export import export

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "deblurgan.onnx")
        export(build_model("deblurgan"), path, model="deblurgan", metadata={"license": "none"})
        yield {"fast": "fast", "deblurgan": str(path)}


def by_size(sizes: list[float]) -> None:
    """Print and draw seconds and memory of `unblur restore` for JPEG photos of some megapixels."""
    rows: dict[str, list[tuple[float, float]]] = {}
    print("| | megapixels | s | s a megapixel | peak MB |\n|---|---|---|---|---|")
    with networks() as models, tempfile.TemporaryDirectory() as folder:
        photos = [write_photo(Path(folder), size) for size in sizes]
        for model, engine in SIZE_ROWS:
            row = rows.setdefault(f"{model}, {engine}", [])
            for (photo, size), target in zip(photos, [Path(folder, "out.jpg")] * 99, strict=False):
                if row and row[-1][1] / row[-1][0] * size > LIMIT_SECONDS:
                    continue
                command = [sys.executable, "-m", "unblur", "restore", str(photo), "-o",
                           str(target), "--overwrite", "-q", "--model", models[model],
                           "--engine", engine]  # fmt: skip
                seconds, peak = peak_of(command)
                row.append((size, seconds))
                print(f"| {model}, {engine} | {size:.1f} | {seconds:.1f} | {seconds / size:.2f} "
                      f"| {peak:.0f} |", flush=True)  # fmt: skip
    draw(rows, FIGURE)
    dtypes = engine_dtypes(*dict.fromkeys(engine for _, engine in SIZE_ROWS))
    print(f"{describe(dtypes)}; drawn in {FIGURE}")


def write_photo(folder: Path, megapixels: float) -> tuple[Path, float]:
    """A JPEG of about that size, 4:3, and its true size."""
    image = pyvips.Image.new_from_array(skimage.data.coffee()).copy(interpretation="srgb")
    height = round(math.sqrt(megapixels * 1e6 * 3 / 4))
    width = round(height * 4 / 3)
    large = image.resize(width / image.width, vscale=height / image.height, kernel="cubic")
    path = folder / f"{megapixels:g}.jpg"
    large.jpegsave(str(path), Q=92)
    return path, large.width * large.height / 1e6


def by_network() -> None:
    """Print what the networks need for every pixel, with and without the allocator's settings."""
    print("| 1024x1024 | memory | s | bytes a pixel |\n|---|---|---|---|")
    with networks() as models:
        for model, path in models.items():
            for engine, precision in ENGINES:
                if precision == "bf16" and not has_bf16():
                    continue
                for kept in (False, True):
                    found = fresh(
                        RestoreOptions(
                            method="network", model=path, engine=engine, precision=precision
                        ),
                        side=1024, kept=kept, bare=True,
                    )  # fmt: skip
                    print(f"| {model}, {engine} {precision} | {'kept' if kept else 'returned'} | "
                          f"{found['seconds']:.3f} | {found['bytes'] / 1024**2:.0f} |",
                          flush=True)  # fmt: skip
    print(describe("fp32 and bf16 by row"))


def by_settings() -> None:
    """Print what threads, tiles and the guard change for `fast`."""
    print("| fast, 2048x2048 | s a megapixel | peak MB above the start |\n|---|---|---|")
    engines = ("openvino", "onnx")
    for engine in engines:
        whole = {"tile": "off"}
        for changed in (whole, {**whole, "threads": 1}, {**whole, "guard": True}, {"tile": 1536},
                        {"tile": 1024}, {"tile": 768}, {}):  # fmt: skip
            options = RestoreOptions(method="network", engine=engine, **{"guard": False, **changed})
            found = fresh(options, side=2048, kept=False, bare=False)
            what = ", ".join(f"{key} {value}" for key, value in changed.items()) or "tile auto"
            print(f"| {engine}, {what} | {found['seconds'] / 2048**2 * 1e6:.3f} | "
                  f"{found['bytes'] / MEBI:.0f} |", flush=True)  # fmt: skip
    print(describe(engine_dtypes(*engines)))


def fresh(options: RestoreOptions, *, side: int, kept: bool, bare: bool) -> dict[str, float]:
    """Measure in a process of its own.

    Args:
        options: Of the restorer.
        side: Of the picture, in px.
        kept: Let the process keep freed memory.
        bare: The network alone, without padding, layout and clipping.

    Returns:
        Median ``seconds`` and ``bytes`` above what there was before.
    """
    asked = json.dumps({"options": asdict(options), "side": side, "kept": kept, "bare": bare})
    done = subprocess.run(
        [sys.executable, __file__, asked], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(asked: str) -> None:
    """In the process of its own: measure, and print."""
    task = json.loads(asked)
    if task["kept"]:
        keep_freed_memory()
    restorer = Restorer.open(RestoreOptions(**task["options"]))
    side = task["side"]
    repeats = -(-side // 512)
    pixels = np.tile(skimage.data.astronaut(), (repeats, repeats, 1))[:side, :side] / np.float32(
        255
    )
    pixels = np.ascontiguousarray(pixels, np.float32)
    batch = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
    restorer.restore_pixels(pixels[:64, :64])
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        if task["bare"]:
            restorer.engine.run(batch)
        else:
            restorer.restore_pixels(pixels)
        seconds.append(time.perf_counter() - started)
    found = {"seconds": statistics.median(seconds[1:]), "bytes": _memory("VmHWM") - before}
    print(json.dumps(found))


def _memory(what: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split(f"{what}:")[1].split()[0])


def draw(rows: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """Draw seconds by megapixels, both axes logarithmic, as SVG."""
    points = [point for row in rows.values() for point in row]
    low = [10 ** math.floor(math.log10(min(values))) for values in zip(*points, strict=True)]
    high = [10 ** math.ceil(math.log10(max(values))) for values in zip(*points, strict=True)]

    def place(point: tuple[float, float]) -> tuple[float, float]:
        right, up = (
            math.log10(value / least) / math.log10(most / least)
            for value, least, most in zip(point, low, high, strict=True)
        )
        return 70 + 480 * right, 330 - 290 * up

    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 390" '
             'font-family="sans-serif" font-size="13">',
             "<title>Seconds of unblur restore by size of the photo</title>",
             '<rect width="720" height="390" fill="white"/>']  # fmt: skip
    for axis in (0, 1):
        for power in range(round(math.log10(low[axis])), round(math.log10(high[axis])) + 1):
            value = 10.0**power
            ends = [[low[0], low[1]], [high[0], high[1]]]
            ends[0][axis] = ends[1][axis] = value
            (x1, y1), (x2, y2) = (place((end[0], end[1])) for end in ends)
            parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                         'stroke="#ccc"/>')  # fmt: skip
            at = (f'x="{x1:.1f}" y="350" text-anchor="middle"' if axis == 0
                  else f'x="62" y="{y1 + 4:.1f}" text-anchor="end"')  # fmt: skip
            parts.append(f"<text {at}>{value:g}</text>")
    parts.append('<text x="310" y="376" text-anchor="middle">megapixels</text>')
    parts.append('<text x="70" y="26">seconds, whole process, JPEG to JPEG</text>')
    for colour, (name, row) in zip(COLOURS, rows.items(), strict=True):
        spots = [place(point) for point in row]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in spots]
        x, y = spots[-1]
        at = (f'x="{x + 9:.1f}" y="{y + 4:.1f}"' if x > 500  # at the edge: beside, else above
              else f'x="{x:.1f}" y="{y - 10:.1f}" text-anchor="middle"')  # fmt: skip
        parts.append(f'<text {at} fill="{colour}">{name}</text>')
    path.write_text("\n".join([*parts, "</svg>\n"]), encoding="utf-8")


if __name__ == "__main__":
    measure(sys.argv[1])
