"""Find out by trying what a network of others takes and gives, and how far it sees."""

import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur import checks
from unblur.engines.adapt import ORDERS, RANGES, Adaptation, adapt, opset, read_model
from unblur.errors import NetworkError, OptionError
from unblur.imaging.draw.leaves import make_pictures
from unblur.metrics import psnr
from unblur.tasks.foreign.raw import RawNetwork, misfits
from unblur.tasks.foreign.sight import Sight, measure_sight

Float32 = NDArray[np.float32]

MULTIPLES: Final = (1, 2, 4, 8, 16, 32, 64, 128)
_TRIED_PX: Final = 72
"""Sides are tried from here on; smaller ones fail for other reasons."""
_SHOWN_PX: Final = 192
_GAIN_DB: Final = 0.05
"""A range that gains so much more than the next one is seen, not assumed."""
_ALIKE: Final = 0.6
"""Correlation of what comes out with what goes in, from which on it is a picture of it."""
_LEAST_OPSET: Final = 7
"""Before it, a number could not be multiplied with a picture."""
_OTHERWISE_DB: Final = 1.0
"""An output in another range than the input must be so much nearer to the picture."""
_RUINED_DB: Final = -10.0
"""What makes a blurred picture worse than this was perhaps shown what it does not know."""
_GRID_PX: Final = 64
"""Tiles begin on multiples of this: of most strides that a network may have inside."""


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What the user says of a network; None is found out."""

    range: str | None = None
    multiple: int | None = None
    output: str | None = None
    order: str = "rgb"
    """``rgb`` or ``bgr``: cannot be seen."""
    receptive_field: int | None = None

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            OptionError: If one is unknown.
        """
        checks.known(self, range=RANGES, order=ORDERS)
        for name in ("multiple", "receptive_field"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionError(f"{name.replace('_', ' ')} must be 1 or more, got {value}")


@dataclass(frozen=True, kw_only=True)
class Probed:
    """A network that unblur can run, and what was found out about it."""

    model: bytes
    """A network file like unblur's own."""
    adaptation: Adaptation
    multiple_of: int
    sight: Sight
    report: tuple[str, ...]
    """A line for each thing that was found out."""


def probe(path: Path, stated: Stated, *, facts: dict[str, str]) -> Probed:
    """Try a network on pictures.

    Args:
        path: An ONNX file.
        stated: What need not be found out.
        facts: What the file shall say of itself, beside what is found out.

    Raises:
        NetworkError: If it is no network, or none that maps a picture to one of its size; in one
            line that says what is missing.
    """
    model = read_model(path)
    raw = RawNetwork(model, path)
    if opset(model) < _LEAST_OPSET:
        raise NetworkError(
            f"{path} is written in version {opset(model)} of ONNX's operators: expected "
            f"{_LEAST_OPSET} or newer; onnx.version_converter converts it"
        )
    given, multiple, report = _find_size(raw, stated)
    sharp, blurred = (_shown(each, given, multiple) for each in _pictures())
    given, lines = _find_range(raw, given, stated, sharp, blurred)
    report += lines
    said = {
        "unblur.architecture": f"{path.stem}, of others",
        "unblur.multiple_of": str(multiple),
        "unblur.range": _ranges(given),
        **facts,
    }
    if given.fixed:
        said["unblur.fixed"] = f"{given.fixed[0]}x{given.fixed[1]}"
    grid = math.lcm(multiple, _GRID_PX)
    sight = measure_sight(
        lambda pixels: raw.restore(pixels, given),
        adapt(model, given, said),
        multiple_of=multiple,
        grid_px=grid,
        fixed=given.fixed,
        stated=stated.receptive_field,
    )
    said |= sight.facts()
    report.append(sight.sentence)
    return Probed(
        model=adapt(model, given, said),
        adaptation=given,
        multiple_of=multiple,
        sight=sight,
        report=tuple(report),
    )


def _find_size(raw: RawNetwork, stated: Stated) -> tuple[Adaptation, int, list[str]]:
    """Layout, sizes that run, and the outputs that are pictures of the size that went in."""
    problem = ""
    for layout in raw.layouts:
        given = replace(raw.adaptation(layout), order=stated.order)
        for multiple in [1] if given.fixed else _multiples(stated):
            height, width = given.fixed or (
                (-(-_TRIED_PX // multiple) | 1) * multiple,
                ((-(-_TRIED_PX // multiple) | 1) + 2) * multiple,
            )
            pixels = _mirrored(_pictures()[1], height, width)
            try:
                pictures = raw.pictures(pixels, given)
            except NetworkError as error:
                problem = problem or str(error)
                continue
            if stated.output is not None and stated.output not in raw.outputs:
                known = ", ".join(raw.outputs)
                raise OptionError(f"{raw.path} has no output {stated.output!r}; it has {known}")
            wanted = stated.output or next(iter(pictures), None)
            if wanted in pictures:
                given = pictures[wanted]
                return given, multiple, _size_lines(raw, given, multiple, stated)
            shapes = [values.shape for values in raw.run(pixels, given).values()]
            problem = f"{raw.path} gives {misfits(shapes, height, width)}"
    raise NetworkError(problem or f"{raw.path} runs on no size that was tried")


def _multiples(stated: Stated) -> tuple[int, ...]:
    return MULTIPLES if stated.multiple is None else (stated.multiple,)


def _size_lines(raw: RawNetwork, given: Adaptation, multiple: int, stated: Stated) -> list[str]:
    order = "(B, 3, H, W)" if given.layout == "nchw" else "(B, H, W, 3)"
    seen = f"takes {order} of {given.type}"
    if given.fixed:
        return [f"{seen}, of {given.fixed[0]} x {given.fixed[1]} px and no other size"]
    why = "as stated" if stated.multiple else "the least that ran"
    sides = "any sides" if multiple == 1 else f"sides that are multiples of {multiple}"
    return [f"{seen}, {sides} ({why})"]


@dataclass(frozen=True, kw_only=True)
class _Try:
    """What a network made of a blurred picture that it was given in one range."""

    given: Adaptation
    gain_db: float
    alike: float
    """Correlation with what went in."""


def _find_range(
    raw: RawNetwork, given: Adaptation, stated: Stated, sharp: Float32, blurred: Float32
) -> tuple[Adaptation, list[str]]:
    """Range of the values, and which output is the restored picture."""
    names = [stated.range] if stated.range else ["0..255"] if given.type == "uint8" else [*RANGES]
    tries = [
        each for name in names for each in _try_range(raw, given, name, stated, sharp, blurred)
    ]
    if stated.output is not None:
        tries = [each for each in tries if each.given.output == stated.output]
    # Who states a range has seen pictures, whatever becomes of this one.
    good = [each for each in tries if each.alike >= _ALIKE or stated.range]
    if not good:
        best = max((each.alike for each in tries), default=0.0)
        raise NetworkError(
            f"{raw.path} gives no picture of what it is shown, whatever the range of its values "
            f"(correlation {best:.2f} at best); if it is one that restores photos, name its range "
            f"(--range {', '.join(RANGES)})"
        )
    good.sort(key=lambda each: -each.gain_db)
    found = good[0]
    rival = next((each for each in good if each.given.range != found.given.range), None)
    changes = f"a blurred picture changes by {found.gain_db:+.2f} dB"
    if len(names) == 1:
        how = f"{'as stated' if stated.range else 'bytes'}; {changes}"
    elif rival is None or found.gain_db > max(0.0, rival.gain_db + _GAIN_DB):
        beside = f", with {rival.given.range} by {rival.gain_db:+.2f}" if rival else ""
        how = f"seen: {changes}{beside}"
    else:
        # Equally good, or none gains: what most networks take, not what changes least.
        order = list(RANGES)
        found = min(good, key=lambda each: (order.index(each.given.range), -each.gain_db))
        how = "assumed: nothing tells it; --range says otherwise"
    lines = [f"values {_ranges(found.given)} ({how})"]
    if len(raw.outputs) > 1:
        why = "as stated" if stated.output else "of its size, and the best"
        lines.append(f"output {found.given.output!r} of {len(raw.outputs)} ({why})")
    if found.gain_db < _RUINED_DB:
        lines.append(
            f"a blurred picture gets worse by {-found.gain_db:.0f} dB: look at what it makes of a "
            "photo before you restore many; --range and --order say what it takes"
        )
    return found.given, lines


def _try_range(
    raw: RawNetwork,
    given: Adaptation,
    name: str,
    stated: Stated,
    sharp: Float32,
    blurred: Float32,
) -> list[_Try]:
    """One for each output that is a picture, in the range that brings it nearest."""
    tries: dict[str, _Try] = {}
    inside = _inside(blurred)
    before = psnr(blurred[inside], sharp[inside])
    given = replace(given, range=name)
    # Who states a range means what comes out, too.
    ranges = [name] if stated.range else [name, *(other for other in RANGES if other != name)]
    for each, restored in raw.restorations(blurred, given, ranges):
        if not np.isfinite(restored).all():
            continue
        gain = psnr(np.clip(restored[inside], 0, 1), sharp[inside]) - before
        alike = _correlation(restored[inside], blurred[inside])
        first = tries.get(each.output)
        if first is None or gain > first.gain_db + _OTHERWISE_DB:
            tries[each.output] = _Try(given=each, gain_db=gain, alike=alike)
    return list(tries.values())


def _ranges(given: Adaptation) -> str:
    return given.range if given.output_range is None else f"{given.range} in, {given.gives} out"


@cache
def _pictures() -> tuple[Float32, Float32]:
    return make_pictures()


def _inside(pixels: Float32) -> tuple[slice, slice]:
    """Without the borders, where networks that see black around a picture darken it."""
    rows, columns = (slice(side // 8, side - side // 8) for side in pixels.shape[:2])
    return rows, columns


def _correlation(one: Float32, other: Float32) -> float:
    first, second = (each.astype(np.float64) - each.mean() for each in (one, other))
    size = math.sqrt(float((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size else 0.0


def _shown(pixels: Float32, given: Adaptation, multiple: int) -> Float32:
    """As much of a picture as the network is shown."""
    side = -(-_SHOWN_PX // multiple) * multiple
    return _mirrored(pixels, *(given.fixed or (side, side)))


def _mirrored(pixels: Float32, height: int, width: int) -> Float32:
    """A picture of another size: cut, or mirrored to the right and below."""
    pixels = pixels[:height, :width]
    below, right = height - pixels.shape[0], width - pixels.shape[1]
    return np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="symmetric")
