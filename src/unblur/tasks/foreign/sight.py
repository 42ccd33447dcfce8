"""How far does a network see? Change a few pixels and look where what comes out differs."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from unblur.engines import Graph, OnnxEngine
from unblur.errors import NetworkError, UnblurError
from unblur.imaging.tiles import ArrayPicture
from unblur.metrics import psnr
from unblur.models import NEAR_PX
from unblur.tasks.methods.layers import LayeredNetwork

Float32 = NDArray[np.float32]

_CANVAS_PX: Final = (256, 512, 1024)
_LARGE_BYTES: Final = 20_000_000
"""Of networks with more weights the last canvas would take minutes and much memory."""
_SPOT_PX: Final = 4
_LEAST: Final = 1e-6
"""Smaller changes are rounding."""
_SEEN_EVERYWHERE: Final = 0.5
"""Share of the pixels far away that differ, from which on a network sees the whole."""
_HALOS_PX: Final = (16, 32, 64, 128)
_SAME_DB: Final = 60.0
"""Bands from layer to layer that are so near the whole are the whole, but for half precision."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """How far a network sees, and so how photos are cut for it."""

    tiling: Literal["exact", "global", "near"]
    """As in :class:`unblur.models.ModelSpec`."""
    receptive_field_px: int
    halo_px: int
    """``global``: surroundings of a band."""
    grid_px: int
    sentence: str

    def facts(self) -> dict[str, str]:
        """What the network file says of it."""
        return {
            "unblur.tiling": self.tiling,
            "unblur.receptive_field_px": str(self.receptive_field_px),
            "unblur.halo_px": str(self.halo_px),
            "unblur.grid_px": str(self.grid_px),
        }


def measure_sight(
    restore: Callable[[Float32], Float32],
    model: bytes,
    *,
    multiple_of: int,
    grid_px: int,
    fixed: tuple[int, int] | None,
    stated: int | None,
) -> Sight:
    """Measure the receptive field, and whether all of the picture matters.

    Args:
        restore: Runs the network on (H, W, 3).
        model: The network, adapted: is cut into layers if it sees the whole.
        multiple_of: Of the sides.
        grid_px: Where tiles may begin.
        fixed: Height and width, if it takes no others.
        stated: The receptive field in px, if the user knows it.
    """
    if fixed is not None:
        return _sight_of_fixed(restore, fixed, stated)
    canvases = _CANVAS_PX if len(model) <= _LARGE_BYTES else _CANVAS_PX[:-1]
    field, whole = _field(restore, canvases, multiple_of, has_means=_has_means(model))
    if not whole:
        field = stated or field
        how = "as stated" if stated else "measured"
        return Sight(
            tiling="exact",
            receptive_field_px=field,
            halo_px=0,
            grid_px=grid_px,
            sentence=f"a pixel depends on {field} x {field} px ({how}): photos are cut into tiles",
        )
    halo = _find_halo(restore, model, multiple_of)
    if halo is not None and stated is None:
        return Sight(
            tiling="global",
            receptive_field_px=NEAR_PX,
            halo_px=2 * halo,
            grid_px=multiple_of,
            sentence="a pixel depends on the whole picture, by means that are taken over it: large "
            "photos are restored layer by layer, as if at once",
        )
    field = stated or NEAR_PX
    return Sight(
        tiling="near",
        receptive_field_px=field,
        halo_px=0,
        grid_px=grid_px,
        sentence="a pixel depends on the whole picture, and the network cannot be cut into layers: "
        f"large photos are restored in tiles with {field // 2} px around them, which is near what "
        "--tile off gives",
    )


def _sight_of_fixed(
    restore: Callable[[Float32], Float32], fixed: tuple[int, int], stated: int | None
) -> Sight:
    """Of a network that takes one size: as much around tiles as leaves something between."""
    field, _ = (stated, False) if stated else _field_on(restore, *fixed)
    most = min(fixed) // 4
    halo = min(-(-field // 2), most)
    grid = max(step for step in (1, 2, 4, 8, 16) if step <= max(1, min(fixed) // 16))
    exact = -(-field // 2) <= most
    words = "all that a pixel depends on" if exact else f"of {-(-field // 2)} px that matter"
    return Sight(
        tiling="exact" if exact else "near",
        receptive_field_px=2 * halo // grid * grid,
        halo_px=0,
        grid_px=grid,
        sentence=f"photos are cut into tiles of {min(fixed)} px, {halo} px around each, {words}",
    )


def _field(
    restore: Callable[[Float32], Float32],
    canvases: Sequence[int],
    multiple_of: int,
    *,
    has_means: bool,
) -> tuple[int, bool]:
    """Width of the square that matters, and whether it is the whole picture."""
    for canvas in canvases:
        side = -(-canvas // multiple_of) * multiple_of
        field, whole = _field_on(restore, side, side)
        if (whole and has_means) or (not whole and field // 2 < side - 2 * _SPOT_PX):
            return field, whole
    return field, True


def _has_means(model: bytes) -> bool:
    try:
        Graph(model)
    except NetworkError as error:
        return "scale or bias" in str(error)
    return True


def _field_on(restore: Callable[[Float32], Float32], height: int, width: int) -> tuple[int, bool]:
    rng = np.random.default_rng(0)
    # Noise lets all ways through a network matter; a spot is changed in two opposite corners.
    pixels = rng.random((height, width, 3), dtype=np.float32)
    before = restore(pixels)
    reach, far = 0, 0.0
    for corner in (slice(0, _SPOT_PX), slice(-_SPOT_PX, None)):
        changed = pixels.copy()
        # Black and white: what is taken from the whole may be its largest value.
        changed[corner, corner] = np.indices((_SPOT_PX, _SPOT_PX)).sum(axis=0)[..., None] % 2
        differs = (np.abs(restore(changed) - before) > _LEAST).any(axis=2)
        if corner.start != 0:
            differs = differs[::-1, ::-1]
        far = max(far, float(differs[-height // 8 :, -width // 8 :].mean()))
        for axis in (0, 1):
            touched = np.flatnonzero(differs.any(axis=axis))
            reach = max(reach, int(touched[-1]) if len(touched) else 0)
    # The spot's first pixel is nearest to the corner: what it reaches counts from there.
    return 2 * reach + 1, far > _SEEN_EVERYWHERE


def _find_halo(restore: Callable[[Float32], Float32], model: bytes, multiple_of: int) -> int | None:
    """How much around a band is enough; None if the network cannot be cut into layers."""
    rng = np.random.default_rng(1)
    width = -(-64 // multiple_of) * multiple_of
    try:
        graph = Graph(model)
        with _opened(model) as engine:
            for halo in _HALOS_PX:
                grid = max(multiple_of, 8)
                rows = -(-max(192, 10 * halo) // grid) * grid
                # Halves of different brightness: their means are not those of the whole.
                pixels = rng.random((rows, width, 3), dtype=np.float32)
                pixels[: rows // 2] *= np.float32(0.4)
                layered = LayeredNetwork(engine, graph, multiple_of=multiple_of, halo_px=halo)
                restored = layered.restore(ArrayPicture(pixels), band_px=1)
                got = restored.read(slice(0, rows), slice(0, width))
                if psnr(got, restore(pixels)) >= _SAME_DB:
                    return halo
    except (UnblurError, ValueError, KeyError, IndexError, ZeroDivisionError):
        return None  # what lies between its layers is not what can be cut
    return None


@contextmanager
def _opened(model: bytes) -> Iterator[OnnxEngine]:
    """An engine for a network that is not in a file yet."""
    handle, name = tempfile.mkstemp(suffix=".onnx")
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(model)
        yield OnnxEngine(path)
    finally:
        path.unlink(missing_ok=True)
